"""Reports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from typing import Any, ClassVar, Final

from mautic_async import codec, protocol
from mautic_async.models import JSON, Report, ReportResult
from mautic_async.protocol import Effect
from mautic_async.resources import _pagination, _responses
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources._endpoint import PAGE_SIZE
from mautic_async.resources._sent_along import SentAlong
from mautic_async.resources._times import iso_text

_COLUMNS: Final = ("columns", "filters", "tableOrder", "groupBy", "aggregators", "graphs")


class Reports(Resource[Report]):
    """Reports: stored queries of Mautic's database.

    Mautic checks columns against `source`. So `edit` and `edit_many` send the stored one along with them. Mautic: REST
    API, Reports.
    """

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        *("reports", "report", "reports", Report),
        replace_requires=("system",),
        sent_along=(SentAlong("source", ("source",), beside=_COLUMNS),),
    )

    async def get(self, id: int) -> Report:
        """Return the definition of a report; `data` has its rows. Mautic sends both together, so one row is read.

        Raises:
            NotFound: No report has this id.

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
        """Return a page of the data of a report.

        Args:
            id: Id of the report.
            date_from: Start of the date range; a datetime must have a time zone.
            date_to: End of the date range; a datetime must have a time zone.
            page: Number of the page, from 1.
            limit: Rows per page, at least 1.

        Raises:
            NotFound: No report has this id.

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
        """Yield every row of a report, page by page.

        Rows have no id. Pages may repeat or miss rows if data changes meanwhile, or if rows are equal in `table_order`.

        Raises:
            NotFound: No report has this id.

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
