"""The steps in which a Mautic server saves a row, and how the work breaks at one of them.

A contact is not saved in one transaction. The server looks it up, lets the Custom Objects plugin check the items,
writes the core columns (with the text column ``company``), then the custom columns, then the row that links the contact
to its company, then item after item. What was written before the break stays: that is what a client finds later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from attrs import define

from mautic_async.testing.replies import ControllerError, UnhandledError

if TYPE_CHECKING:
    from mautic_async.clock import Clock

Step: TypeAlias = Literal["start", "check", "columns", "link", "items", "item link"]
"""The step that fails; each contact row passes ``start`` and ``columns``, the others only if it has what they write.

``start``: nothing of the row is stored. ``check``: the same, found by the plugin before the contact is saved; rows with
custom items only. ``columns``: the core columns are stored, the custom columns and the link are not. ``link``: all
columns are stored, and the company is made if it was missing, but the contact is not linked to it; rows that change the
company's name only. ``items``: the contact is whole, none of its custom items is stored. ``item link``: the first item
is stored and linked to no contact.
"""

_GENERAL: Final = "SQLSTATE[HY000]: General error:"
DATABASE_ERRORS: Final = {
    1054: "SQLSTATE[42S22]: Column not found: 1054 Unknown column 'new_field' in 'SET'",
    1062: "SQLSTATE[23000]: Integrity constraint violation: 1062 Duplicate entry '1-1' for key 'PRIMARY'",
    1205: f"{_GENERAL} 1205 Lock wait timeout exceeded; try restarting transaction",
    1213: "SQLSTATE[40001]: Serialization failure: 1213 Deadlock found when trying to get lock;"
    " try restarting transaction",
    2006: f"{_GENERAL} 2006 MySQL server has gone away",
    2013: f"{_GENERAL} 2013 Lost connection to MySQL server during query",
}
"""The number of each MySQL error that can be scheduled, and the text that PDO makes of it."""
_IN_THE_PLUGIN: Final = frozenset({"check", "items", "item link"})


class WorkerKilled(BaseException):
    """The worker died; what was stored stays."""


def database_error(mysql_error: int, *, of_row: bool) -> ControllerError | UnhandledError:
    """Return what a query that fails with this MySQL error makes of the request.

    Args:
        mysql_error: A key of `DATABASE_ERRORS`.
        of_row: Whether Mautic catches the exception and makes it the error of one row, whose ``code`` is then the
            number. It does so around the plugin only; elsewhere nothing catches it, and the request is a bare 500.
    """
    if of_row:
        return ControllerError(
            mysql_error, f"An exception occurred while executing a query: {DATABASE_ERRORS[mysql_error]}"
        )
    return UnhandledError()


@define
class Break:
    """The place at which the work of one request breaks.

    Attributes:
        mysql_error: The MySQL error, or None: the worker dies.
        first_row: Index of the first row that may break.
        step: The step at which it breaks. A row that does not pass this step is saved whole, and the next one is tried.
        rows: For a MySQL error: how many rows fail, the first one included. Nothing is stored of those after the first.
        seconds: For a MySQL error: how long the failing statement waits before it fails.
        failed_rows: How many rows have failed so far.
        last_failed_row: Index of the row that failed last.
    """

    mysql_error: int | None
    first_row: int
    step: Step
    rows: int = 1
    seconds: float = 0.0
    failed_rows: int = 0
    last_failed_row: int = -1

    def applies_to(self, step: Step, row_index: int) -> bool:
        """Return True if the row at index *row_index* fails at *step*."""
        # The first row fails at the scheduled step, the rows after it at their start: nothing of them is stored.
        if not self.failed_rows:
            return step == self.step and row_index >= self.first_row
        return step == "start" and self.failed_rows < self.rows and row_index > self.last_failed_row

    async def strike(self, row_index: int, clock: Clock) -> None:
        """Fail; always raises.

        Raises:
            WorkerKilled: The worker dies.
            ControllerError: This row fails; the batch goes on.
            UnhandledError: The request ends with a bare 500.
        """
        self.failed_rows += 1
        self.last_failed_row = row_index
        if self.mysql_error is None:
            raise WorkerKilled
        if self.seconds:
            await clock.sleep(self.seconds)
        raise database_error(self.mysql_error, of_row=self.step in _IN_THE_PLUGIN)


@define
class Stall:
    """An ``ALTER TABLE leads`` that is under way: contact rows wait for it, and give up at the lock time-out.

    Attributes:
        until: Epoch seconds, on the clock, at which the table is altered.
        step: The step at which a row waits.
        mysql_error: The MySQL error of a row that has waited too long.
        lock_timeout: Seconds that a row waits at most.
    """

    until: float
    step: Step
    mysql_error: int
    lock_timeout: float

    def applies_to(self, step: Step, clock: Clock) -> bool:
        """Return True if a row at *step* has to wait now."""
        return step == self.step and clock.wall_time() < self.until

    async def wait(self, clock: Clock) -> None:
        """Wait until the table is altered.

        Raises:
            ControllerError: The lock time-out came first, in the plugin: this row fails.
            UnhandledError: The lock time-out came first, elsewhere: the request ends with a bare 500.
        """
        remaining = self.until - clock.wall_time()
        await clock.sleep(min(remaining, self.lock_timeout))
        if remaining > self.lock_timeout:
            raise database_error(self.mysql_error, of_row=self.step in _IN_THE_PLUGIN)
