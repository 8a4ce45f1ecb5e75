"""The requests of a recovery flow to the scheduler.

A flow is a generator that yields one request at a time and is sent the reply, as httpx's ``Auth.auth_flow`` is. It
never awaits, so that a test can step it without an event loop.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from attrs import frozen

from mautic_async.bulk.adapter import RowResult
from mautic_async.bulk.items import WorkItem

if TYPE_CHECKING:
    from mautic_async.bulk.outcomes import Outcome
    from mautic_async.errors import MauticError

T = TypeVar("T")

Items: TypeAlias = Sequence[WorkItem[Any]]
Results: TypeAlias = Sequence[RowResult[Any]]


@frozen
class Send:
    """Request to send *items* at once, before all other rows. The reply is the error, or None for an answer."""

    items: Items


@frozen
class LookUp:
    """Request to look up once what the server holds of *items*. The reply is one result an item, or the error."""

    items: Items


@frozen
class Sleep:
    """Request to wait; other batches are sent meanwhile."""

    seconds: float


@frozen
class Apply:
    """Request to apply a result to each item: an outcome, a next step, another attempt or a look-up."""

    items: Items
    results: Results


@frozen
class Finish:
    """Request to give items their outcomes."""

    outcomes: Sequence[tuple[WorkItem[Any], Outcome[Any]]]


@frozen
class PutFirst:
    """Request to send *items* again, before all rows that wait."""

    items: Items


@frozen
class PauseSending:
    """Request to send nothing at all for so many seconds."""

    seconds: float


@frozen
class Park:
    """Request to count so many rows of this flow as awaiting reconciliation; 0 ends that."""

    rows: int


@frozen
class Abort:
    """Request to end the job with *error*."""

    error: MauticError


Request: TypeAlias = Send | LookUp | Sleep | Apply | Finish | PutFirst | PauseSending | Park | Abort
Flow: TypeAlias = Generator[Request, Any, T]
