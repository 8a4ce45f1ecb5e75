"""The adapter of bulk jobs that upsert companies by their name.

Mautic: REST API, Companies; Batch requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from attrs import define, evolve

from mautic_async import codec, protocol
from mautic_async import where as conditions
from mautic_async.bulk import BatchResult, EncodedRow, Pending, RowResult, WorkItem
from mautic_async.errors import ConfigurationError, Problem
from mautic_async.models import Company
from mautic_async.protocol import Effect, RowAnswer
from mautic_async.resources.bulk_adapters.base import ResourceAdapter, known_id, row_result
from mautic_async.resources.contacts import validation

C = TypeVar("C", bound=Company)

LOOK_UP: Final = "look"
EDIT: Final = "edit"
CREATE: Final = "create"


@define(eq=False)
class CompanyUpserts(ResourceAdapter[C]):
    """Upserts of companies by their name: look up, then edit or create, since Mautic has no safe upsert of companies.

    Creating one with a known name wipes what is not sent; in a batch it is refused. So the first step only looks up.
    """

    unique: str = "companyname"
    guarantee: str = "companies: found by their name, then edited; new ones are looked up again after a lost answer"

    def encode(self, row: C, index: int) -> EncodedRow:
        """Encode one row; it must have a name, or an id."""
        del index
        try:
            body = codec.encode_changes(row) if row.id else codec.encode(row)
            name = body.get(self.unique)
            if row.id:
                return self.encoded_row({"id": protocol.validate_id(row.id), **body}, ("id", row.id), *_name_key(name))
            if validation.is_blank(name):
                problem = Problem("a company is found by its name, which is missing", self.unique)
                return EncodedRow(b"", problems=(problem,))
            return self.encoded_row(body, *_name_key(name))
        except (ConfigurationError, TypeError, ValueError) as error:
            return EncodedRow(b"", problems=(Problem(str(error)),))

    async def send(self, step: str, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Look up, edit or create, as *step* says."""
        if step == EDIT:
            return await self._edit(batch)
        if step == CREATE:
            bodies = [item.encoded.payload for item in batch]
            rows, seconds = await self.send_rows("POST", "batch/new", Effect.UPSERT, bodies)
            results = [self._create_result(item, row) for item, row in zip(batch, rows, strict=True)]
            return BatchResult(results, seconds=seconds)
        return await self._look_up_names(batch)

    async def _edit(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Edit each company once in a request: Mautic fails on a batch that has an id twice."""
        first: dict[int, WorkItem[C]] = {}
        for item in batch:
            first.setdefault(known_id(item), item)
        bodies = [{**item.encoded.payload, "id": id} for id, item in first.items()]
        answers, seconds = await self.send_rows("PATCH", "batch/edit", Effect.IDEMPOTENT, bodies)
        rows = dict(zip(first, answers, strict=True))
        results: list[RowResult[C]] = [
            row_result(rows[id], id, self.resource, item.encoded.payload)
            if first[id] is item
            else RowResult(Pending.RETRY, id, retry_after=0.1)
            for item, id in ((item, known_id(item)) for item in batch)
        ]
        return BatchResult(results, seconds=seconds)

    def _create_result(self, item: WorkItem[C], row: RowAnswer) -> RowResult[C]:
        # Once only: a second clash means that the name cannot be found by the look-up.
        if row.status == 422 and not item.facts.get("clash"):
            # Another client has created it meanwhile.
            return RowResult(Pending.NEXT_STEP, next_step=LOOK_UP, facts={"clash": True})
        return row_result(row, 0, self.resource, item.encoded.payload)

    async def _look_up_names(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        names = (str(item.encoded.payload[self.unique]).strip() for item in batch if not item.row.id)
        found: dict[str, int] = {}
        requests, seconds = 0, 0.0
        for piece in conditions.url_sized_groups(names):
            # Names may be stored several times, so the limit leaves room for duplicates.
            stored, took = await self.find(conditions.in_or_eq(self.unique, piece), 5 * len(piece))
            requests, seconds = requests + 1, seconds + took
            for company in (codec.decode(Company, item) for item in stored):
                found.setdefault(validation.collation_key(codec.encode(company).get(self.unique, "")), company.id)
        return BatchResult([self._next_step(item, found) for item in batch], requests, seconds)

    def _next_step(self, item: WorkItem[C], found: Mapping[str, int]) -> RowResult[C]:
        id = item.row.id or found.get(validation.collation_key(item.encoded.payload.get(self.unique, "")), 0)
        return RowResult(Pending.NEXT_STEP, id, next_step=EDIT if id else CREATE, facts={"id": id} if id else None)

    async def look_up(self, step: str, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Repeat edits; look up new companies by their name."""
        # An edit by id may be repeated; only a create would double the company.
        if step != CREATE:
            return BatchResult([RowResult(Pending.RETRY, known_id(item)) for item in batch], requests=0)
        look = await self._look_up_names(batch)
        return BatchResult([self._lost_create_result(result) for result in look.results], look.requests, look.seconds)

    def _lost_create_result(self, result: RowResult[C]) -> RowResult[C]:
        # If it exists now, another client may have created it: an edit gives it the row's values.
        return evolve(result, status_if_given_up="created") if result.next_step == EDIT else RowResult(Pending.RETRY)


def _name_key(name: object) -> list[tuple[str, object]]:
    return [] if validation.is_blank(name) else [("name", validation.collation_key(name))]
