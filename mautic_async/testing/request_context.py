"""One request as an action sees it: who asks, what, and the server it is asked of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing.replies import forbidden

if TYPE_CHECKING:
    from mautic_async.testing.auth import Actor
    from mautic_async.testing.http import Request
    from mautic_async.testing.server import FakeMautic, RecordedRequest
    from mautic_async.testing.steps import Break, Step
    from mautic_async.testing.store import Store, Table


class RequestContext:
    """The parsed request.

    Attributes:
        fake: The server.
        request: As it came.
        path: Values of the placeholders of the route.
        query: The query string as a PHP array.
        body: The body as a PHP array: JSON list or map, or form fields; empty if there was none or none that is read.
        files: Uploaded files: part name, file name, content.
        actor: Who asks, and what they may do.
        item_names: Names of custom items as this request first saw them: its entities keep those.
        items_written: Custom items this request wrote.
        item_date_texts: Datetimes of custom items as this request spelled them.
        fault_break: Where a scheduled fault breaks the work, or None.
        row_index: Index of the row in its batch that is being written; 0 in a single call.
        has_nul: Whether a text of the body holds a NUL, which breaks the database.
    """

    __slots__ = (
        "_recorded",
        "actor",
        "body",
        "fake",
        "fault_break",
        "files",
        "has_nul",
        "item_date_texts",
        "item_names",
        "items_written",
        "path",
        "query",
        "request",
        "row_count",
        "row_index",
    )

    def __init__(self, fake: FakeMautic, request: Request, actor: Actor, recorded: RecordedRequest) -> None:
        self.fake = fake
        self.request = request
        self.actor = actor
        self.path: dict[str, Any] = {}
        self.query: dict[str, Any] = {}
        self.body: Any = {}
        self.files: list[tuple[str, str, bytes]] = []
        self.row_count = 0
        self.item_names: dict[int, str] = {}
        self.items_written: set[int] = set()
        self.item_date_texts: dict[tuple[int, str], str] = {}
        self.fault_break: Break | None = None
        self.row_index = 0
        self.has_nul = False
        self._recorded = recorded

    @property
    def store(self) -> Store:
        """The tables."""
        return self.fake.store

    def table(self, name: str) -> Table:
        """One table."""
        return self.fake.store[name]

    @property
    def now(self) -> int:
        """Epoch seconds on the server's clock."""
        return int(self.fake.now())

    def param(self, name: str, default: Any = None) -> Any:
        """A parameter from the body or else the query, as Symfony's ``$request->get()`` finds it."""
        if isinstance(self.body, dict) and name in self.body:
            return self.body[name]
        return self.query.get(name, default)

    async def charge_row(self) -> None:
        """The cost of one row: between finding what is there and writing. Others may write meanwhile."""
        await self.pass_step("start")
        await self.fake.workers.charge_row()
        self.row_count += 1
        self._recorded.rows = self.row_count

    def is_broken_at(self, step: Step) -> bool:
        """Return True if a scheduled fault breaks the present row at *step*."""
        return self.fault_break is not None and self.fault_break.applies_to(step, self.row_index)

    def is_stalled(self, step: Step) -> bool:
        """Return True if an ``ALTER TABLE`` makes the present contact row wait at *step*."""
        stall = self.fake.contact_stall
        return stall is not None and stall.applies_to(step, self.fake.clock)

    async def wait_if_stalled(self, step: Step) -> None:
        """Let a contact row wait for an ``ALTER TABLE`` that is under way; see `Stall.wait`."""
        stall = self.fake.contact_stall
        if stall is not None and stall.applies_to(step, self.fake.clock):
            await stall.wait(self.fake.clock)

    async def pass_step(self, step: Step) -> None:
        """Pass a step of saving the present row, unless a scheduled fault breaks it there; see `Break.strike`."""
        if self.fault_break is not None and self.fault_break.applies_to(step, self.row_index):
            await self.fault_break.strike(self.row_index, self.fake.clock)

    def require(self, permission: str, verb: str, *, own: bool | None = None) -> None:
        """Refuse (403) who may not do this.

        Args:
            permission: ``lead:leads`` and the like; empty for what everybody may.
            verb: view, edit, delete, create or publish.
            own: Whether the entity is the actor's own; None where that makes no difference.
        """
        if not self.actor.may(permission, verb, own=own):
            raise forbidden()
