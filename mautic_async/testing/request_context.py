"""One request as an action sees it: who asks, what, and the server it is asked of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing.replies import denied

if TYPE_CHECKING:
    from mautic_async.testing.auth import Actor
    from mautic_async.testing.http import Request
    from mautic_async.testing.server import FakeMautic, Seen
    from mautic_async.testing.steps import Break, Step
    from mautic_async.testing.store import Store, Table


class Ask:
    """The parsed request.

    Attributes:
        fake: The server.
        request: As it came.
        path: Values of the placeholders of the route.
        query: The query string as a PHP array.
        body: The body as a PHP array: JSON list or map, or form fields; empty if there was none or none that is read.
        files: Uploaded files: part name, file name, content.
        actor: Who asks, and what they may do.
        names: Names of custom items as this request first saw them: its entities keep those.
        touched: Custom items this request wrote.
        spelled: Datetimes of custom items as this request spelled them.
        breaks: Where a scheduled fault breaks the work, or None.
        place: Index of the row in its batch that is being written; 0 in a single call.
        poisoned: Whether a text of the body holds a NUL, which breaks the database.
    """

    __slots__ = (
        "_seen",
        "actor",
        "body",
        "breaks",
        "fake",
        "files",
        "names",
        "path",
        "place",
        "poisoned",
        "query",
        "request",
        "rows",
        "spelled",
        "touched",
    )

    def __init__(self, fake: FakeMautic, request: Request, actor: Actor, seen: Seen) -> None:
        self.fake = fake
        self.request = request
        self.actor = actor
        self.path: dict[str, Any] = {}
        self.query: dict[str, Any] = {}
        self.body: Any = {}
        self.files: list[tuple[str, str, bytes]] = []
        self.rows = 0
        self.names: dict[int, str] = {}
        self.touched: set[int] = set()
        self.spelled: dict[tuple[int, str], str] = {}
        self.breaks: Break | None = None
        self.place = 0
        self.poisoned = False
        self._seen = seen

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

    async def row(self) -> None:
        """The cost of one row: between finding what is there and writing. Others may write meanwhile."""
        await self.reach("start")
        await self.fake.physics.row()
        self.rows += 1
        self._seen.rows = self.rows

    def breaks_at(self, step: Step) -> bool:
        """Return True if a scheduled fault breaks the present row at *step*."""
        return self.breaks is not None and self.breaks.due(step, self.place)

    def is_stalled(self, step: Step) -> bool:
        """Return True if an ``ALTER TABLE`` makes the present contact row wait at *step*."""
        stall = self.fake.stall_of_contacts
        return stall is not None and stall.due(step, self.fake.clock)

    async def stalled(self, step: Step) -> None:
        """Let a contact row wait for an ``ALTER TABLE`` that is under way; see `Stall.happen`."""
        stall = self.fake.stall_of_contacts
        if stall is not None and stall.due(step, self.fake.clock):
            await stall.happen(self.fake.clock)

    async def reach(self, step: Step) -> None:
        """Pass a step of saving the present row, unless a scheduled fault breaks it there; see `Break.happen`."""
        if self.breaks is not None and self.breaks.due(step, self.place):
            await self.breaks.happen(self.place, self.fake.clock)

    def need(self, permission: str, verb: str, *, own: bool | None = None) -> None:
        """Refuse (403) who may not do this.

        Args:
            permission: ``lead:leads`` and the like; empty for what everybody may.
            verb: view, edit, delete, create or publish.
            own: Whether the entity is the actor's own; None where that makes no difference.
        """
        if not self.actor.may(permission, verb, own=own):
            raise denied()
