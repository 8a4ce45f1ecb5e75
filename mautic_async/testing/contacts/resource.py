"""Contacts as a noun: what lists sort, filter and search by, and how the ten routes reach the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import custom_items, php, query, search
from mautic_async.testing.contacts import actions, companies, save, update
from mautic_async.testing.contacts import field_schema as custom
from mautic_async.testing.contacts import serialize as show
from mautic_async.testing.replies import UnhandledError
from mautic_async.testing.resources._base import FakeResource, write_audit_log

if TYPE_CHECKING:
    from mautic_async.testing.query import ColumnReader, Predicate
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
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
_UNSELECTABLE: Final = {*_DATES, *_PLAIN} - {"id", "points"} | {
    "checked_out",
    "checked_out_by",
    "preferred_profile_image",
    "social_cache",
}
"""Columns of the table that are no fields of a contact: selecting one is a 500 as soon as a contact is found."""
_PROPERTY_NAMES: Final = {name: column for column, name in (_DATES | _PLAIN).items()}


class Contacts(FakeResource):
    """Contacts."""

    path: ClassVar[str] = "contacts"
    singular: ClassVar[str] = "contact"
    plural: ClassVar[str] = "contacts"
    permission = "lead:leads"
    list_is_map = True
    published_filters = False
    empty_list: ClassVar[Any] = {}
    default_order: ClassVar[tuple[str, ...]] = ("-last_active",)
    searched_columns: ClassVar[tuple[str, ...]] = (
        "firstname",
        "lastname",
        "email",
        "company",
        "city",
        "state",
        "zipcode",
        "country",
    )
    supports_select = False
    fails_on_missing_ids = False
    edits_twice_in_7 = True

    def is_owned_by(self, row: Row, context: RequestContext) -> bool:
        """Return True if the user owns the contact, or created it while it has no owner."""
        if context.user.id is None:
            return False
        return bool((row["owner"] or row["createdBy"]) == context.user.id)

    def format_total(self, count: int) -> Any:
        """Return the total as text, which is how this noun shows it."""
        return str(count)

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """Return the contact, with its custom items where they are asked for."""
        in_list = context.request.method == "GET" and "id" not in context.path
        in_list = in_list or "batch/edit" in context.request.path or "batch/delete" in context.request.path
        entity = show.contact(row, context, minimal=minimal, just_created=just_created, in_list=in_list)
        if not context.request.path.endswith("/batch/new"):
            _with_items(entity, context)
        if php.array_values(context.query.get("select")) and not context.path and context.request.method == "GET":
            return _select_columns(entity, context)
        return entity

    def complete_batch(self, entities: dict[Any, Any], context: RequestContext) -> None:
        """Add the custom items to the entities, as they are when the last row is stored."""
        for entity in entities.values():
            _with_items(entity, context)

    def column(self, name: str) -> ColumnReader:
        """Return the reader of a column of the table or of a custom field."""
        name = name.rpartition(".")[2]
        if name in _DATES:
            key = _DATES[name]
            return lambda row: None if row[key] is None else php.sql_datetime(row[key])
        if name in _PLAIN:
            plain = _PLAIN[name]
            return lambda row: int(row[plain]) if isinstance(row[plain], bool) else row[plain]
        if name in self.aliases:
            return lambda row: row["fields"].get(name)
        raise UnhandledError

    def where_column(self, name: str) -> ColumnReader:
        """``where`` knows the properties' names too."""
        name = name.rpartition(".")[2]
        return self.column(_PROPERTY_NAMES.get(name, name))

    @property
    def aliases(self) -> dict[str, Row]:
        """The fields by alias, as they stand."""
        return custom.schema(self.store, "lead").by_alias

    def search_term(self, term: Term, context: RequestContext) -> Predicate | None:
        """Return the test of a search word or command."""
        if term.command in ("", "ids"):
            return super().search_term(term, context)
        test = self.search_command(term, context)
        if test is None:
            term.value = f"{term.command}:{term.value}"
            return search.any_column(term, [self.column(name) for name in self.searched_columns])
        return search.apply_negation(test, term)

    def search_command(self, term: Term, context: RequestContext) -> Predicate | None:
        """Return the test of a command of a contact search."""
        value = term.value
        pattern = value if term.strict else f"%{value}%"
        if term.command == "is":
            return self._search_state(value, context)
        if term.command == "email":
            return lambda row: query.like(row["fields"].get("email"), pattern)
        if term.command == "name":
            return lambda row: any(query.like(row["fields"].get(n), pattern) for n in ("firstname", "lastname"))
        if term.command in ("tag", "segment", "stage", "company", "company_id", "owner", "ip"):
            return self._related(term.command, value, pattern, context)
        if term.command in self.aliases:
            return lambda row: query.like(row["fields"].get(term.command), pattern)
        return None

    def _search_state(self, value: str, context: RequestContext) -> Predicate | None:
        if value == "anonymous":
            return lambda row: row["dateIdentified"] is None
        if value == "unowned":
            return lambda row: row["owner"] is None
        if value == "mine":
            return lambda row: row["owner"] is not None and row["owner"] == context.user.id
        return None

    def _related(self, command: str, value: str, pattern: str, context: RequestContext) -> Predicate:
        if command == "tag":
            ids = {tag["id"] for tag in context.table("tags") if query.like(tag["tag"], value)}
            return lambda row: not ids.isdisjoint(row["tags"])
        if command == "segment":
            members = actions.segment_members(value, context)
            return lambda row: row["id"] in members
        if command == "stage":
            stages = {one["id"] for one in context.table("stages") if query.like(one["name"], pattern)}
            return lambda row: row["stage"] in stages
        if command == "owner":
            people = {
                one["id"]
                for one in context.table("users")
                if query.like(f"{one['firstName']} {one['lastName']}", pattern)
            }
            return lambda row: row["owner"] in people
        if command == "ip":
            addresses = {one["id"] for one in context.table("ips") if query.like(one["ip"], pattern)}
            return lambda row: not addresses.isdisjoint(row["ips"])
        if command == "company":
            named = {
                one["id"] for one in context.table("companies") if query.like(one["fields"]["companyname"], pattern)
            }
            return lambda row: any(link["company"] in named for link in companies.memberships(row["id"], context))
        wanted = php.to_int(value)
        return lambda row: any(link["company"] == wanted for link in companies.memberships(row["id"], context))

    # --- writing ---------------------------------------------------------------------------------------------------

    def find_existing(self, params: dict[str, Any], context: RequestContext) -> Row | None:
        """Return the contact with the same unique value, or None."""
        return update.find_existing(params, context)

    def validate(self, row: Row | None, params: dict[str, Any], method: str, context: RequestContext) -> Row:
        """Run the contact's form and the plugin's dry run."""
        draft = update.validate(row, params, method, context)
        if context.state.settings.custom_objects and params.get("customObjects"):
            custom_items.validate(params["customObjects"], context)
        return draft

    def detach_copy(self, draft: Row) -> Row:
        """Return a second contact with the same values."""
        return draft | {"id": None}

    def save(self, draft: Row, row: Row | None, params: dict[str, Any], context: RequestContext) -> Row:
        """Store it."""
        return save.save(draft, row, params, context)

    async def before_save(self, params: dict[str, Any], context: RequestContext) -> None:
        """Spend the time of a row, unless the table is being altered, or a query of the plugin's dry run fails."""
        await context.wait_if_stalled("start")
        await context.charge_row()
        if context.state.settings.custom_objects and params.get("customObjects"):
            await context.wait_if_stalled("check")
            await context.pass_step("check")

    async def store_row(self, draft: Row, row: Row | None, params: dict[str, Any], context: RequestContext) -> Row:
        """Save the contact step by step: its columns, its company, its custom items."""
        # Two UPDATE statements write a contact; they differ from one only if a fault or a stall comes in between.
        if context.is_broken_at("columns") or context.is_stalled("columns"):
            saved = self.save(save.with_core_only(draft, row), row, params, context)
            await context.wait_if_stalled("columns")
            await context.pass_step("columns")
            save.complete(saved, draft, context)
        else:
            saved = self.save(draft, row, params, context)
        if save.changes_company(saved):
            await context.wait_if_stalled("link")
            await context.pass_step("link")
            save.link(saved, context)
        if context.state.settings.custom_objects and params.get("customObjects"):
            await custom_items.save_items(saved["id"], params["customObjects"], context)
        return saved

    def deleted_view(self, row: Row) -> Row:
        """Return the contact without its id and its tags."""
        return row | {"id": None, "tags": [], "dnc": [entry | {"id": None} for entry in row["dnc"]]}

    def delete(self, row: Row, context: RequestContext) -> None:
        """Remove it and what hangs on it; its custom items stay."""
        companies.delete_memberships(row["id"], context)
        actions.delete_related(row["id"], context)
        write_audit_log(context, ("lead", "lead"), row["id"], "delete", {"name": show.primary_name(row)})
        super().delete(row, context)

    def extra_routes(self, routes: Router) -> None:
        """Relations."""
        actions.routes(routes)


