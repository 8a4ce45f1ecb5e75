"""Dynamic content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._properties import (
    ID,
    NOT_NULL,
    Property,
    boolean,
    category,
    content_filters,
    html,
    one_of,
    plain_text,
    schedule,
)

if TYPE_CHECKING:
    from mautic_async.testing.query import Predicate
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row


class DynamicContents(_parts.VariantFamily):
    """Pieces of content for slots of a site or for campaigns."""

    path: ClassVar[str] = "dynamiccontents"
    singular: ClassVar[str] = "dynamicContent"
    plural: ClassVar[str] = "dynamicContents"
    permission = "dynamiccontent:dynamiccontents"
    list_is_map = True
    default_order: ClassVar[tuple[str, ...]] = ("name",)
    searched_columns: ClassVar[tuple[str, ...]] = ("name",)
    search_commands: ClassVar[tuple[str, ...]] = ("is", "category", "lang")
    audit_name: ClassVar[tuple[str, str]] = ("dynamicContent", "dynamicContent")
    parents: ClassVar[tuple[str, ...]] = ("variantParent",)
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required=_parts.NAME),
        category(),
        Property("type", one_of("html", "text"), default="html", value_on_put="html", only_in_7=True),
        *schedule(minimal=True),
        Property("sentCount", default=0, writable=False),
        Property("variantParent", _parts.id_of("dynamiccontents")),
        Property("variantChildren", default=list, writable=False),
        Property("content", plain_text),
        _parts.utm_property(),
        Property("filters", content_filters, default=list, value_on_put=[]),
        Property("isCampaignBased", boolean, default=True, value_on_put=False),
        Property("slotName", plain_text, default="", value_on_put=""),
        _parts.projects(),
        Property("description", html, hidden=True),
        Property("language", plain_text, default="en", value_on_put=NOT_NULL, hidden=True),
        Property("translationParent", _parts.id_of("dynamiccontents"), hidden=True),
    )

    in_7: ClassVar[dict[str, Any]] = {"shows_publish_block": False}

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """Return the whole entity in Mautic 5, whether ``minimal`` was asked for or not."""
        entity = super().serialize(row, context, minimal=minimal and context.is_7, just_created=just_created)
        if minimal and context.is_7:
            return {name: entity[name] for name in ("id", "name", "category", "type")}
        return entity

    def family_member(self, row: Row, context: RequestContext, *, without: str) -> dict[str, Any]:
        """Return a member of the family; Mautic 7 does not say who wrote it."""
        entity = super().family_member(row, context, without=without)
        hidden = ("createdByUser", "modifiedByUser") if context.is_7 else ()
        return {name: value for name, value in entity.items() if name not in hidden}

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """Require a slot and filters of content that is not for campaigns; other content has no slot."""
        del params
        _parts.merge_tags(draft, row, context)
        if draft["isCampaignBased"]:
            draft["slotName"] = ""
            return
        if not draft["slotName"]:
            problems["slotName"] = "mautic.dynamicContent.slot_name.notblank"
        if not draft["filters"]:
            problems["filters"] = "mautic.dynamicContent.filter.options.empty"

    def default_filters(self, context: RequestContext) -> list[Predicate]:
        """Return the filter that hides variants."""
        del context
        return _parts.without_parents("variantParent")
