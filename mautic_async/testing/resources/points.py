"""Point actions and point groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing.replies import Said
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import Noun
from mautic_async.testing.resources._properties import (
    ID,
    NOT_NULL,
    Invalid,
    Prop,
    category,
    mapping,
    plain,
    rich,
    schedule,
    switch,
    whole,
)

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.store import Row

ACTIONS: Final = {
    "asset.download": "Downloads an asset",
    "email.send": "Is sent an email",
    "email.open": "Opens an email",
    "form.submit": "Submits a form",
    "page.hit": "Visits a landing page",
    "url.hit": "Visits specific URL",
}
_LARGEST = 2147483647


def _delta(value: Any, ask: Ask) -> Any:
    made = whole(value, ask)
    if made is not None and not -_LARGEST - 1 <= made <= _LARGEST:
        raise Invalid(f"This value should be between {-_LARGEST - 1} and {_LARGEST}.")
    return made


class Points(Noun):
    """Point actions: so many points for doing this."""

    path = "points"
    one, many = "point", "points"
    permission = "point:points"
    searched = ("name", "description")
    audit = ("point", "point")
    props = (
        ID,
        Prop("name", required=_parts.NAME),
        category(),
        Prop("type", plain, required="A point action must be selected."),
        Prop("description", rich),
        *schedule(),
        Prop("delta", _delta, default=0, minimal=False, required="A point update (delta) must be selected."),
        Prop("properties", mapping, default=list, blank=[], minimal=False),
        Prop("repeatable", switch, default=False, blank=NOT_NULL, minimal=False),
        Prop("group", _parts.reference("points/groups"), hidden=True),
    )

    def special(self, routes: Routes) -> None:
        """The types of action."""
        routes.add("GET", "/api/points/actions/types", self.types)

    async def types(self, ask: Ask) -> Any:
        """Labels by type."""
        ask.need(self.permission, "view")
        return Said({"pointActionTypes": ACTIONS})


class PointGroups(Noun):
    """Groups in which contacts have scores of their own."""

    path = "points/groups"
    one, many = "pointGroup", "pointGroups"
    permission = "point:groups"
    searched = ("name",)
    commands = ()
    props = (ID, Prop("name", required=_parts.NAME), Prop("description", rich))

    def delete(self, row: Row, ask: Ask) -> None:
        """The scores go with it."""
        super().delete(row, ask)
        contacts = ask.table("contacts")
        for contact in [one for one in contacts if str(row["id"]) in one["scores"]]:
            contact["scores"] = {id: score for id, score in contact["scores"].items() if id != str(row["id"])}
            contacts.save(contact)
