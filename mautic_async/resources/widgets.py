"""Data of dashboard widgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, ClassVar, Literal

from mautic_async import codec, protocol
from mautic_async.models import JSON, Widget
from mautic_async.protocol import Call
from mautic_async.resources import _responses
from mautic_async.resources._base import Namespace
from mautic_async.resources._times import iso_text


class Widgets(Namespace):
    """Data of dashboard widgets. Mautic: REST API, Data - dashboard widgets."""

    _name: ClassVar[str] = "data"

    async def types(self) -> Mapping[str, Mapping[str, str]]:
        """Return the display names of all types of widget, by bundle and type.

        Mautic: REST API, Data, Get available widget types (GET /data).
        """
        call = Call("GET", "data")
        return _responses.expect_mapping(call, await self._send_for_body(call), "types")

    async def get(
        self,
        type: str,
        *,
        date_from: datetime | date | None = None,
        date_to: datetime | date | None = None,
        unit: Literal["s", "i", "H", "d", "W", "m", "Y"] | None = None,
        format: Literal["chart", "raw"] = "chart",
        timezone: str = "",
        filter: Mapping[str, JSON] | None = None,
        dataset: Sequence[str] = (),
        limit: int | None = None,
        more: Mapping[str, JSON] | None = None,
    ) -> Widget:
        """Return the data of a widget.

        Args:
            type: Type, such as ``created.leads.in.time`` or ``emails.in.time``; `types` lists all.
            date_from: Start of the date range; a datetime must have a time zone.
            date_to: End of the date range; a datetime must have a time zone.
            unit: Unit of the time axis: seconds, minutes, hours, days, weeks, months, years; years by default.
            format: ``chart`` for chart data, ``raw`` for values by label.
            timezone: Name of the time zone of the labels.
            filter: Filter, such as ``{"campaignId": 3}``; the keys depend on the type.
            dataset: Names of the datasets, for types that have several.
            limit: Largest number of rows, for types that have rows.
            more: Additional query parameters: ``dateFormat``, ``height`` (pixels), ``cacheTimeout`` (minutes).

        Raises:
            NotFound: There is no such type, or the widget has no data.
            Rejected: A parameter is wrong.

        Mautic: REST API, Data, Get an individual widget (GET /data/TYPE).
        """
        query: dict[str, Any] = {
            "timezone": timezone or None,
            "dateFrom": iso_text(date_from, "date_from"),
            "dateTo": iso_text(date_to, "date_to"),
            "timeUnit": unit,
            "dataFormat": "raw" if format == "raw" else None,
            "filter": filter,
            "dataset": list(dataset),
            "limit": limit,
            **(more or {}),
        }
        call = Call("GET", protocol.build_path("data", type), query=protocol.encode_query(query))
        body = _responses.expect_mapping(call, await self._send_for_body(call))
        return codec.decode(Widget, {key: value for key, value in body.items() if key != "success"})
