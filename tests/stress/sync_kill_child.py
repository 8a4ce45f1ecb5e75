"""The process that `tests.stress.sync_kills` kills: a bulk job with a `SyncState`, and points at which it dies."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mautic_async import ClientCredentials, Contact, Journal, Limits, Mautic, SyncState
from mautic_async.bulk import BulkOptions
from mautic_async.sync import stage, state_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROWS = 150


def make_rows(name: str, version: int) -> list[Contact]:
    """The input of one night: most contacts as they were, some changed, some back to an older value, some gone."""
    rows: list[Contact] = []
    for number in range(ROWS):
        rng = random.Random(f"{name}/{number}")
        changes = sorted(rng.sample(range(12), rng.randrange(3)))
        value = sum(change <= version for change in changes) % 2  # back and forth between two values
        if number % 17 == version % 17:
            continue
        rows.append(Contact(email=f"{name}.p{number}@example.org", city=f"city {number} {value}"))
        if number % 13 == 0:  # a second row of the contact, which has to win
            rows.append(Contact(email=f"{name.upper()}.P{number}@example.org", city=f"last {number} {value}"))
    return rows


class Countdown:
    """Kills the process at the n-th step of whatever is counted; never with 0."""

    def __init__(self, steps: int) -> None:
        self._left = steps

    def step(self) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


def watch(kind: type[Any], method: str, countdown: Countdown) -> None:
    """Count before and after each call of a method."""
    original: Callable[..., Any] = getattr(kind, method)

    def counted(self: Any, *arguments: Any) -> Any:
        countdown.step()
        result = original(self, *arguments)
        countdown.step()
        return result

    async def counted_async(self: Any, *arguments: Any) -> Any:
        countdown.step()
        result = await original(self, *arguments)
        countdown.step()
        return result

    setattr(kind, method, counted_async if asyncio.iscoroutinefunction(original) else counted)


def run_child(url: str, folder: str, name: str, version: int, steps: int) -> None:
    """One life of the process; writes its report if it lives to the end."""
    countdown = Countdown(steps)
    for method in ("open", "mark_sending", "mark_stored", "finish"):
        watch(state_file.StateFile, method, countdown)
    for method in ("send", "look_up"):
        watch(stage.SyncAdapter, method, countdown)

    async def job() -> Sequence[int]:
        auth = ClientCredentials("1_fake-client", "fake-secret")
        options = BulkOptions(batch=10, initial_batch=10, concurrency=4, reconcile_after=0.5)
        path = Path(folder, name)
        journal = Journal(f"{path}.journal") if int(name[3:]) % 2 else None
        async with (
            Mautic(url, auth=auth, limits=Limits(concurrency=4)) as mautic,
            mautic.contacts.bulk_upsert(
                make_rows(name, version), state=SyncState(f"{path}.db"), journal=journal, options=options
            ) as bulk_job,
        ):
            async for outcome in bulk_job:
                assert outcome.ok, outcome
                countdown.step()
        report = bulk_job.report
        assert report.read == len(make_rows(name, version)), report
        return report.unchanged, report.created + report.updated

    Path(folder, f"{name}.{version}.json").write_text(json.dumps(asyncio.run(job())))
