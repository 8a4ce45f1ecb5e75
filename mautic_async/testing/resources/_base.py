"""A noun of the API as data: its properties in order, its container, its searches; what differs overrides a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mautic_async.testing import php, query, search
from mautic_async.testing.replies import Crash, invalid
from mautic_async.testing.resources._properties import KEEP, NOT_NULL, Invalid, Prop

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mautic_async.testing.query import Column, Test
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.search import Term
    from mautic_async.testing.store import Row, Store, Table

BLOCK = ("isPublished", "dateAdded", "dateModified", "createdBy", "createdByUser", "modifiedBy", "modifiedByUser")
"""The publish block, as most entities begin."""
_SHORT = frozenset(("name", "title"))
_LONGEST = 191
"""Characters that a column of a name holds."""
_DATES = frozenset(("dateAdded", "dateModified", "publishUp", "publishDown"))


class Noun:
    """One resource with the ten standard routes.

    Class attributes are the declaration; methods are what a noun may do otherwise.
    """

    path: ClassVar[str]
    """Below ``/api/``: ``points/triggers``."""
    one: ClassVar[str]
    """Key of a single entity."""
    many: ClassVar[str]
    """Key of several."""
    permission: ClassVar[str] = ""
    """``stage:stages``; empty: everybody may."""
    props: ClassVar[tuple[Prop, ...]] = ()
    """In the order of the answer, ``id`` included."""
    block: ClassVar[bool] = True
    """Whether the publish block is shown, before the properties."""
    block_when_minimal: ClassVar[bool] = True
    """Whether ``minimal=1`` keeps the publish block."""
    kept_block: ClassVar[bool] = True
    """Whether the entity has one at all (also for ``isPublished`` to be written)."""
    mapped: ClassVar[bool] = False
    """Whether a list is a map by id; empty it is then ``empty``."""
    empty: ClassVar[Any] = []
    """What an empty list looks like."""
    order: ClassVar[tuple[str, ...]] = ("id",)
    """Default sort; ``-name`` runs downwards."""
    searched: ClassVar[tuple[str, ...]] = ()
    """Columns of free words; none: ``search`` is ignored but for ``ids:``."""
    commands: ClassVar[tuple[str, ...]] = ("is", "category")
    """Search commands understood besides ``ids``."""
    table_name: ClassVar[str] = ""
    """Table, if not called like `path`."""

    route: ClassVar[str] = ""
    """Pattern of the routes below ``/api/``, if it is not `path`."""
    published_filters: ClassVar[bool] = True
    """Whether ``published=1`` filters a list."""
    partial: ClassVar[bool] = True
    """Whether ``select[]`` loads a partial entity."""
    born: ClassVar[tuple[str, ...]] = ()
    """What a create, too, says of its being modified (it saves twice): ``dateModified``, ``modifiedByUser``."""
    audit: ClassVar[tuple[str, str]] = ("", "")
    """Bundle and object as the audit log names them; empty: nothing is logged."""

    store: Store
    """The tables of the server it stands in."""

    def __init__(self) -> None:
        self.shown = tuple(prop for prop in self.props if not prop.hidden)
        self.brief = tuple(prop for prop in self.shown if prop.minimal)
        self.written = tuple(prop for prop in self.props if prop.writable)
        self.by_name = {prop.name: prop for prop in self.props}

    def base(self, ask: Ask) -> str:
        """The path below ``/api/`` of this request."""
        del ask
        return self.path

    # --- reading ---------------------------------------------------------------------------------------------------

    def table(self, ask: Ask) -> Table:
        """Where the rows are."""
        return ask.table(self.table_name or self.path)

    def get(self, id: int, ask: Ask) -> Row | None:
        """The entity of this id."""
        return self.table(ask).get(id)

    def rows(self, ask: Ask) -> Iterable[Row]:
        """All entities a list may show."""
        return self.table(ask)

    def own(self, row: Row, ask: Ask) -> bool:
        """Whether the entity is the actor's own."""
        return row.get("createdBy") is not None and row["createdBy"] == ask.actor.id

    def show(self, row: Row, ask: Ask, *, minimal: bool = False, fresh: bool = False) -> Any:
        """The entity as JSON.

        Args:
            row: What is stored.
            ask: The request.
            minimal: Whether ``minimal=1`` was asked for.
            fresh: Whether it has just been created by this request.
        """
        del fresh
        shown: dict[str, Any] = {}
        if self.block and (self.block_when_minimal or not minimal):
            shown = publish_block(row)
        for prop in self.brief if minimal else self.shown:
            shown[prop.name] = prop.show(row.get(prop.name), ask)
        return shown

    def finish(self, shown: dict[Any, Any], ask: Ask) -> None:
        """Complete the entities of a batch of new ones, which are made into JSON when the last is stored."""

    def total(self, count: int) -> Any:
        """How the total is shown."""
        return count

    def forced(self, ask: Ask) -> list[Test]:
        """What a list without a ``where`` leaves out."""
        del ask
        return []

    def column(self, name: str) -> Column:
        """The reader of a database column, or `Crash` for an unknown one."""
        name = name.rpartition(".")[2]
        if name in _DATES and (self.kept_block or name in self.by_name):
            return lambda row: None if row.get(name) is None else php.stamp(row[name])
        if name in self.by_name or (self.kept_block and name in BLOCK):
            return lambda row: _scalar(row.get(name))
        raise Crash

    def where_column(self, name: str) -> Column:
        """The reader of a column that ``where`` names."""
        return self.column(name)

    def term(self, term: Term, ask: Ask) -> Test | None:
        """What one term of a search tests; None ignores it."""
        if term.command == "ids":
            ids = {php.integer(id) for id in term.value.split(",")}
            return search.negated(lambda row: row["id"] in ids, term)
        if not self.searched:
            return None
        if term.command in self.commands:
            test = self.commanded(term, ask)
            if test is not None:
                return search.negated(test, term)
        if term.command:
            term.value = f"{term.command}:{term.value}"
        return search.anywhere(term, [self.column(name) for name in self.searched])

    def commanded(self, term: Term, ask: Ask) -> Test | None:
        """The test of a search command of this noun; None: it is searched as text."""
        if term.command == "is":
            return self._is(term.value, ask)
        if term.command == "category":
            ids = {row["id"] for row in ask.table("categories") if query.like(row["alias"], term.value)}
            return lambda row: row.get("category") in ids
        if term.command == "lang":
            return lambda row: query.like(row.get("language"), term.value)
        if term.command in self.by_name:
            read, pattern = self.column(term.command), term.value if term.strict else f"%{term.value}%"
            return lambda row: query.like(read(row), pattern)
        return None

    def _is(self, value: str, ask: Ask) -> Test | None:
        if value in ("published", "unpublished"):
            return lambda row: bool(row.get("isPublished")) is (value == "published")
        if value == "uncategorized":
            return lambda row: not row.get("category")
        if value == "mine":
            return lambda row: self.own(row, ask)
        return None

    # --- writing ---------------------------------------------------------------------------------------------------

    def existing(self, params: dict[str, Any], ask: Ask) -> Row | None:
        """The entity that a create finds instead of making one (contacts by e-mail, tags by name)."""
        del params, ask
        return None

    def fresh(self, ask: Ask) -> Row:
        """A new entity with its defaults, without an id."""
        row: Row = {}
        if self.kept_block:
            row = {"isPublished": True, "dateAdded": None, "dateModified": None, **dict.fromkeys(BLOCK[3:])}
        for prop in self.props:
            row[prop.name] = prop.default() if callable(prop.default) else prop.default
        row["id"] = None
        del ask
        return row

    def bind(self, row: Row | None, params: dict[str, Any], method: str, ask: Ask) -> Row:
        """The form: a draft of the entity with what was sent; raises `Refused` for what it finds wrong.

        Args:
            row: The entity to change, or None for a new one.
            params: What was sent.
            method: POST, PUT or PATCH; PUT blanks what is not sent.
            ask: The request.
        """
        draft = dict(row) if row is not None else self.fresh(ask)
        problems: dict[str, str] = {}
        self._publish(draft, row, params, method, ask)
        broken = self._fill(draft, params, problems, ask, replace=row is not None and method == "PUT")
        for prop in self.written:
            if prop.required and prop.name not in problems and draft.get(prop.name) in (None, "", []):
                problems[prop.name] = prop.required
        self.check(draft, row, params, problems, ask)
        if problems:
            raise invalid(problems, draft=draft)
        if broken:
            raise Crash
        return draft

    def _fill(self, draft: Row, params: dict[str, Any], problems: dict[str, str], ask: Ask, *, replace: bool) -> bool:
        """Take each value; True if the database will not: null where it may not be, a name too long, a NUL."""
        broken = False
        for prop in self.written:
            if prop.name not in params and (not replace or prop.blank == KEEP):
                continue
            value = params.get(prop.name)
            if value is None or value == "":
                broken = broken or prop.blank == NOT_NULL
                draft[prop.name] = None if prop.blank in (NOT_NULL, KEEP) else prop.blank
                continue
            try:
                draft[prop.name] = prop.take(value, ask)
            except Invalid as why:
                problems[prop.name] = str(why)
            else:
                broken = broken or (prop.name in _SHORT and len(php.text(draft[prop.name])) > _LONGEST)
        return broken or (ask.poisoned and php.holds_nul(params))

    def _publish(self, draft: Row, row: Row | None, params: dict[str, Any], method: str, ask: Ask) -> None:
        if not self.kept_block:
            return
        may = ask.actor.may(self.permission, "publish", own=row is None or self.own(row, ask))
        if not may:
            draft["isPublished"] = False if row is None else draft["isPublished"]
        elif "isPublished" in params:
            draft["isPublished"] = php.yes(params["isPublished"])
        elif row is not None and method == "PUT":
            draft["isPublished"] = False

    def check(self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        """Add to *problems* what only the whole entity shows; may also complete the draft (aliases)."""

    def attach_again(self, draft: Row) -> Row:
        """Make a new entity of one that a batch edits for the second time."""
        return draft | {"id": None}

    def commit(self, draft: Row, row: Row | None, params: dict[str, Any], ask: Ask) -> Row:
        """Store the draft and what hangs on it.

        Returns:
            The stored row.
        """
        del params
        if self.kept_block:
            touch(draft, row, ask)
            if row is None:
                born = {"dateModified": ask.now, "modifiedByUser": ask.actor.name}
                draft |= {name: born[name] for name in self.born}
        before = self.fresh(ask) if row is None else dict(row)
        if row is not None:
            row.update(draft)
            draft = row
        saved = self.table(ask).save(draft)
        if self.audit[0]:
            changes = {p.name: [before.get(p.name), saved.get(p.name)] for p in self.written}
            changes = {name: pair for name, pair in changes.items() if pair[0] != pair[1]}
            log(ask, self.audit, saved["id"], "create" if before["id"] is None else "update", changes)
        return saved

    async def ready(self, params: dict[str, Any], ask: Ask) -> None:
        """Spend the time that a row costs, between its form and its save; a scheduled fault may break it here."""
        del params
        await ask.row()

    async def store_row(self, draft: Row, row: Row | None, params: dict[str, Any], ask: Ask) -> Row:
        """Store the draft and what comes after it; whatever is raised leaves stored what stands already.

        Returns:
            The entity as the answer of this request shows it.
        """
        return self.commit(draft, row, params, ask)

    def gone(self, row: Row) -> Row:
        """The entity as the answer to its deletion shows it."""
        return row | {"id": None}

    def delete(self, row: Row, ask: Ask) -> None:
        """Remove the entity and what hangs on it."""
        self.table(ask).remove(row["id"])
        if self.audit[0]:
            log(ask, self.audit, row["id"], "delete", {"name": row.get("name", row.get("title"))})

    # --- routes ----------------------------------------------------------------------------------------------------

    def special(self, routes: Routes) -> None:
        """Add the routes beside the ten: ``routes.add("POST", "/api/...", self.action)``."""


def publish_block(row: Row) -> dict[str, Any]:
    """The publish block as JSON."""
    added, modified = row["dateAdded"], row["dateModified"]
    return {
        "isPublished": row["isPublished"],
        "dateAdded": None if added is None else php.iso(added),
        "dateModified": None if modified is None else php.iso(modified),
        "createdBy": row["createdBy"],
        "createdByUser": row["createdByUser"],
        "modifiedBy": row["modifiedBy"],
        "modifiedByUser": row["modifiedByUser"],
    }


def log(ask: Ask, what: tuple[str, str], id: int, action: str, details: dict[str, Any]) -> None:
    """Add a line to the audit log; an update that changes nothing is none."""
    if action == "update" and not details:
        return
    line = {"bundle": what[0], "object": what[1], "objectId": id, "action": action, "details": details}
    who = {"userId": ask.actor.id or 0, "userName": ask.actor.name, "dateAdded": ask.now}
    ask.table("audit_log").save({"id": None, **line, **who, "ipAddress": "127.0.0.1"})


def touch(draft: Row, row: Row | None, ask: Ask) -> None:
    """Say in the publish block who wrote, and when; an edit that changes nothing says nothing."""
    if row is None:
        draft["dateAdded"] = ask.now
        draft["createdBy"], draft["createdByUser"] = ask.actor.id, ask.actor.name
    else:
        if any(draft[name] != row.get(name) for name in draft):
            draft["dateModified"] = ask.now
        draft["modifiedBy"], draft["modifiedByUser"] = ask.actor.id, ask.actor.name


def _scalar(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    return php.serialized(value) if isinstance(value, (list, dict)) else value
