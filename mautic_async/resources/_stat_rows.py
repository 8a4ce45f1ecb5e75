"""Rows of statistics tables as entities: their values are texts, their times UTC without an offset."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mautic_async.models import DoNotContactEntry, EmailStatistic

if TYPE_CHECKING:
    from mautic_async.models import StatRow

PAGE_ROWS: Final = 5000
"""Rows a page of a table: about 120 to 300 bytes each. Mautic sets no limit."""


def email_statistic(row: StatRow) -> EmailStatistic:
    """Return a row of ``email_stats``."""
    return EmailStatistic(
        id=_number(row, "id") or 0,
        email_id=_number(row, "email_id"),
        contact_id=_number(row, "lead_id"),
        segment_id=_number(row, "list_id"),
        email_address=row.get("email_address"),
        date_sent=_moment(row, "date_sent"),
        is_read=_flag(row, "is_read"),
        is_failed=_flag(row, "is_failed"),
        date_read=_moment(row, "date_read"),
        last_opened=_moment(row, "last_opened"),
        open_count=_number(row, "open_count"),
        viewed_in_browser=_flag(row, "viewed_in_browser"),
        source=row.get("source"),
        source_id=_number(row, "source_id"),
        tracking_hash=row.get("tracking_hash"),
    )


def do_not_contact_entry(row: StatRow) -> DoNotContactEntry:
    """Return a row of ``lead_donotcontact``."""
    return DoNotContactEntry(
        id=_number(row, "id") or 0,
        contact_id=_number(row, "lead_id"),
        channel=row.get("channel"),
        reason=_number(row, "reason"),
        comments=row.get("comments"),
        channel_id=_number(row, "channel_id"),
        date_added=_moment(row, "date_added"),
    )


def _number(row: StatRow, column: str) -> int | None:
    # NULL becomes the text None, which is no number.
    text = str(row.get(column, ""))
    return int(text) if text.lstrip("-").isdecimal() else None


def _flag(row: StatRow, column: str) -> bool | None:
    number = _number(row, column)
    return None if number is None else bool(number)


def _moment(row: StatRow, column: str) -> datetime | None:
    try:
        return datetime.fromisoformat(str(row.get(column, ""))).replace(tzinfo=UTC)
    except ValueError:
        return None
