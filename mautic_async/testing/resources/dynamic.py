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
        *schedule(minimal=True),
        Property("sentCount", default=0, writable=False),
        Property("variantParent", _parts.id_of("dynamiccontents")),
        Property("variantChildren", default=list, writable=False),
        Property("content", plain_text),
        _parts.utm_property(),
        Property("filters", content_filters, default=list, value_on_put=[]),
        Property("isCampaignBased", boolean, default=True, value_on_put=False),
        Property("slotName", plain_text, default="", value_on_put=""),
        Property("description", html, hidden=True),
        Property("language", plain_text, default="en", value_on_put=NOT_NULL, hidden=True),
        Property("translationParent", _parts.id_of("dynamiccontents"), hidden=True),
    )

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """As a whole, ``minimal`` or not."""
        del minimal
        return super().serialize(row, context, just_created=just_created)

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """What is not for campaigns needs a slot and filters; what is has no slot."""
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
        """No variants."""
        del context
        return _parts.without_parents("variantParent")
