"""Reports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from typing import Any, ClassVar

from mautic_async import codec, protocol
from mautic_async.models import JSON, Report, ReportResult
from mautic_async.protocol import Effect
from mautic_async.resources import _pagination, _responses
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources._endpoint import PAGE_SIZE
from mautic_async.resources._times import iso_text


class Reports(Resource[Report]):
    """Questions to the database that can be asked again. Mautic: REST API, Reports."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "reports", one="report", many="reports", model=Report, replace_requires=("system",)
    )

    async def get(self, id: int) -> Report:
        """The report itself; `data` asks it. Mautic knows no way to one without the other, so one row is read.

        Raises:
            NotFound: Nothing has this id.

        Mautic: REST API, Reports, Get report (GET /reports/ID).
        """
        query = protocol.encode_query({"page": 1, "limit": 1})
        return self._decode_one(
            await self._send(self._build_call("GET", Effect.READ, protocol.validate_id(id), query=query))
        )

    async def data(
        self,
        id: int,
        *,
        date_from: datetime | date | None = None,
        date_to: datetime | date | None = None,
        page: int = 1,
        limit: int = PAGE_SIZE,
    ) -> ReportResult:
        """One page of what a report finds.

        Args:
            id: Of the report.
            date_from: Only rows from then; a datetime must have a time zone.
            date_to: Only rows until then; a datetime must have a time zone.
            page: From 1.
            limit: Rows a page, at least 1.

        Raises:
            NotFound: Nothing has this id.

        Mautic: REST API, Reports, Get report (GET /reports/ID).
        """
        query: dict[str, Any] = dict(_pagination.parameters({"limit": limit}))
        query |= {
            "page": page,
            "dateFrom": iso_text(date_from, "date_from"),
            "dateTo": iso_text(date_to, "date_to"),
        }
        call = self._build_call("GET", Effect.READ, protocol.validate_id(id), query=protocol.encode_query(query))
        return codec.decode(ReportResult, _responses.expect_mapping(call, await self._send_for_body(call)))

    async def iterate_data(
        self,
        id: int,
        *,
        date_from: datetime | date | None = None,
        date_to: datetime | date | None = None,
        limit: int = PAGE_SIZE,
    ) -> AsyncIterator[Mapping[str, JSON]]:
        """Every row of what a report finds, page by page.

        Rows have no id, so pages only hold together while nothing changes, and if `table_order` leaves no ties.

        Raises:
            NotFound: Nothing has this id.

        Mautic: REST API, Reports, Get report (GET /reports/ID).
        """
        page = 1
        while True:
            found = (await self.data(id, date_from=date_from, date_to=date_to, page=page, limit=limit)).rows or []
            for row in found:
                yield row
            if len(found) < limit:
                return
            page += 1
