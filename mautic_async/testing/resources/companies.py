"""Companies: their fields, the create that wipes, and the contacts in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import php
from mautic_async.testing.contacts import companies as links
from mautic_async.testing.contacts import field_schema as custom
from mautic_async.testing.contacts.update import NOT_UNIQUE
from mautic_async.testing.replies import Crash, Said, invalid, missing
from mautic_async.testing.resources._base import Noun, log
from mautic_async.testing.resources._properties import Invalid

if TYPE_CHECKING:
    from mautic_async.testing.query import Column
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.store import Row

_PLAIN: Final = {"id": "id", "score": "score", "owner_id": "owner", "is_published": "isPublished"}
_DATES: Final = {"date_added": "dateAdded", "date_modified": "dateModified"}
_CAMEL: Final = {name: column for column, name in (_PLAIN | _DATES).items()}
_FIRST: Final = [
    "email",
    "address1",
    "address2",
    "phone",
    "city",
    "state",
    "zipcode",
    "country",
    "name",
    "website",
    "industry",
    "description",
    "number_of_employees",
    "fax",
    "annual_revenue",
]
_REQUIRED: Final = "This field is required."


class Companies(Noun):
    """Companies; a write always blanks what it sends empty, and a create with a known name blanks the rest too."""

    path = "companies"
    one, many = "company", "companies"
    permission = "lead:leads"
    mapped = True
    empty: ClassVar[Any] = {}
    searched = ("companyname", "companyemail")
    partial = False

    def total(self, count: int) -> Any:
        """As a text."""
        return str(count)

    def show(self, row: Row, ask: Ask, *, minimal: bool = False, fresh: bool = False) -> Any:
        """A company, by groups of its fields."""
        del minimal
        schema = custom.schema(ask.store, "company")
        names = ("core", "professional", "social", "personal") if fresh else ("core", "professional", "other")
        groups: dict[str, Any] = {name: {} for name in names}
        every: dict[str, Any] = {"id": row["id"]}
        fields = schema.fields
        path = ask.request.path
        listed = ask.request.method == "GET" and "id" not in ask.path
        if not fresh and (listed or path.endswith(("batch/edit", "batch/delete"))):
            fields = sorted(fields, key=_place)
        for field in fields:
            alias = field["alias"]
            definition = dict((schema.fresh if fresh else schema.loaded)[alias])
            if fresh:
                del definition["properties"]
            value = custom.shown(field, row["fields"].get(alias), stored=not fresh)
            definition |= {"value": value, "normalizedValue": custom.normalized(field, value)}
            groups.setdefault(field["group"], {})[alias] = definition
            every[alias] = value
        shown = {name: group or [] for name, group in groups.items()}
        return {"id": row["id"], "score": row["score"], "fields": shown | {"all": every}}

    def column(self, name: str) -> Column:
        """Columns in both spellings, and custom fields."""
        name = name.rpartition(".")[2]
        name = _CAMEL.get(name, name)
        if name in _PLAIN:
            plain = _PLAIN[name]
            return lambda row: int(row[plain]) if isinstance(row[plain], bool) else row[plain]
        if name in _DATES:
            date = _DATES[name]
            return lambda row: None if row[date] is None else php.stamp(row[date])
        if name in custom.schema(self.store, "company").by_alias:
            return lambda row: row["fields"].get(name)
        raise Crash

    # --- writing ---------------------------------------------------------------------------------------------------

    def existing(self, params: dict[str, Any], ask: Ask) -> Row | None:
        """The company of this name; a batch looks for none."""
        name = params.get("companyname")
        if ask.request.path.endswith("/batch/new") or not isinstance(name, str):
            return None
        found = ask.table("companies").find("name", php.collate(php.clean(name)))
        return found[0] if found and name.strip() else None

    def bind(self, row: Row | None, params: dict[str, Any], method: str, ask: Ask) -> Row:
        """The company's form."""
        schema = custom.schema(ask.store, "company")
        draft = links.blank() if row is None else dict(row)
        kept = draft["fields"] = dict(draft["fields"]) if method == "PATCH" else {}
        problems: dict[str, str] = {}
        for field in schema.fields:
            alias = field["alias"]
            if alias in params:
                try:
                    kept[alias] = custom.take(field, params[alias], ask)
                except Invalid as why:
                    problems[alias] = str(why)
            if alias in problems or (method == "PATCH" and alias not in params):
                continue
            if field["isRequired"] and kept.get(alias) in (None, ""):
                problems[alias] = _REQUIRED
        self._others(draft, params, problems, ask)
        clash = self._clash(row, kept.get("companyname"), ask)
        if problems or clash:
            status = 422 if clash and not problems else 400
            raise invalid(problems | ({"companyname": NOT_UNIQUE} if clash else {}), status, draft)
        return draft

    def _others(self, draft: Row, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        if "score" in params:
            draft["score"] = php.integer(params["score"])
        if "owner" in params:
            owner = php.integer(params["owner"])
            if owner and ask.table("users").get(owner) is None:
                problems["owner"] = "This value is not valid."
            draft["owner"] = owner or None

    def _clash(self, row: Row | None, name: Any, ask: Ask) -> bool:
        if not name:
            return False
        own = None if row is None else row["id"]
        return any(held["id"] != own for held in ask.table("companies").find("name", php.collate(php.text(name))))

    def attach_again(self, draft: Row) -> Row:
        """The second edit of one company in a batch breaks the server."""
        del draft
        raise Crash

    def commit(self, draft: Row, row: Row | None, params: dict[str, Any], ask: Ask) -> Row:
        """Store it; the contacts in it are told its name."""
        before = {} if row is None else row["fields"]
        saved = super().commit(draft, row, params, ask)
        links.renamed(saved, ask)
        changes = {a: [before.get(a), v] for a, v in saved["fields"].items() if before.get(a) != v}
        log(ask, ("lead", "company"), saved["id"], "create" if row is None else "update", changes)
        return saved

    def delete(self, row: Row, ask: Ask) -> None:
        """Remove it, and its memberships."""
        links.dissolve(row["id"], ask)
        log(ask, ("lead", "company"), row["id"], "delete", {"name": row["fields"].get("companyname")})
        super().delete(row, ask)

    # --- contacts in it --------------------------------------------------------------------------------------------

    def special(self, routes: Routes) -> None:
        """Membership of contacts."""
        routes.add("POST", "/api/companies/{companyId}/contact/{contactId}/add", self.join)
        routes.add("POST", "/api/companies/{companyId}/contact/{contactId}/remove", self.leave)

    async def join(self, ask: Ask) -> Any:
        """Add a contact."""
        company, contact = self._both(ask)
        await ask.row()
        links.join(contact["id"], company["id"], ask)
        return Said({"success": 1})

    async def leave(self, ask: Ask) -> Any:
        """Take a contact out, if it is in."""
        company, contact = self._both(ask)
        await ask.row()
        links.leave(contact["id"], company["id"], ask)
        return Said({"success": 1})

    def _both(self, ask: Ask) -> tuple[Row, Row]:
        company = ask.table("companies").get(ask.path["companyId"])
        if company is None:
            raise missing()
        contact = ask.table("contacts").get(ask.path["contactId"])
        if contact is None:
            raise missing("Contact not found.")
        owner = contact["owner"] or contact["createdBy"]
        ask.need("lead:leads", "edit", own=ask.actor.id is not None and owner == ask.actor.id)
        return company, contact


def _place(field: Row) -> tuple[int, int]:
    alias = field["alias"].removeprefix("company")
    return (_FIRST.index(alias) if alias in _FIRST else len(_FIRST), field["id"])
