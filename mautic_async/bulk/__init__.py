"""Bulk jobs: many rows, few requests, one outcome a row. An adapter for each kind of row knows HTTP and JSON."""

from mautic_async.bulk.adapter import BatchResult, BulkAdapter, Pending, RowResult
from mautic_async.bulk.dead_letters import DeadLetter, read_dead_letters
from mautic_async.bulk.items import EncodedRow, Facts, WorkItem
from mautic_async.bulk.job import BulkJob
from mautic_async.bulk.options import BulkOptions
from mautic_async.bulk.outcomes import BulkReport, Outcome, Progress, RateLimitStatus, Status
from mautic_async.bulk.timeline import TimelinePoint

__all__ = [
    "BatchResult",
    "BulkAdapter",
    "BulkJob",
    "BulkOptions",
    "BulkReport",
    "DeadLetter",
    "EncodedRow",
    "Facts",
    "Outcome",
    "Pending",
    "Progress",
    "RateLimitStatus",
    "RowResult",
    "Status",
    "TimelinePoint",
    "WorkItem",
    "read_dead_letters",
]
