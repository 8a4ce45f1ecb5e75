"""Bulk jobs: many rows, few requests, one outcome a row. Knows neither HTTP nor JSON: a courier does."""

from mautic_async.bulk.adapter import Courier, Delivery, Receipt
from mautic_async.bulk.dead_letters import DeadLetter, read_letters
from mautic_async.bulk.items import Facts, Packed, Parcel
from mautic_async.bulk.job import Run, to_the_end
from mautic_async.bulk.options import Plan
from mautic_async.bulk.outcomes import Budget, Outcome, Progress, Report, Status

__all__ = [
    "Budget",
    "Courier",
    "DeadLetter",
    "Delivery",
    "Facts",
    "Outcome",
    "Packed",
    "Parcel",
    "Plan",
    "Progress",
    "Receipt",
    "Report",
    "Run",
    "Status",
    "read_letters",
    "to_the_end",
]
