"""What the widgets of the dashboard show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal

from mautic_async import codec, protocol
from mautic_async.models import JSON, Widget
from mautic_async.protocol import Call
from mautic_async.resources import _responses
from mautic_async.resources._base import Namespace
from mautic_async.resources._times import iso_text


class Widgets(Namespace):
    """What the widgets of the dashboard show. Mautic: REST API, Data - dashboard widgets."""

    async def types(self) -> Mapping[str, Mapping[str, str]]:
        """Names for people, by type of widget, by the part of Mautic it belongs to.

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
        """What a widget shows.

        Args:
            type: ``created.leads.in.time``, ``emails.in.time`` and others: see `types`.
            date_from: From then; a datetime must have a time zone.
            date_to: Until then; a datetime must have a time zone.
            unit: Of time along the axis: seconds, minutes, hours, days, weeks, months, years; years by default.
            format: A chart, or values by label.
            timezone: Name of a zone, for the labels.
            filter: ``{"campaignId": 3}``, ``companyId``, ``segmentId``, by type.
            dataset: Only these, for types that have several.
            limit: Of rows, for types that have some.
            more: Further parameters: ``dateFormat``, ``height`` (pixels), ``cacheTimeout`` (minutes).

        Raises:
            NotFound: There is no such widget, or it has nothing to show.
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
        return codec.decode(Widget, _responses.expect_mapping(call, await self._send_for_body(call)))