def _with_items(entity: dict[str, Any], context: RequestContext) -> None:
    if context.state.settings.custom_objects and php.is_truthy(context.query.get("includeCustomObjects")):
        objects = custom_items.contact_items(entity["id"], context)
        if objects is not None:
            entity["customObjects"] = objects


_ALWAYS_SHOWN: Final = ("isPublished", "dateAdded", "dateModified", "modifiedByUser", "id", "points")
"""What a contact shows beside its fields, whatever columns were selected."""


def _select_columns(entity: dict[str, Any], context: RequestContext) -> dict[str, Any]:
    """Apply ``select``: it removes nulls and, sent as an array, the fields that it does not name."""
    selected: dict[str, Any]
    names = {php.to_string(column).rpartition(".")[2] for column in php.array_values(context.query["select"])} | {"id"}
    if names & _UNSELECTABLE:
        raise UnhandledError
    if isinstance(context.query["select"], str):
        selected = show.without_nulls(entity)
        return selected
    groups: dict[str, Any] = {}
    for name, group in entity["fields"].items():
        groups[name] = {alias: column for alias, column in group.items() if alias in names} if group else []
    kept_fields = {name: entity[name] for name in _ALWAYS_SHOWN} | {
        "fields": {name: group or [] for name, group in groups.items()}
    }
    if "customObjects" in entity:
        kept_fields["customObjects"] = entity["customObjects"]
    selected = show.without_nulls(kept_fields)
    return selected
