"""The options of a bulk job."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from attrs import field, frozen, validators

from mautic_async.bulk.outcomes import Progress

if TYPE_CHECKING:
    from os import PathLike

ProgressCallback: TypeAlias = Callable[[Progress], object]


@frozen(kw_only=True)
class BulkOptions:
    """The bounds within which a job adapts itself to the server; the defaults suit a common Mautic.

    Attributes:
        concurrency: The most requests in flight at once. Beyond the server's cores only latency grows.
        initial_concurrency: Requests in flight at once at the beginning.
        batch: The most rows a request; Mautic refuses more than 200 by default.
        initial_batch: Rows a request at the beginning.
        batch_bytes: The most bytes a request body.
        batch_seconds: Seconds that a request should take; larger batches are slower and lose more when they fail.
        reconcile_after: Seconds after which a request without an answer has surely ended on the server. PHP goes on
            after the client has left, and nothing but its own end stops it. Sending rows again earlier makes
            duplicates.
        max_attempts: Attempts of a row before it is given up as ``unknown``.
        grace: Seconds that requests in flight are given to end when the job is left early.
        max_failures: Failed requests in a row, without one success between, that end the job ...
        max_outage: ... if no request has succeeded for so many seconds either.
        flush_after: Seconds without a new row after which an incomplete batch is sent.
        dead_letters: A file for rows that were not stored whole; None for none.
        on_progress: Called with a `Progress`, at most four times a second and once at the end.
    """

    concurrency: int = field(default=8, validator=validators.ge(1))
    initial_concurrency: int = field(default=2, validator=validators.ge(1))
    batch: int = field(default=200, validator=validators.ge(1))
    initial_batch: int = field(default=50, validator=validators.ge(1))
    batch_bytes: int = field(default=512_000, validator=validators.ge(1))
    batch_seconds: float = field(default=5.0, validator=validators.gt(0))
    reconcile_after: float = field(default=120.0, validator=validators.ge(0))
    max_attempts: int = field(default=8, validator=validators.ge(1))
    grace: float = field(default=10.0, validator=validators.ge(0))
    max_failures: int = field(default=20, validator=validators.ge(1))
    max_outage: float = field(default=600.0, validator=validators.ge(0))
    flush_after: float = field(default=0.5, validator=validators.gt(0))
    dead_letters: str | PathLike[str] | None = None
    on_progress: ProgressCallback | None = None
