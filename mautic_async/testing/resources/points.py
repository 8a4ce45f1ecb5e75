"""Point actions and point groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing.replies import Reply
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import FakeResource
from mautic_async.testing.resources._properties import (
    ID,
    NOT_NULL,
    InvalidValue,
    Property,
    boolean,
    category,
    html,
    integer,
    list_or_map,
    plain_text,
    schedule,
)

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
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


def _delta(value: Any, context: RequestContext) -> Any:
    made = integer(value, context)
    if made is not None and not -_LARGEST - 1 <= made <= _LARGEST:
        raise InvalidValue(f"This value should be between {-_LARGEST - 1} and {_LARGEST}.")
    return made


class Points(FakeResource):
    """Point actions: so many points for doing this."""

    path: ClassVar[str] = "points"
    singular: ClassVar[str] = "point"
    plural: ClassVar[str] = "points"
    permission = "point:points"
    searched_columns: ClassVar[tuple[str, ...]] = ("name", "description")
    audit_name: ClassVar[tuple[str, str]] = ("point", "point")
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required=_parts.NAME),
        category(),
        Property("type", plain_text, required="A point action must be selected."),
        Property("description", html),
        *schedule(),
        Property("delta", _delta, default=0, minimal=False, required="A point update (delta) must be selected."),
        Property("properties", list_or_map, default=list, value_on_put=[], minimal=False),
        Property("repeatable", boolean, default=False, value_on_put=NOT_NULL, minimal=False),
        _parts.projects(),
        Property("group", _parts.id_of("points/groups"), hidden=True),
    )

    def save(self, draft: Row, row: Row | None, params: dict[str, Any], context: RequestContext) -> Row:
        """Drop the properties of a new action, as Mautic does; an edit keeps them."""
        return super().save(draft if row is not None else draft | {"properties": []}, row, params, context)

    def extra_routes(self, routes: Router) -> None:
        """Add the route of the types of action."""
        routes.add("GET", "/api/points/actions/types", self.types)

    async def types(self, context: RequestContext) -> Any:
        """Answer with labels by type."""
        context.require(self.permission, "view")
        return Reply({"pointActionTypes": ACTIONS})


class PointGroups(FakeResource):
    """Groups in which contacts have scores of their own."""

    path: ClassVar[str] = "points/groups"
    singular: ClassVar[str] = "pointGroup"
    plural: ClassVar[str] = "pointGroups"
    permission = "point:groups"
    searched_columns: ClassVar[tuple[str, ...]] = ("name",)
    search_commands: ClassVar[tuple[str, ...]] = ()
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required=_parts.NAME),
        Property("description", html),
    )

    def delete(self, row: Row, context: RequestContext) -> None:
        """Delete the group with its scores."""
        super().delete(row, context)
        contacts = context.table("contacts")
        for contact in [one for one in contacts if str(row["id"]) in one["scores"]]:
            contact["scores"] = {id: score for id, score in contact["scores"].items() if id != str(row["id"])}
            contacts.save(contact)
