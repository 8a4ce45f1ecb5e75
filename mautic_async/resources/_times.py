"""Dates and times in queries."""

from __future__ import annotations

from datetime import UTC, date, datetime

from mautic_async.errors import ConfigurationError


def require_time_zone(value: datetime, name: str) -> datetime:
    """Return *value*, which must have a time zone.

    Raises:
        ConfigurationError: It has none.
    """
    # The time zone of this machine is rarely the one that is meant.
    if value.tzinfo is None:
        raise ConfigurationError(f"{name}: {value} has no time zone: say which, for example datetime(..., tzinfo=UTC)")
    return value


def utc_text(value: datetime | None, name: str) -> str | None:
    """Return the form that Mautic documents for filters: UTC, without a time zone in the text."""
    return None if value is None else require_time_zone(value, name).astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def iso_text(value: datetime | date | None, name: str) -> str | None:
    """Return *value* with its offset, for parameters that PHP reads as a `DateTime`."""
    if isinstance(value, datetime):
        return require_time_zone(value, name).isoformat(timespec="seconds")
    return None if value is None else value.isoformat()
