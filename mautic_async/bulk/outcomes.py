"""The results of a bulk job: an outcome for each row, a report at the end, progress on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, TypeVar, cast

from attrs import define, field, frozen

from mautic_async._html import html_table
from mautic_async.bulk.report_page import report_page
from mautic_async.bulk.timeline import TimelinePoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mautic_async.errors import Problem

E = TypeVar("E")

SentStatus: TypeAlias = Literal["created", "updated", "rejected", "partial", "unknown"]
"""The end of a row that was sent, or rejected without being sent."""

Status: TypeAlias = Literal[SentStatus, "unchanged"]
"""The end of a row; `Outcome.status` says what each means. The six counts of a report add up to `BulkReport.read`."""


@frozen
class Outcome(Generic[E]):
    """The outcome of one row.

    Attributes:
        index: The row's place in the input, from 0.
        status: ``created`` and ``updated``: stored whole. ``unchanged``: not sent, since an earlier job has stored it
            as it is (jobs with a `SyncState` only). ``rejected``: refused, nothing of it is stored. ``partial``: the
            entity is stored, a part of the row (a custom item) is not, or not as it was sent. ``unknown``: it may be
            stored; sending it again could store it twice, so that is left to the caller.
        id: Of the entity, 0 if it is not known.
        problems: The reasons if it was not stored whole.
        entity: The entity as stored, if the job was asked to return entities.
        attempts: Number of times that the row was sent.
    """

    index: int
    status: Status
    id: int = 0
    problems: tuple[Problem, ...] = ()
    entity: E | None = field(default=None, repr=False)
    attempts: int = 0

    @property
    def contact(self) -> E | None:
        """The entity of a job over contacts; None unless entities were asked for."""
        return self.entity

    @property
    def ok(self) -> bool:
        """True if the row is stored whole."""
        return self.status in ("created", "updated", "unchanged")


@frozen(kw_only=True)
class BulkReport:
    """The numbers of a job.

    Attributes:
        read: Rows that have an outcome; the sum of the next six.
        created: Rows that created an entity.
        updated: Rows that changed one.
        unchanged: Rows that were not sent, since an earlier job has stored them as they are.
        rejected: Rows that were refused, by the client or by Mautic.
        partial: Rows of which a part is stored.
        unknown: Rows that may be stored.
        requests: HTTP requests, look-ups included.
        seconds: From the start of the job to its end.
        retried: Rows that were sent more than once.
        resumed: Rows among *read* that an earlier run with the same journal had finished.
        unsent: Rows that were read from the input and not sent, because the job was left early.
        waited: Seconds in which the whole job stood still for a limit or an outage.
        guarantee: The guarantee for new custom items, in words, for each custom object.
        resumable: The job could have been resumed after a crash (it had a journal in a file).
        vanished: Contacts or companies that an earlier job of the same `SyncState` has stored and that are no longer in
            the input. None without a state, before the input has been read whole, or when a row could not be told from
            others.
        timeline: Samples of the job over time, at most 400, evenly spread.
    """

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    partial: int = 0
    unknown: int = 0
    requests: int = 0
    seconds: float = 0.0
    retried: int = 0
    resumed: int = 0
    unsent: int = 0
    waited: float = 0.0
    guarantee: str = ""
    resumable: bool = False
    vanished: int | None = None
    timeline: tuple[TimelinePoint, ...] = field(default=(), repr=False, eq=False)

    @property
    def read(self) -> int:
        """The number of rows that have an outcome."""
        return self.created + self.updated + self.unchanged + self.rejected + self.partial + self.unknown

    @property
    def ok(self) -> bool:
        """True if every row is stored whole."""
        return not (self.rejected or self.partial or self.unknown)

    def _repr_html_(self) -> str:
        """Return the report as a small table, for notebooks."""
        always = {"read": self.read, "created": self.created, "updated": self.updated}
        others = ("unchanged", "rejected", "partial", "unknown", "vanished", "retried", "resumed", "unsent")
        counts = always | {name: number for name in others if (number := getattr(self, name))}
        figures = {"requests": self.requests, "seconds": self.seconds, "rows a second": self._rows_a_second}
        waits = {"seconds waited": self.waited} if self.waited else {}
        return html_table(
            "All rows are stored" if self.ok else "Not all rows are stored", (counts | figures | waits).items()
        )

    @property
    def _rows_a_second(self) -> float:
        return self.read / self.seconds if self.seconds else 0.0

    def to_html(self, title: str = "Bulk job", reasons: Mapping[str, int] | None = None) -> str:
        """Return the report as an HTML page that stands alone, with the timeline as a picture.

        Args:
            title: Heading of the page.
            reasons: Reasons why rows were not stored whole, with the number of rows.
        """
        return report_page(title, self._repr_html_(), reasons or {}, self.timeline)


@frozen
class RateLimitStatus:
    """The remaining part of the server's rate limit.

    Attributes:
        limit: Calls a window.
        remaining: Calls left in it.
        reset: Seconds until the next window.
    """

    limit: int
    remaining: int
    reset: float

    def _repr_html_(self) -> str:
        """Return the rate limit as a small table, for notebooks."""
        rows = (("calls left", self.remaining), ("of", self.limit), ("seconds until the next window", self.reset))
        return html_table("Rate limit", rows)


@frozen(kw_only=True)
class Progress:
    """A job on its way; a snapshot.

    Attributes:
        report: The numbers so far.
        taken: Rows read from the input.
        total: Rows in the input, None if it does not tell its length.
        sending: Rows in requests in flight.
        awaiting_check: Rows of unknown outcome that wait until the server can no longer be at work on them.
        waiting: Rows that wait for an earlier row with the same key.
        rate: Rows a second, over about the last ten seconds.
        concurrency: Requests that may be in flight at once now.
        batch: Rows a request now.
        oldest: Age of the oldest request in flight, in seconds.
        paused: Seconds until sending goes on, 0 if it is not paused.
        budget: The rate limit, or None if the server has not told one.
    """

    report: BulkReport
    taken: int
    total: int | None
    sending: int
    awaiting_check: int
    waiting: int
    rate: float
    concurrency: int
    batch: int
    oldest: float
    paused: float
    budget: RateLimitStatus | None

    @property
    def done(self) -> int:
        """The number of rows that have an outcome."""
        return self.report.read


@define
class Counters:
    """The counters behind a report."""

    counts: dict[Status, int] = field(
        factory=lambda: dict.fromkeys(("created", "updated", "unchanged", "rejected", "partial", "unknown"), 0)
    )
    requests: int = 0
    retried: int = 0
    resumed: int = 0
    unsent: int = 0
    waited: float = 0.0

    def __str__(self) -> str:
        """Return the counts that are not 0, such as ``3 created, 1 rejected``."""
        return ", ".join(f"{count} {status}" for status, count in self.counts.items() if count) or "no outcomes"

    def make_report(self, **rest: Any) -> BulkReport:
        """Return a report of the numbers as they are."""
        return BulkReport(
            **cast("dict[str, Any]", self.counts),
            requests=self.requests,
            retried=self.retried,
            resumed=self.resumed,
            unsent=self.unsent,
            waited=self.waited,
            **rest,
        )
