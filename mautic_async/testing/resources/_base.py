"""A noun of the API as data: its properties in order, its container, its searches; what differs overrides a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mautic_async.testing import php, query, search
from mautic_async.testing.replies import UnhandledError, form_errors
from mautic_async.testing.resources._properties import KEEP, NOT_NULL, InvalidValue, Property
from mautic_async.testing.resources._subforms import SubFormError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mautic_async.testing.query import ColumnReader, Predicate
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.search import Term
    from mautic_async.testing.store import Row, Store, Table

PUBLISH_BLOCK = (
    "isPublished",
    "dateAdded",
    "dateModified",
    "createdBy",
    "createdByUser",
    "modifiedBy",
    "modifiedByUser",
)
"""The publish block, as most entities begin."""
_NAME_PROPERTIES = frozenset(("name", "title"))
_MAX_NAME = 191
"""Characters that a column of a name holds."""
_DATES = frozenset(("dateAdded", "dateModified", "publishUp", "publishDown"))


class FakeResource:
    """One resource with the ten standard routes.

    Class attributes are the declaration; methods are what a noun may do otherwise.
    """

    path: ClassVar[str]
    """Below ``/api/``: ``points/triggers``."""
    singular: ClassVar[str]
    """Key of a single entity."""
    plural: ClassVar[str]
    """Key of several."""
    permission: ClassVar[str] = ""
    """``stage:stages``; empty: everybody may."""
    properties: ClassVar[tuple[Property, ...]] = ()
    """In the order of the answer, ``id`` included."""
    shows_publish_block: ClassVar[bool] = True
    """Whether the publish block is shown, before the properties."""
    minimal_shows_publish_block: ClassVar[bool] = True
    """Whether ``minimal=1`` keeps the publish block."""
    has_publish_block: ClassVar[bool] = True
    """Whether the entity has one at all (also for ``isPublished`` to be written)."""
    list_is_map: ClassVar[bool] = False
    """Whether a list is a map by id; empty it is then ``empty_list``."""
    empty_list: ClassVar[Any] = []
    """What an empty list looks like."""
    default_order: ClassVar[tuple[str, ...]] = ("id",)
    """Default sort; ``-name`` runs downwards."""
    searched_columns: ClassVar[tuple[str, ...]] = ()
    """Columns of free words; none: ``search`` is ignored but for ``ids:``."""
    search_commands: ClassVar[tuple[str, ...]] = ("is", "category")
    """Search commands understood besides ``ids``."""
    table_name: ClassVar[str] = ""
    """Table, if not called like `path`."""
    route: ClassVar[str] = ""
    """Pattern of the routes below ``/api/``, if it is not `path`."""
    published_filters: ClassVar[bool] = True
    """Whether ``published=1`` filters a list."""
    supports_select: ClassVar[bool] = True
    """Whether ``select[]`` loads a partial entity."""
    set_on_create: ClassVar[tuple[str, ...]] = ()
    """What a create, too, says of its being modified (it saves twice): ``dateModified``, ``modifiedByUser``."""
    audits_creation_as: ClassVar[str] = "create"
    """Action that the audit log says of a creation: ``update`` for nouns that are saved twice."""
    audits_every_edit: ClassVar[bool] = False
    """Whether an edit is logged that changes none of the properties."""
    audit_name: ClassVar[tuple[str, str]] = ("", "")
    """Bundle and object as the audit log names them; empty: nothing is logged."""
    fails_on_missing_ids: ClassVar[bool] = True
    """Whether Mautic 7 fails where one id of a batch does not exist."""
    edits_twice_in_7: ClassVar[bool] = False
    """Whether Mautic 7 edits an entity twice that a batch names twice, where Mautic 5 makes a second one."""
    store: Store
    """The tables of the server it stands in."""

    in_7: ClassVar[dict[str, Any]] = {"set_on_create": ("dateModified", "modifiedByUser")}
    """Attributes of the class that Mautic 7 declares otherwise."""

    def declare(self, *, is_7: bool) -> None:
        """Take the declaration of the server's version."""
        for name, value in (self.in_7 if is_7 else {}).items():
            setattr(self, name, value)
        self.known_properties = known = tuple(one for one in self.properties if is_7 or not one.only_in_7)
        self.visible_properties = tuple(one for one in known if not one.hidden or (is_7 and one.shown_in_7))
        self.minimal_properties = tuple(one for one in self.visible_properties if one.minimal)
        self.writable = tuple(one for one in known if one.writable)
        self.properties_by_name = {one.name: one for one in known}

    def base(self, context: RequestContext) -> str:
        """Return the path below ``/api/`` of this request."""
        del context
        return self.path

    # --- reading ---------------------------------------------------------------------------------------------------

    def table(self, context: RequestContext) -> Table:
        """Return the table of the rows."""
        return context.table(self.table_name or self.path)

    def get(self, id: int, context: RequestContext) -> Row | None:
        """Return the entity of this id."""
        return self.table(context).get(id)

    def rows(self, context: RequestContext) -> Iterable[Row]:
        """Return all entities that a list may show."""
        return self.table(context)

    def is_owned_by(self, row: Row, context: RequestContext) -> bool:
        """Return True if the entity is the user's own."""
        return row.get("createdBy") is not None and row["createdBy"] == context.user.id

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """Return the entity as JSON.

        Args:
            row: What is stored.
            context: The request.
            minimal: Whether ``minimal=1`` was asked for.
            just_created: Whether it has just been created by this request.
        """
        del just_created
        entity: dict[str, Any] = {}
        if self.shows_publish_block and (self.minimal_shows_publish_block or not minimal):
            entity = publish_block(row)
        for property_ in self.minimal_properties if minimal else self.visible_properties:
            entity[property_.name] = property_.serialize(row.get(property_.name), context)
        return entity

    def complete_batch(self, entities: dict[Any, Any], context: RequestContext) -> None:
        """Complete the entities of a batch of new ones, which are made into JSON when the last is stored."""

    def format_total(self, count: int) -> Any:
        """Return the total as lists show it."""
        return count

    def default_filters(self, context: RequestContext) -> list[Predicate]:
        """Return the filters of a list without a ``where``."""
        del context
        return []

    def column(self, name: str) -> ColumnReader:
        """Return the reader of a database column, or raise `UnhandledError` for an unknown one."""
        name = name.rpartition(".")[2]
        if name in _DATES and (self.has_publish_block or name in self.properties_by_name):
            return lambda row: None if row.get(name) is None else php.sql_datetime(row[name])
        if name in self.properties_by_name or (self.has_publish_block and name in PUBLISH_BLOCK):
            return lambda row: _scalar(row.get(name))
        raise UnhandledError

    def where_column(self, name: str) -> ColumnReader:
        """Return the reader of a column that ``where`` names."""
        return self.column(name)

    def search_term(self, term: Term, context: RequestContext) -> Predicate | None:
        """Return the test of one term of a search, or None to ignore it."""
        if term.command == "ids":
            ids = {php.to_int(id) for id in term.value.split(",")}
            return search.apply_negation(lambda row: row["id"] in ids, term)
        if not self.searched_columns:
            return None
        if term.command in self.search_commands:
            test = self.search_command(term, context)
            if test is not None:
                return search.apply_negation(test, term)
        if term.command:
            term.value = f"{term.command}:{term.value}"
        return search.any_column(term, [self.column(name) for name in self.searched_columns])

    def search_command(self, term: Term, context: RequestContext) -> Predicate | None:
        """Return the test of a search command of this noun, or None to search it as text."""
        if term.command == "is":
            return self._search_is(term.value, context)
        if term.command == "category":
            ids = {row["id"] for row in context.table("categories") if query.like(row["alias"], term.value)}
            return lambda row: row.get("category") in ids
        if term.command == "lang":
            return lambda row: query.like(row.get("language"), term.value)
        if term.command in self.properties_by_name:
            read, pattern = self.column(term.command), term.value if term.strict else f"%{term.value}%"
            return lambda row: query.like(read(row), pattern)
        return None

    def _search_is(self, value: str, context: RequestContext) -> Predicate | None:
        if value in ("published", "unpublished"):
            return lambda row: bool(row.get("isPublished")) is (value == "published")
        if value == "uncategorized":
            return lambda row: not row.get("category")
        if value == "mine":
            return lambda row: self.is_owned_by(row, context)
        return None

    # --- writing ---------------------------------------------------------------------------------------------------

    def find_existing(self, params: dict[str, Any], context: RequestContext) -> Row | None:
        """Return the entity that a create finds instead of making one (contacts by e-mail, tags by name)."""
        del params, context
        return None

    def new_row(self, context: RequestContext) -> Row:
        """Return a new entity with its defaults, without an id."""
        row: Row = {}
        if self.has_publish_block:
            row = {"isPublished": True, "dateAdded": None, "dateModified": None, **dict.fromkeys(PUBLISH_BLOCK[3:])}
        for property_ in self.known_properties:
            row[property_.name] = property_.default() if callable(property_.default) else property_.default
        row["id"] = None
        del context
        return row

    def validate(self, row: Row | None, params: dict[str, Any], method: str, context: RequestContext) -> Row:
        """Run the form: return a draft with the values sent, or raise `ControllerError` for those refused.

        Args:
            row: The entity to change, or None for a new one.
            params: What was sent.
            method: POST, PUT or PATCH; PUT blanks what is not sent.
            context: The request.
        """
        draft = dict(row) if row is not None else self.new_row(context)
        problems: dict[str, str] = {}
        self._apply_published(draft, row, params, method, context)
        database_refuses = self._apply_values(
            draft, params, problems, context, replace=row is not None and method == "PUT"
        )
        for property_ in self.writable:
            if property_.required and property_.name not in problems and draft.get(property_.name) in (None, "", []):
                message = property_.required_in_7 if context.is_7 else None
                problems[property_.name] = message or property_.required
        self.check_row(draft, row, params, problems, context)
        if problems:
            raise form_errors(problems, draft=draft)
        if database_refuses:
            raise UnhandledError
        return draft

    def _apply_values(
        self, draft: Row, params: dict[str, Any], problems: dict[str, str], context: RequestContext, *, replace: bool
    ) -> bool:
        """Take each value; True if the database will not: null where it may not be, a name too long, a NUL."""
        database_refuses = False
        for property_ in self.writable:
            if property_.name not in params and (not replace or property_.value_on_put == KEEP):
                continue
            value = params.get(property_.name)
            if value is None or value == "":
                database_refuses = database_refuses or property_.value_on_put == NOT_NULL
                draft[property_.name] = None if property_.value_on_put in (NOT_NULL, KEEP) else property_.value_on_put
                continue
            try:
                draft[property_.name] = property_.parse(value, context)
            except SubFormError as why:
                problems |= why.problems
            except InvalidValue as why:
                problems[property_.name] = why.words(is_7=context.is_7)
            else:
                database_refuses = database_refuses or (
                    property_.name in _NAME_PROPERTIES and len(php.to_string(draft[property_.name])) > _MAX_NAME
                )
        return database_refuses or (context.has_nul and php.has_nul(params))

    def _apply_published(
        self, draft: Row, row: Row | None, params: dict[str, Any], method: str, context: RequestContext
    ) -> None:
        if not self.has_publish_block:
            return
        may = context.user.may(self.permission, "publish", own=row is None or self.is_owned_by(row, context))
        if not may:
            draft["isPublished"] = False if row is None else draft["isPublished"]
        elif "isPublished" in params:
            draft["isPublished"] = php.form_bool(params["isPublished"])
        elif row is not None and method == "PUT":
            draft["isPublished"] = False

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """Add to *problems* what only the whole entity shows; may also complete the draft (aliases)."""

    def detach_copy(self, draft: Row) -> Row:
        """Make a new entity of one that a batch edits for the second time."""
        return draft | {"id": None}

    def save(self, draft: Row, row: Row | None, params: dict[str, Any], context: RequestContext) -> Row:
        """Store the draft and what hangs on it.

        Returns:
            The stored row.
        """
        del params
        if self.has_publish_block:
            stamp(draft, row, context)
            if row is None:
                if "dateModified" in self.set_on_create:
                    draft["dateModified"] = context.now
                if "modifiedByUser" in self.set_on_create:
                    draft["modifiedBy"], draft["modifiedByUser"] = context.user.id, context.user.name
        before = self.new_row(context) if row is None else dict(row)
        if row is not None:
            row.update(draft)
            draft = row
        saved = self.table(context).save(draft)
        if self.audit_name[0]:
            changes = {p.name: [before.get(p.name), saved.get(p.name)] for p in self.writable}
            changes = {name: pair for name, pair in changes.items() if pair[0] != pair[1]}
            action = self.audits_creation_as if before["id"] is None else "update"
            write_audit_log(context, self.audit_name, saved["id"], action, changes, always=self.audits_every_edit)
        return saved

    async def before_save(self, params: dict[str, Any], context: RequestContext) -> None:
        """Spend the time that a row costs, between its form and its save; a scheduled fault may break it here."""
        del params
        await context.charge_row()

    async def store_row(self, draft: Row, row: Row | None, params: dict[str, Any], context: RequestContext) -> Row:
        """Store the draft and what comes after it; whatever is raised leaves stored what stands already.

        Returns:
            The entity as the answer of this request shows it.
        """
        return self.save(draft, row, params, context)

    def deleted_view(self, row: Row) -> Row:
        """Return the entity as the answer to its deletion shows it."""
        return row | {"id": None}

    def delete(self, row: Row, context: RequestContext) -> None:
        """Remove the entity and what hangs on it."""
        self.table(context).remove(row["id"])
        if self.audit_name[0]:
            write_audit_log(context, self.audit_name, row["id"], "delete", {"name": row.get("name", row.get("title"))})

    # --- routes ----------------------------------------------------------------------------------------------------

    def extra_routes(self, routes: Router) -> None:
        """Add the routes beside the ten: ``routes.add("POST", "/api/...", self.action)``."""


