"""The common part of the adapters for edits by id, deletes and company upserts.

Mautic: REST API, Batch requests.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import define

from mautic_async import codec, protocol
from mautic_async.bulk import BulkJob, BulkOptions, EncodedRow, Pending, RateLimitStatus, RowResult, WorkItem
from mautic_async.journal.sqlite import as_journal
from mautic_async.models import Entity
from mautic_async.protocol import Call, Effect, RowAnswer
from mautic_async.resources import _batch, _responses

if TYPE_CHECKING:
    from os import PathLike

    from mautic_async.journal.records import JobJournal
    from mautic_async.pipeline import Pipeline
    from mautic_async.protocol import Payload
    from mautic_async.resources._batch_resource import BatchResource
    from mautic_async.where import Where

E = TypeVar("E", bound=Entity)
R = TypeVar("R")


@define(eq=False)
class ResourceAdapter(Generic[E]):
    """An adapter whose requests go to the batch routes of one resource."""

    resource: BatchResource[E]
    max_rows: int = 200
    guarantee: str = ""
    requests_left: int | None = None

    async def prepare(self, job: str) -> None:
        """Do nothing: there is nothing to ask the server for."""

    def rate_limit(self) -> RateLimitStatus | None:
        """Return what is left of the rate limit."""
        return rate_limit_status(self.resource._pipeline)

    def decode(self, body: bytes) -> Any:
        """Return the row that was encoded as *body*."""
        return codec.decode_request(self.resource._model, self.resource._pipeline.json.loads(body))

    def idempotent_part(self, row: Any) -> Any:
        """Return *row* itself: edits, deletes, and companies found by their name may be sent twice."""
        return row

    async def send_request(self, method: str, path: str, effect: Effect, **more: Any) -> Payload:
        """Send one request of the job once; the pipeline does not retry it."""
        call = Call(
            method,
            f"{self.resource.endpoint.path}/{path}",
            effect,
            is_batch=True,
            background=True,
            retryable=False,
            job_requests_left=self.requests_left,
            **more,
        )
        return await self.resource._pipeline.send(call)

    async def send_rows(
        self, method: str, path: str, effect: Effect, bodies: Sequence[Mapping[str, Any]]
    ) -> tuple[list[RowAnswer], float]:
        """Send *bodies* in one request; return the answer for each, and the seconds that the server took."""
        payload = await self.send_request(method, path, effect, body=list(bodies), row_count=len(bodies))
        return protocol.parse_batch(payload.body, self.resource.endpoint.many, len(bodies)), payload.seconds

    async def find(self, where: Where, limit: int, **query: Any) -> tuple[Collection[Any], float]:
        """Return what is stored that fits *where*, in the order of ids, and the seconds that the server took."""
        endpoint = self.resource.endpoint
        asked = protocol.encode_query({"where": [where.parameters()], "limit": limit, "orderBy": "id", **query})
        payload = await self.resource._pipeline.send(Call("GET", endpoint.path, query=asked, background=True))
        raw = payload.body.get(endpoint.many) if isinstance(payload.body, Mapping) else None
        return raw.values() if isinstance(raw, Mapping) else raw or (), payload.seconds

    def encoded_row(self, body: Mapping[str, Any], *keys: tuple[str, object]) -> EncodedRow:
        """Return *body* as an encoded row with the given ordering keys."""
        return EncodedRow(self.resource._pipeline.json.dumps(body), ordering_keys=keys, payload=body)


def row_result(row: RowAnswer, id: int, resource: BatchResource[Any], body: Mapping[str, Any]) -> RowResult[Any]:
    """Return the result of a row that is edited by its id as *body* says; repeating it changes nothing."""
    status = _batch.row_status(row)
    if status == "unknown":
        return RowResult(Pending.LOOK_UP)
    # A database error in the middle of saving: the entity may be stored in part.
    if row.status in _batch.RETRYABLE_SQL_CODES:
        return RowResult(Pending.LOOK_UP, id, problems=row.problems, retry_after=5.0, overload=row.status != 1062)
    found = row.entity.get("id") if row.entity is not None else None
    known = found if isinstance(found, int) and found else id
    if status in {"created", "updated"} and row.entity is not None:
        lost = tuple(resource._values_not_kept(body, codec.decode(resource._model, row.entity)))
        # Mautic answers with success although it has dropped or changed the value.
        if lost:
            return RowResult("partial", known, lost, changed_at=_responses.modified_at(row.entity))
    return RowResult(status, known, problems=row.problems, changed_at=_responses.modified_at(row.entity))


def known_id(item: WorkItem[Any]) -> int:
    """Return the id of the row's entity, from its facts or from the row; 0 if neither has it."""
    id = item.facts.get("id")
    return id if isinstance(id, int) and id else int(getattr(item.row, "id", 0))


def rate_limit_status(pipeline: Pipeline) -> RateLimitStatus | None:
    """Return what is left of the rate limit, for the progress of a job; None if it is not known."""
    status = pipeline.rate_limiter.status
    if status.limit is None or status.remaining is None or status.reset is None:
        return None
    return RateLimitStatus(status.limit, status.remaining, max(0.0, status.reset - pipeline.clock.wall_time()))


def new_job(
    adapter: ResourceAdapter[E],
    rows: Iterable[R] | AsyncIterable[R],
    journal: JobJournal | str | PathLike[str] | None,
    options: BulkOptions | None,
) -> BulkJob[R, E]:
    """Return a job over *rows*, with the client's own concurrency unless *options* are given."""
    pipeline = adapter.resource._pipeline
    bounds = options or BulkOptions(concurrency=pipeline.concurrency)
    return BulkJob(adapter, rows, options=bounds, clock=pipeline.clock, journal=as_journal(journal))  # type: ignore[arg-type]  # its rows
