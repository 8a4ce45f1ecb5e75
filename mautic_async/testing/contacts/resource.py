"""Contacts as a noun: what lists sort, filter and search by, and how the ten routes reach the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import custom_items, php, query, search
from mautic_async.testing.contacts import actions, companies, save, update
from mautic_async.testing.contacts import field_schema as custom
from mautic_async.testing.contacts import serialize as show
from mautic_async.testing.replies import Crash
from mautic_async.testing.resources._base import Noun, log

if TYPE_CHECKING:
    from mautic_async.testing.query import Column, Test
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.search import Term
    from mautic_async.testing.store import Row

_DATES: Final = {
    "date_added": "dateAdded",
    "date_modified": "dateModified",
    "last_active": "lastActive",
    "date_identified": "dateIdentified",
}
_PLAIN: Final = {
    "id": "id",
    "points": "points",
    "owner_id": "owner",
    "stage_id": "stage",
    "is_published": "isPublished",
    "created_by": "createdBy",
    "created_by_user": "createdByUser",
    "modified_by": "modifiedBy",
    "modified_by_user": "modifiedByUser",
}
_CAMEL: Final = {name: column for column, name in (_DATES | _PLAIN).items()}


class Contacts(Noun):
    """Contacts."""

    path = "contacts"
    one, many = "contact", "contacts"
    permission = "lead:leads"
    mapped = True
    empty: ClassVar[Any] = {}
    order = ("-last_active",)
    searched = ("firstname", "lastname", "email", "company", "city", "state", "zipcode", "country")
    partial = False

    def own(self, row: Row, ask: Ask) -> bool:
        """One's own: owned, or made and owned by nobody."""
        if ask.actor.id is None:
            return False
        return bool((row["owner"] or row["createdBy"]) == ask.actor.id)

    def total(self, count: int) -> Any:
        """As a text."""
        return str(count)

    def show(self, row: Row, ask: Ask, *, minimal: bool = False, fresh: bool = False) -> Any:
        """The contact, with its custom items where they are asked for."""
        listed = ask.request.method == "GET" and "id" not in ask.path
        listed = listed or "batch/edit" in ask.request.path or "batch/delete" in ask.request.path
        shown = show.contact(row, ask, minimal=minimal, fresh=fresh, listed=listed)
        if not ask.request.path.endswith("/batch/new"):
            _items(shown, ask)
        if php.values(ask.query.get("select")) and not ask.path and ask.request.method == "GET":
            return _selected(shown, ask)
        return shown

    def finish(self, shown: dict[Any, Any], ask: Ask) -> None:
        """Their custom items, as they are when the last row is stored."""
        for one in shown.values():
            _items(one, ask)

    def column(self, name: str) -> Column:
        """Columns of the table, and custom fields."""
        name = name.rpartition(".")[2]
        if name in _DATES:
            key = _DATES[name]
            return lambda row: None if row[key] is None else php.stamp(row[key])
        if name in _PLAIN:
            plain = _PLAIN[name]
            return lambda row: int(row[plain]) if isinstance(row[plain], bool) else row[plain]
        if name in self.aliases:
            return lambda row: row["fields"].get(name)
        raise Crash

    def where_column(self, name: str) -> Column:
        """``where`` knows the properties' names too."""
        name = name.rpartition(".")[2]
        return self.column(_CAMEL.get(name, name))

    @property
    def aliases(self) -> dict[str, Row]:
        """The fields by alias, as they stand."""
        return custom.schema(self.store, "lead").by_alias

    def term(self, term: Term, ask: Ask) -> Test | None:
        """A search word or command."""
        if term.command in ("", "ids"):
            return super().term(term, ask)
        test = self.commanded(term, ask)
        if test is None:
            term.value = f"{term.command}:{term.value}"
            return search.anywhere(term, [self.column(name) for name in self.searched])
        return search.negated(test, term)

    def commanded(self, term: Term, ask: Ask) -> Test | None:
        """The commands of a contact search."""
        value = term.value
        pattern = value if term.strict else f"%{value}%"
        if term.command == "is":
            return self._being(value, ask)
        if term.command == "email":
            return lambda row: query.like(row["fields"].get("email"), pattern)
        if term.command == "name":
            return lambda row: any(query.like(row["fields"].get(n), pattern) for n in ("firstname", "lastname"))
        if term.command in ("tag", "segment", "stage", "company", "company_id", "owner", "ip"):
            return self._related(term.command, value, pattern, ask)
        if term.command in self.aliases:
            return lambda row: query.like(row["fields"].get(term.command), pattern)
        return None

    def _being(self, value: str, ask: Ask) -> Test | None:
        if value == "anonymous":
            return lambda row: row["dateIdentified"] is None
        if value == "unowned":
            return lambda row: row["owner"] is None
        if value == "mine":
            return lambda row: row["owner"] is not None and row["owner"] == ask.actor.id
        return None

    def _related(self, command: str, value: str, pattern: str, ask: Ask) -> Test:
        if command == "tag":
            ids = {tag["id"] for tag in ask.table("tags") if query.like(tag["tag"], value)}
            return lambda row: not ids.isdisjoint(row["tags"])
        if command == "segment":
            members = actions.members(value, ask)
            return lambda row: row["id"] in members
        if command == "stage":
            stages = {one["id"] for one in ask.table("stages") if query.like(one["name"], pattern)}
            return lambda row: row["stage"] in stages
        if command == "owner":
            people = {
                one["id"] for one in ask.table("users") if query.like(f"{one['firstName']} {one['lastName']}", pattern)
            }
            return lambda row: row["owner"] in people
        if command == "ip":
            addresses = {one["id"] for one in ask.table("ips") if query.like(one["ip"], pattern)}
            return lambda row: not addresses.isdisjoint(row["ips"])
        if command == "company":
            named = {one["id"] for one in ask.table("companies") if query.like(one["fields"]["companyname"], pattern)}
            return lambda row: any(link["company"] in named for link in companies.of(row["id"], ask))
        wanted = php.integer(value)
        return lambda row: any(link["company"] == wanted for link in companies.of(row["id"], ask))

    # --- writing ---------------------------------------------------------------------------------------------------

    def existing(self, params: dict[str, Any], ask: Ask) -> Row | None:
        """The contact of the same unique value."""
        return update.existing(params, ask)

    def bind(self, row: Row | None, params: dict[str, Any], method: str, ask: Ask) -> Row:
        """The contact's form, and the plugin's dry run."""
        draft = update.bind(row, params, method, ask)
        if ask.fake.custom_objects_enabled and params.get("customObjects"):
            custom_items.dry_run(params["customObjects"], ask)
        return draft

    def attach_again(self, draft: Row) -> Row:
        """A second contact with the same values."""
        return draft | {"id": None}

    def commit(self, draft: Row, row: Row | None, params: dict[str, Any], ask: Ask) -> Row:
        """Store it."""
        return save.commit(draft, row, params, ask)

    async def ready(self, params: dict[str, Any], ask: Ask) -> None:
        """Spend the time of a row, unless the table is being altered, or a query of the plugin's dry run fails."""
        await ask.stalled("start")
        await ask.row()
        if ask.fake.custom_objects_enabled and params.get("customObjects"):
            await ask.stalled("check")
            await ask.reach("check")

    async def store_row(self, draft: Row, row: Row | None, params: dict[str, Any], ask: Ask) -> Row:
        """Save the contact step by step: its columns, its company, its custom items."""
        if ask.breaks_at("columns") or ask.is_stalled("columns"):
            saved = self.commit(save.core_only(draft, row), row, params, ask)
            await ask.stalled("columns")
            await ask.reach("columns")
            save.complete(saved, draft, ask)
        else:
            saved = self.commit(draft, row, params, ask)
        if save.changes_company(saved):
            await ask.stalled("link")
            await ask.reach("link")
            save.link(saved, ask)
        if ask.fake.custom_objects_enabled and params.get("customObjects"):
            await custom_items.run(saved["id"], params["customObjects"], ask)
        return saved

    def gone(self, row: Row) -> Row:
        """Without its id and its tags."""
        return row | {"id": None, "tags": []}

    def delete(self, row: Row, ask: Ask) -> None:
        """Remove it and what hangs on it; its custom items stay."""
        companies.forget(row["id"], ask)
        actions.forget(row["id"], ask)
        log(ask, ("lead", "lead"), row["id"], "delete", {"name": row["fields"].get("email")})
        super().delete(row, ask)

    def special(self, routes: Routes) -> None:
        """Relations."""
        actions.routes(routes)


def _items(shown: dict[str, Any], ask: Ask) -> None:
    if ask.fake.custom_objects_enabled and php.truthy(ask.query.get("includeCustomObjects")):
        found = custom_items.of_contact(shown["id"], ask)
        if found is not None:
            shown["customObjects"] = found


_KEPT: Final = ("isPublished", "dateAdded", "dateModified", "modifiedByUser", "id", "points")
"""What a contact shows beside its fields, whatever columns were selected."""


def _selected(shown: dict[str, Any], ask: Ask) -> dict[str, Any]:
    """With ``select`` nulls disappear; as an array it also leaves out the fields that it does not name."""
    made: dict[str, Any]
    if isinstance(ask.query["select"], str):
        made = show.without_nulls(shown)
        return made
    names = {php.text(one).rpartition(".")[2] for one in php.values(ask.query["select"])} | {"id"}
    groups: dict[str, Any] = {}
    for name, group in shown["fields"].items():
        groups[name] = {alias: one for alias, one in group.items() if alias in names} if group else []
    kept = {name: shown[name] for name in _KEPT} | {"fields": {name: group or [] for name, group in groups.items()}}
    if "customObjects" in shown:
        kept["customObjects"] = shown["customObjects"]
    made = show.without_nulls(kept)
    return made
