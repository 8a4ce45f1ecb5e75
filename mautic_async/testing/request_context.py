"""One request as an action sees it: the parsed request, its sender, and the state of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import Factory, define

from mautic_async.testing.replies import forbidden

if TYPE_CHECKING:
    from mautic_async.testing.auth import User
    from mautic_async.testing.http import Request
    from mautic_async.testing.state import RecordedRequest, ServerState
    from mautic_async.testing.steps import Break, Step
    from mautic_async.testing.store import Store, Table


@define
class WrittenItems:
    """Custom items that a request has touched, which its answer shows as PHP still holds them in memory.

    Attributes:
        names: Names of items as the request first saw them.
        written: Ids of items that the request wrote.
        date_texts: Datetimes by item and field alias, in the spelling of the request.
    """

    names: dict[int, str] = Factory(dict)
    written: set[int] = Factory(set)
    date_texts: dict[tuple[int, str], str] = Factory(dict)


@define
class RequestContext:
    """The parsed request.

    Attributes:
        state: State of the server.
        request: The request as it came in.
        user: The sender of the request, with its role.
        recorded: Entry of the request in `FakeMautic.requests`.
        path: Values of the placeholders of the route.
        query: The query string as a PHP array.
        body: The body as a PHP array: JSON list or map, or form fields. Empty without a body, or with one in a format
            that Mautic does not read.
        files: Uploaded files: part name, file name, content.
        items: Custom items that the request has touched.
        fault_break: The place at which a scheduled fault breaks the work, or None.
        row_index: Index of the row in its batch that is being written; 0 in a single call.
        has_nul: True if a text of the body holds a NUL, which breaks the database.
    """

    state: ServerState
    request: Request
    user: User
    recorded: RecordedRequest
    path: dict[str, Any] = Factory(dict)
    query: dict[str, Any] = Factory(dict)
    body: Any = Factory(dict)
    files: list[tuple[str, str, bytes]] = Factory(list)
    items: WrittenItems = Factory(WrittenItems)
    fault_break: Break | None = None
    row_index: int = 0
    has_nul: bool = False

    @property
    def store(self) -> Store:
        """The tables."""
        return self.state.store

    @property
    def now(self) -> int:
        """Epoch seconds on the server's clock."""
        return int(self.state.now())

    @property
    def is_7(self) -> bool:
        """True if the server is a Mautic 7."""
        return self.state.settings.is_7

    def table(self, name: str) -> Table:
        """Return the table of this name."""
        return self.state.store[name]

    def param(self, name: str, default: Any = None) -> Any:
        """Return a parameter of the body, or else of the query, as Symfony's ``$request->get()`` finds it."""
        if isinstance(self.body, dict) and name in self.body:
            return self.body[name]
        return self.query.get(name, default)

    def cookie(self, name: str) -> str | None:
        """Return the value of a cookie, or None."""
        pairs = (part.strip().partition("=") for part in self.request.headers.get("cookie", "").split(";"))
        return next((value for key, _, value in pairs if key == name), None)

    async def charge_row(self) -> None:
        """Spend the cost of one row, between its look-up and its write. Other requests may write meanwhile."""
        await self.pass_step("start")
        await self.state.workers.charge_row()
        self.recorded.rows += 1

    def is_broken_at(self, step: Step) -> bool:
        """Return True if a scheduled fault breaks the present row at *step*."""
        return self.fault_break is not None and self.fault_break.applies_to(step, self.row_index)

    def is_stalled(self, step: Step) -> bool:
        """Return True if an ``ALTER TABLE`` makes the present contact row wait at *step*."""
        stall = self.state.faults.stall
        return stall is not None and stall.applies_to(step, self.state.clock)

    async def wait_if_stalled(self, step: Step) -> None:
        """Let a contact row wait for an ``ALTER TABLE`` that is under way; see `Stall.wait`."""
        stall = self.state.faults.stall
        if stall is not None and stall.applies_to(step, self.state.clock):
            await stall.wait(self.state.clock)

    async def pass_step(self, step: Step) -> None:
        """Pass a step of saving the present row, unless a scheduled fault breaks it there; see `Break.strike`."""
        if self.fault_break is not None and self.fault_break.applies_to(step, self.row_index):
            await self.fault_break.strike(self.row_index, self.state.clock)

    def require(self, permission: str, verb: str, *, own: bool | None = None) -> None:
        """Raise an error (403) unless the role of the user allows *verb*; see `User.may` for the arguments."""
        if not self.user.may(permission, verb, own=own):
            raise forbidden()
