"""Dynamic content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._properties import (
    ID,
    NOT_NULL,
    Prop,
    category,
    mapping,
    plain,
    rich,
    schedule,
    switch,
)

if TYPE_CHECKING:
    from mautic_async.testing.query import Test
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.store import Row


class DynamicContents(_parts.Family):
    """Pieces of content for slots of a site or for campaigns."""

    path = "dynamiccontents"
    one, many = "dynamicContent", "dynamicContents"
    permission = "dynamiccontent:dynamiccontents"
    mapped = True
    order = ("name",)
    searched = ("name",)
    commands = ("is", "category", "lang")
    audit = ("dynamicContent", "dynamicContent")
    parents: ClassVar[tuple[str, ...]] = ("variantParent",)
    props = (
        ID,
        Prop("name", required=_parts.NAME),
        category(),
        *schedule(minimal=True),
        Prop("sentCount", default=0, writable=False),
        Prop("variantParent", _parts.reference("dynamiccontents")),
        Prop("variantChildren", default=list, writable=False),
        Prop("content", plain),
        _parts.utm(),
        Prop("filters", mapping, default=list, blank=[]),
        Prop("isCampaignBased", switch, default=True, blank=False),
        Prop("slotName", plain, default="", blank=""),
        Prop("description", rich, hidden=True),
        Prop("language", plain, default="en", blank=NOT_NULL, hidden=True),
        Prop("translationParent", _parts.reference("dynamiccontents"), hidden=True),
    )

    def show(self, row: Row, ask: Ask, *, minimal: bool = False, fresh: bool = False) -> Any:
        """As a whole, ``minimal`` or not."""
        del minimal
        return super().show(row, ask, fresh=fresh)

    def check(self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        """What is not for campaigns needs a slot and filters; what is has no slot."""
        del params
        _parts.merge_tags(draft, row, ask)
        if draft["isCampaignBased"]:
            draft["slotName"] = ""
            return
        if not draft["slotName"]:
            problems["slotName"] = "mautic.dynamicContent.slot_name.notblank"
        if not draft["filters"]:
            problems["filters"] = "mautic.dynamicContent.filter.options.empty"

    def forced(self, ask: Ask) -> list[Test]:
        """No variants."""
        del ask
        return _parts.alone("variantParent")
