"""Companies: their fields, the create that wipes, and the contacts in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import php
from mautic_async.testing.contacts import companies as links
from mautic_async.testing.contacts import field_schema as custom
from mautic_async.testing.contacts.update import NOT_UNIQUE
from mautic_async.testing.replies import Reply, UnhandledError, form_errors, not_found
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import FakeResource, write_audit_log
from mautic_async.testing.resources._properties import InvalidValue

if TYPE_CHECKING:
    from mautic_async.testing.query import ColumnReader
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

_PLAIN: Final = {"id": "id", "score": "score", "owner_id": "owner", "is_published": "isPublished"}
_DATES: Final = {"date_added": "dateAdded", "date_modified": "dateModified"}
_PROPERTY_NAMES: Final = {name: column for column, name in (_PLAIN | _DATES).items()}
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
_PROJECTS: Final = _parts.projects()
_REQUIRED: Final = "This field is required."


class Companies(FakeResource):
    """Companies; a write always blanks what it sends empty, and a create with a known name blanks the rest too."""

    path: ClassVar[str] = "companies"
    singular: ClassVar[str] = "company"
    plural: ClassVar[str] = "companies"
    permission = "lead:leads"
    list_is_map = True
    empty_list: ClassVar[Any] = {}
    searched_columns: ClassVar[tuple[str, ...]] = ("companyname", "companyemail")
    supports_select = False

    def format_total(self, count: int) -> Any:
        """Return the total as text, which is how this noun shows it."""
        return str(count)

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """Return a company with its fields by group."""
        schema = custom.schema(context.store, "company")
        names = ("core", "professional", "social", "personal") if just_created else ("core", "professional", "other")
        groups: dict[str, Any] = {name: {} for name in names}
        all_fields: dict[str, Any] = {"id": row["id"]}
        fields = schema.fields
        path = context.request.path
        in_list = context.request.method == "GET" and "id" not in context.path
        if not just_created and (in_list or path.endswith(("batch/edit", "batch/delete"))):
            fields = sorted(fields, key=_place)
        for field in fields:
            alias = field["alias"]
            definition = dict((schema.new_definitions if just_created else schema.loaded_definitions)[alias])
            if just_created:
                del definition["properties"]
            value = custom.serialize_value(field, row["fields"].get(alias), stored=not just_created)
            definition |= {"value": value, "normalizedValue": custom.normalized_value(field, value)}
            groups.setdefault(field["group"], {})[alias] = definition
            all_fields[alias] = value
        entity = {name: group or [] for name, group in groups.items()}
        shown = {"id": row["id"], "score": row["score"], "fields": entity | {"all": all_fields}}
        if context.is_7 and not minimal:
            shown["projects"] = _PROJECTS.serialize(row.get("projects"), context)
        return shown

    def column(self, name: str) -> ColumnReader:
        """Return the reader of a column, in both spellings, or of a custom field."""
        name = name.rpartition(".")[2]
        name = _PROPERTY_NAMES.get(name, name)
        if name in _PLAIN:
            plain = _PLAIN[name]
            return lambda row: int(row[plain]) if isinstance(row[plain], bool) else row[plain]
        if name in _DATES:
            date = _DATES[name]
            return lambda row: None if row[date] is None else php.sql_datetime(row[date])
        if name in custom.schema(self.store, "company").by_alias:
            return lambda row: row["fields"].get(name)
        raise UnhandledError

    # --- writing ---------------------------------------------------------------------------------------------------

    def find_existing(self, params: dict[str, Any], context: RequestContext) -> Row | None:
        """Return the company of this name; a batch looks for none."""
        name = params.get("companyname")
        is_batch = context.request.path.endswith("/batch/new")
        if (is_batch and not context.is_7) or not isinstance(name, str):
            return None
        found = context.table("companies").find("name", php.collate(php.strip_text(name)))
        return found[0] if found and name.strip() else None

    def validate(self, row: Row | None, params: dict[str, Any], method: str, context: RequestContext) -> Row:
        """Run the company's form."""
        if context.is_7 and row is not None and context.request.path.endswith("/batch/new"):
            method = "PATCH"  # a batch merges, where a single create wipes what is not sent
        schema = custom.schema(context.store, "company")
        draft = links.new_row() if row is None else dict(row)
        current = draft["fields"] = dict(draft["fields"]) if method == "PATCH" else {}
        problems: dict[str, str] = {}
        for field in schema.fields:
            alias = field["alias"]
            if alias in params:
                try:
                    current[alias] = custom.parse_value(field, params[alias], context)
                except InvalidValue as why:
                    problems[alias] = why.words(is_7=context.is_7)
            if alias in problems or (method == "PATCH" and alias not in params):
                continue
            if field["isRequired"] and current.get(alias) in (None, ""):
                problems[alias] = _REQUIRED
        self._check_relations(draft, params, problems, context)
        duplicate = self._clash(row, current.get("companyname"), context)
        if problems or duplicate:
            status = 422 if duplicate and not problems else 400
            raise form_errors(problems | ({"companyname": NOT_UNIQUE} if duplicate else {}), status, draft)
        return draft

    def _check_relations(
        self, draft: Row, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        if "projects" in params and context.is_7:
            try:
                draft["projects"] = _PROJECTS.parse(params["projects"], context)
            except InvalidValue as why:
                problems["projects"] = str(why)
        if "score" in params:
            draft["score"] = php.to_int(params["score"])
        if "owner" in params:
            owner = php.to_int(params["owner"])
            if owner and context.table("users").get(owner) is None:
                problems["owner"] = "This value is not valid."
            draft["owner"] = owner or None

    def _clash(self, row: Row | None, name: Any, context: RequestContext) -> bool:
        if not name:
            return False
        row_id = None if row is None else row["id"]
        return any(
            holder["id"] != row_id
            for holder in context.table("companies").find("name", php.collate(php.to_string(name)))
        )

    def detach_copy(self, draft: Row) -> Row:
        """Fail: the second edit of one company in a batch breaks the server."""
        del draft
        raise UnhandledError

    def save(self, draft: Row, row: Row | None, params: dict[str, Any], context: RequestContext) -> Row:
        """Store it; the contacts in it are told its name."""
        before = {} if row is None else row["fields"]
        saved = super().save(draft, row, params, context)
        links.renamed(saved, context)
        changes = {a: [before.get(a), v] for a, v in saved["fields"].items() if before.get(a) != v}
        write_audit_log(context, ("lead", "company"), saved["id"], "create" if row is None else "update", changes)
        return saved

    def delete(self, row: Row, context: RequestContext) -> None:
        """Remove it, and its memberships."""
        links.remove_company(row["id"], context)
        write_audit_log(context, ("lead", "company"), row["id"], "delete", {"name": row["fields"].get("companyname")})
        super().delete(row, context)

    # --- contacts in it --------------------------------------------------------------------------------------------

    def extra_routes(self, routes: Router) -> None:
        """Membership of contacts."""
        routes.add("POST", "/api/companies/{companyId}/contact/{contactId}/add", self.add_contact)
        routes.add("POST", "/api/companies/{companyId}/contact/{contactId}/remove", self.remove_contact)

    async def add_contact(self, context: RequestContext) -> Any:
        """Add a contact."""
        company, contact = self._both(context)
        await context.charge_row()
        links.add_membership(contact["id"], company["id"], context)
        return Reply({"success": 1})

    async def remove_contact(self, context: RequestContext) -> Any:
        """Take a contact out, if it is in."""
        company, contact = self._both(context)
        await context.charge_row()
        links.remove_membership(contact["id"], company["id"], context)
        return Reply({"success": 1})

    def _both(self, context: RequestContext) -> tuple[Row, Row]:
        company = context.table("companies").get(context.path["companyId"])
        if company is None:
            raise not_found()
        contact = context.table("contacts").get(context.path["contactId"])
        if contact is None:
            raise not_found("Contact not found.")
        owner = contact["owner"] or contact["createdBy"]
        context.require("lead:leads", "edit", own=context.user.id is not None and owner == context.user.id)
        return company, contact


def _place(field: Row) -> tuple[int, int]:
    alias = field["alias"].removeprefix("company")
    return (_FIRST.index(alias) if alias in _FIRST else len(_FIRST), field["id"])
