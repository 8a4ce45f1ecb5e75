"""The state of a sync as its caller holds it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, TypeVar

from attrs import field, frozen, validators

from mautic_async.sync.run import SyncRun
from mautic_async.sync.state_file import Scope, StateFile

if TYPE_CHECKING:
    from mautic_async.sync.run import Changes, Identify

T = TypeVar("T")

VANISHED_CHUNK: Final = 1000
"""Ids that are read from the file at a time."""


@frozen(kw_only=True)
class SyncState:
    """The record of what earlier jobs have stored, so that the next one sends only rows that differ.

    A row whose content is what the last job stored for this contact is not sent, and gets the outcome ``unchanged``.
    The state of a row is written only after the server has confirmed it. A process that is killed at any point leaves
    rows that the next job sends again, never a row that is marked as stored and is not. A journal can be used beside
    it.

    The file holds hashes, ids and dates, no addresses; the hashes are keyed with random bytes that are in the file.
    With a *secret*, which is not in the file, a person who has the file cannot even test whether an address is in it.
    It is readable by its owner alone, and belongs to one job on one server. Not for network file systems.

    Two rows of one contact in one input are both sent, every time; see `merge_rows`. Contacts that were deleted or
    merged in Mautic are sent again only by a job with ``full=True``.

    Args:
        path: The file; made if it is not there. Beside it SQLite keeps two more, and there is a lock file.
        job: A name, if several jobs send to one server; a file of another job is refused.
        drift: ``ignore`` trusts the state. ``check`` first asks Mautic which contacts were changed there since the last
            check (one listing), and sends their rows again. A change within the very second in which the last job
            wrote the contact is not noticed. Of companies Mautic 5.1 tells no dates: those that the last job has
            written are sent once more.
        full: Send all rows and renew the state.
        secret: A text that keys the hashes, such as one from the environment; always the same for one file.

    Raises:
        ConfigurationError: Before anything is sent: the file is another job's or server's, was
            written by a newer version, is damaged, read-only, or in use by another process.

    Example:
        ``report = await mautic.contacts.bulk_upsert(rows, state=SyncState("customers.db"))``
    """

    path: Path = field(converter=Path, kw_only=False)
    job: str = ""
    drift: Literal["ignore", "check"] = field(default="ignore", validator=validators.in_(("ignore", "check")))
    full: bool = False
    secret: str = field(default="", repr=False)

    def begin(self, server: str, noun: str, identify: Identify, changes: Changes) -> SyncRun:
        """Return the run of one job, for the namespace that starts it.

        Args:
            server: Base URL.
            noun: ``contacts`` or ``companies``.
            identify: Says what names the contact of a row.
            changes: Asks Mautic what was changed.
        """
        file = StateFile(self.path, Scope(server, noun, self.job), self.secret)
        return SyncRun(file, identify, is_full=self.full, drift=self.drift, changes=changes)

    async def vanished(self) -> AsyncIterator[int]:
        """Yield the ids of contacts that earlier jobs have stored and that the last complete input did not have.

        They are yielded each time until the input has them again, or until `forget` drops them. Nothing is ever
        deleted in Mautic by itself.

        Raises:
            ConfigurationError: There is no such file, or it is in use.

        Example:
            ``report = await mautic.contacts.bulk_delete(state.vanished())``
        """
        last = 0
        while True:
            ids = await self._with_file(partial(StateFile.vanished, after=last, limit=VANISHED_CHUNK))
            for id in ids:
                yield id
            if len(ids) < VANISHED_CHUNK:
                return
            last = ids[-1]

    async def forget(self, ids: Iterable[int]) -> None:
        """Drop what is known of contacts, by their ids: their rows are sent again if the input has them.

        Raises:
            ConfigurationError: There is no such file, or it is in use.
        """
        wanted = list(ids)
        await self._with_file(lambda file: file.forget(wanted))

    async def _with_file(self, work: Callable[[StateFile], T]) -> T:
        def run() -> T:
            file = StateFile(self.path)
            file.open(0.0)
            try:
                return work(file)
            finally:
                file.close()

        return await asyncio.get_running_loop().run_in_executor(None, run)
