"""Rows of Mautic's statistics tables."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from mautic_async import codec, protocol
from mautic_async.errors import NotFound
from mautic_async.models import StatRow, StatTables
from mautic_async.protocol import Call
from mautic_async.resources import _pagination, _responses, _tables
from mautic_async.resources._base import Namespace
from mautic_async.resources._endpoint import PAGE_SIZE, ResultPage
from mautic_async.where import Where


class Stats(Namespace):
    """Statistics tables; every user of the API sees all rows. Mautic: REST API, Stats."""

    async def tables(self) -> StatTables:
        """Return the names of the tables and of their columns.

        Mautic: REST API, Stats, Get available tables (GET /stats).
        """
        call = Call("GET", "stats")
        return codec.decode(StatTables, _responses.expect_mapping(call, await self._send_for_body(call)))

    async def list(
        self,
        table: str,
        *,
        where: Where | Sequence[Where] | None = None,
        order: Sequence[tuple[str, str]] = (),
        start: int = 0,
        limit: int = PAGE_SIZE,
    ) -> ResultPage[StatRow]:
        """Return a page of a table.

        Args:
            table: ``email_stats``, ``page_hits``, ... without the prefix of the database.
            where: Conditions on its columns.
            order: Columns with ``asc`` or ``desc``.
            start: Offset of the first, from 0.
            limit: Rows per page.

        Raises:
            NotFound: There is no such table; Mautic answers with the list of tables and status 200.
            Rejected: There is no such column; Mautic reports it with status 200.

        Mautic: REST API, Stats, Get stats from table (GET /stats/TABLE).
        """
        query = _tables.parameters(where=where, order=order, start=start, limit=limit)
        call = Call("GET", protocol.build_path("stats", table), query=query)
        body = _responses.expect_mapping(call, await self._send_for_body(call))
        # Mautic answers an unknown table with the list of tables and a 200.
        if "stats" not in body and "availableTables" in body:
            known = ", ".join(map(str, body["availableTables"]))
            raise NotFound(f"{call} not found (although with status 200): the tables are {known}", status=200)
        rows: Any = _responses.expect_rows(call, body.get("stats"))
        return ResultPage(items=rows, total=_responses.total(body, len(rows)), start=start)

    def iterate(
        self,
        table: str,
        *,
        where: Where | Sequence[Where] | None = None,
        column: str = "id",
        limit: int = PAGE_SIZE,
        read_ahead: bool = False,
    ) -> AsyncIterator[StatRow]:
        """Yield every row of a table once, even if rows are added meanwhile.

        Rows of a table whose ids are UUIDs, such as ``email_stat_replies``, come in the order of these texts. Of rows
        that are added meanwhile, those whose id sorts before the current page are not seen.

        Args:
            table: As for `list`.
            where: Conditions on its columns.
            column: Column whose value no two rows share. Tables without an ``id`` can only be listed.
            limit: Rows per page.
            read_ahead: Fetch the next page while the caller works on this one.

        Mautic: REST API, Stats, Get stats from table (GET /stats/TABLE with ``where``).
        """

        async def fetch(query: Mapping[str, Any]) -> ResultPage[StatRow]:
            order = [(query["order_by"], query["order_by_dir"])]
            return await self.list(table, where=query["where"], order=order, limit=query["limit"])

        def get_id(row: StatRow) -> int | str:
            return int(row[column]) if row[column].isdecimal() else row[column]

        paginator = _pagination.Paginator(
            fetch=fetch, query={"where": where}, size=limit, get_id=get_id, column=column, above=None
        )
        return self._paginate(paginator, read_ahead=read_ahead)