def publish_block(row: Row) -> dict[str, Any]:
    """Return the publish block as JSON."""
    added, modified = row["dateAdded"], row["dateModified"]
    return {
        "isPublished": row["isPublished"],
        "dateAdded": None if added is None else php.iso_datetime(added),
        "dateModified": None if modified is None else php.iso_datetime(modified),
        "createdBy": row["createdBy"],
        "createdByUser": row["createdByUser"],
        "modifiedBy": row["modifiedBy"],
        "modifiedByUser": row["modifiedByUser"],
    }


def write_audit_log(
    context: RequestContext,
    event: tuple[str, str],
    id: int,
    action: str,
    details: dict[str, Any],
    *,
    always: bool = False,
) -> None:
    """Add a line to the audit log, unless it is an update that changes nothing and *always* is false."""
    if action == "update" and not details and not always:
        return
    line = {"bundle": event[0], "object": event[1], "objectId": id, "action": action, "details": details}
    user = {"userId": context.user.id or 0, "userName": context.user.name, "dateAdded": context.now}
    context.table("audit_log").save({"id": None, **line, **user, "ipAddress": "127.0.0.1"})


def stamp(draft: Row, row: Row | None, context: RequestContext) -> None:
    """Say in the publish block who wrote, and when; an edit that changes nothing says nothing."""
    if row is None:
        draft["dateAdded"] = context.now
        draft["createdBy"], draft["createdByUser"] = context.user.id, context.user.name
    else:
        if any(draft[name] != row.get(name) for name in draft):
            draft["dateModified"] = context.now
        draft["modifiedBy"], draft["modifiedByUser"] = context.user.id, context.user.name


def _scalar(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return php.serialized(value) if isinstance(value, (list, dict)) else value
