"""The other couriers of the bulk engine: edits by id, deletes, and companies.

What is generic about bulk jobs is the engine's; here is only what a batch of each kind is, and how to look what
became of it.

Mautic: REST API, Batch requests; Companies.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from attrs import define, evolve, field

from mautic_async import codec, protocol
from mautic_async import where as conditions
from mautic_async.bulk import BatchResult, BulkJob, BulkOptions, EncodedRow, RateLimitStatus, RowResult, WorkItem
from mautic_async.errors import ConfigurationError, MauticError, Problem
from mautic_async.models import Company, Contact, Entity
from mautic_async.protocol import Call, Effect, RowAnswer
from mautic_async.resources import _batch, _responses
from mautic_async.resources._company_link import company_name, link_all
from mautic_async.resources.bulk_adapters.created_names import names_created_by
from mautic_async.resources.contacts import validation

if TYPE_CHECKING:
    from mautic_async.journal.records import JobJournal
    from mautic_async.pipeline import Pipeline
    from mautic_async.protocol import Payload
    from mautic_async.resources._batch_resource import BatchResource
    from mautic_async.where import Where

E = TypeVar("E", bound=Entity)
C = TypeVar("C", bound=Company)
R = TypeVar("R")

LOOK_UP: Final = "look"
LINK: Final = "link"
MAX_CLOCK_DIFFERENCE: Final = 300.0
"""Seconds by which the server's clock may be ahead of ours where no answer has told."""

EDIT: Final = "edit"
CREATE: Final = "create"


def rate_limit_status(pipeline: Pipeline) -> RateLimitStatus | None:
    """What is left of the rate limit, for the progress of a job."""
    status = pipeline.rate_limiter.status
    if status.limit is None or status.remaining is None or status.reset is None:
        return None
    return RateLimitStatus(status.limit, status.remaining, max(0.0, status.reset - pipeline.clock.wall_time()))


@define(eq=False)
class _Adapter(Generic[E]):
    """What the three share."""

    resource: BatchResource[E]
    max_rows: int = 200
    guarantee: str = ""
    requests_left: int | None = None

    async def prepare(self, job: str) -> None:
        """Nothing has to be asked first."""

    def rate_limit(self) -> RateLimitStatus | None:
        """What is left of the rate limit."""
        return rate_limit_status(self.resource._pipeline)

    def decode(self, body: bytes) -> Any:
        """The row that was packed as *body*."""
        return codec.decode_request(self.resource._model, self.resource._pipeline.json.loads(body))

    def idempotent_part(self, row: Any) -> Any:
        """The row itself: an edit, a deletion, or a company found by its name may be sent twice."""
        return row

    async def send_request(self, method: str, path: str, effect: Effect, **more: Any) -> Payload:
        """Send one request of the job once; the pipeline does not retry it."""
        endpoint = self.resource.endpoint
        call = Call(
            method,
            f"{endpoint.path}/{path}",
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
        """Send *bodies* in one request; return what the answer says of each, and the seconds that the server took."""
        payload = await self.send_request(method, path, effect, body=list(bodies), row_count=len(bodies))
        return protocol.parse_batch(payload.body, self.resource.endpoint.many, len(bodies)), payload.seconds

    async def find(self, where: Where, limit: int, **query: Any) -> tuple[Collection[Any], float]:
        """Look *where* up; return what is stored, in the order of ids, and the seconds that the server took."""
        endpoint = self.resource.endpoint
        asked = protocol.encode_query({"where": [where.parameters()], "limit": limit, "orderBy": "id", **query})
        payload = await self.resource._pipeline.send(Call("GET", endpoint.path, query=asked, background=True))
        raw = payload.body.get(endpoint.many) if isinstance(payload.body, Mapping) else None
        return raw.values() if isinstance(raw, Mapping) else raw or (), payload.seconds

    def encoded_row(self, body: Mapping[str, Any], *keys: tuple[str, object]) -> EncodedRow:
        """*body* as the engine wants it."""
        return EncodedRow(self.resource._pipeline.json.dumps(body), ordering_keys=keys, payload=body)


def _row_result(row: RowAnswer, id: int) -> RowResult[Any]:
    """What an answer says of a row that is edited by its id; doing it again changes nothing."""
    status = _batch.row_status(row)
    if status == "unknown":
        return RowResult("look")
    if row.status in _batch.RETRYABLE_SQL_CODES:
        return RowResult("look", id, problems=row.problems, retry_after=5.0, overload=row.status != 1062)
    found = row.entity.get("id") if row.entity is not None else None
    changed_at = _responses.modified_at(row.entity)
    return RowResult(
        status, found if isinstance(found, int) and found else id, problems=row.problems, changed_at=changed_at
    )


@define(eq=False)
class Edits(_Adapter[E]):
    """``PATCH batch/edit``: repeating it changes nothing, so nothing is ever in doubt for long."""

    guarantee: str = "edits by id: at least once, which is the same as once"

    def encode(self, row: E, index: int) -> EncodedRow:
        """Encode one row; it must have an id."""
        del index
        try:
            body = {"id": protocol.validate_id(row.id), **self.resource._edit_body(row)}
            hazards = self.resource._retry_hazards(row)
            if hazards:
                return EncodedRow(self.resource._pipeline.json.dumps(body), problems=hazards)
            encoded = self.encoded_row(body, ("id", row.id))
            return evolve(encoded, creates=names_created_by(body)) if isinstance(row, Contact) else encoded
        except (ConfigurationError, TypeError, ValueError) as error:
            return EncodedRow(b"", problems=(Problem(str(error), "id" if not row.id else None),))

    async def send(self, step: str, batch: Sequence[WorkItem[E]]) -> BatchResult[E]:
        """Send one batch."""
        if step == LINK:
            return await self._link(batch)
        bodies = [item.encoded.payload for item in batch]
        rows, seconds = await self.send_rows("PATCH", "batch/edit", Effect.IDEMPOTENT, bodies)
        receipts = [self._edit_result(item, row) for item, row in zip(batch, rows, strict=True)]
        return BatchResult(receipts, seconds=seconds)

    def _edit_result(self, item: WorkItem[E], row: RowAnswer) -> RowResult[E]:
        result = _row_result(row, item.row.id)
        if result.state != "updated" or not item.had_unknown_outcome or not _company_name(item):
            return result
        return evolve(result, state="step", next_step=LINK, status_if_given_up="updated")

    async def _link(self, batch: Sequence[WorkItem[E]]) -> BatchResult[E]:
        """Mend the links of contacts to their companies, which an edit of unknown fate may have left out."""
        linked = await link_all(self.resource._pipeline, [(item.row.id, _company_name(item)) for item in batch])
        results: list[RowResult[E]] = [
            RowResult("partial" if problem else "updated", item.row.id, (problem,) if problem else ())
            for item, problem in zip(batch, linked.problems, strict=True)
        ]
        return BatchResult(results, linked.requests, linked.seconds)

    async def look_up(self, step: str, batch: Sequence[WorkItem[E]]) -> BatchResult[E]:
        """Look up only what tells whether a contact was touched since: an edit may be repeated in any case."""
        if step == LINK or not all(isinstance(item.row, Contact) for item in batch):
            return BatchResult([RowResult("again", item.row.id) for item in batch], requests=0)
        rows, seconds = await self.find(conditions.in_("id", [item.row.id for item in batch]), len(batch))
        dates = {int(row["id"]): _responses.modified_at(row) for row in rows}
        return BatchResult([self._lookup_result(item, dates.get(item.row.id)) for item in batch], seconds=seconds)

    def _lookup_result(self, item: WorkItem[E], changed: float | None) -> RowResult[E]:
        untouched = changed is not None and changed + MAX_CLOCK_DIFFERENCE < item.first_sent_at
        return RowResult("again", item.row.id, status_if_given_up="rejected" if untouched else None)


@define(eq=False)
class Deletes(_Adapter[E]):
    """``DELETE batch/delete``, whose answer proves nothing: each batch is followed by a look."""

    guarantee: str = "deletes: each one looked after"
    _was_stored: dict[int, bool] = field(factory=dict, init=False)
    """By index of a row that was sent: whether a look has seen its id. Repeated ids are rows of their own."""

    def encode(self, row: int, index: int) -> EncodedRow:
        """One id."""
        del index
        try:
            return evolve(self.encoded_row({"id": protocol.validate_id(row)}, ("id", row)), facts_key=f"deleted {row}")
        except ConfigurationError as error:
            return EncodedRow(b"", problems=(Problem(str(error), "id"),))

    def decode(self, body: bytes) -> int:
        """The id that was packed as *body*."""
        return int(self.resource._pipeline.json.loads(body)["id"])

    async def send(self, step: str, batch: Sequence[WorkItem[int]]) -> BatchResult[E]:
        """Look which are there, delete them, look whether they are gone."""
        del step
        for item in batch:
            self._was_stored.setdefault(item.index, False)  # if the look fails, nothing has been deleted
        existing, before = await self._note_existing(batch)
        if not existing:
            return self._delete_results(batch, existing, 1, before)
        ids = ",".join(str(item.row) for item in batch if item.row in existing)
        deletion = await self.send_request(
            "DELETE", "batch/delete", Effect.IDEMPOTENT, query=(("ids", ids),), row_count=len(existing)
        )
        seconds = before + deletion.seconds
        try:
            remaining, after = await self._existing_ids(batch)
        except MauticError:  # the deletion has its answer; only what it did is not known yet
            return BatchResult([RowResult("look", item.row) for item in batch], 3, seconds)
        return self._delete_results(batch, remaining, 3, seconds + after)

    def _delete_results(
        self, batch: Sequence[WorkItem[int]], remaining: set[int], requests: int, seconds: float
    ) -> BatchResult[E]:
        results = [self._delete_result(item, remaining) for item in batch]
        for item in batch:
            self._was_stored.pop(item.index, None)
        return BatchResult(results, requests, seconds)

    def _delete_result(self, item: WorkItem[int], remaining: set[int]) -> RowResult[E]:
        """Return the outcome of a row after the last look; of a repeated id, only the first row has deleted it.

        Repeated rows are sent one after the other, so the next one's first look misses the id. That look is lost when
        the process is killed; then ``known`` tells, which the journal recalls by the id.
        """
        id = item.row
        # A row that this process has not looked for was sent by a killed run: what is gone, that run may have deleted.
        was_stored = self._was_stored.get(item.index, "deleted" not in item.facts)
        if id in remaining:
            problem = Problem("it is still there: this role may not delete it", "id")
        elif not was_stored:
            problem = Problem("nothing had this id", "id", 404)
        else:
            return RowResult("updated", id, facts={"deleted": True})
        return RowResult(
            "rejected", id, (problem,), status_if_given_up="rejected"
        )  # said after a look, so it needs no other one

    async def look_up(self, step: str, batch: Sequence[WorkItem[int]]) -> BatchResult[E]:
        """Gone is gone, whoever did it; what is there goes again."""
        del step
        remaining, seconds = await self._note_existing(batch)
        receipts = [
            RowResult("again", item.row) if item.row in remaining else self._delete_result(item, remaining)
            for item in batch
        ]
        return BatchResult(receipts, seconds=seconds)

    async def _note_existing(self, batch: Sequence[WorkItem[int]]) -> tuple[set[int], float]:
        existing, seconds = await self._existing_ids(batch)
        self._was_stored.update((item.index, True) for item in batch if item.row in existing)
        return existing, seconds

    async def _existing_ids(self, batch: Sequence[WorkItem[int]]) -> tuple[set[int], float]:
        where = conditions.in_("id", [work_item.row for work_item in batch])
        items, seconds = await self.find(where, len(batch), select=["id"])
        return {int(item["id"]) for item in items}, seconds


@define(eq=False)
class CompanyUpserts(_Adapter[C]):
    """Look up by name, then edit or create: Mautic has no safe upsert of companies.

    Creating one with a known name wipes what is not sent; in a batch it is refused. So the first step only looks.
    """

    unique: str = "companyname"
    guarantee: str = "companies: found by their name, then edited; new ones are looked for again after a lost answer"

    def encode(self, row: C, index: int) -> EncodedRow:
        """Encode one row; it must have a name, or an id."""
        del index
        try:
            body = codec.encode(row)
            name = body.get(self.unique)
            if row.id:
                return self.encoded_row({"id": protocol.validate_id(row.id), **body}, ("id", row.id), *_name_key(name))
            if validation.is_blank(name):
                return EncodedRow(
                    b"", problems=(Problem("a company is found by its name, which is missing", self.unique),)
                )
            return self.encoded_row(body, *_name_key(name))
        except (ConfigurationError, TypeError, ValueError) as error:
            return EncodedRow(b"", problems=(Problem(str(error)),))

    async def send(self, step: str, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Look, edit or create."""
        if step == EDIT:
            return await self._edit(batch)
        if step == CREATE:
            bodies = [item.encoded.payload for item in batch]
            rows, seconds = await self.send_rows("POST", "batch/new", Effect.UPSERT, bodies)
            receipts = [self._create_result(item, row) for item, row in zip(batch, rows, strict=True)]
            return BatchResult(receipts, seconds=seconds)
        return await self._look_up_names(batch)

    async def _edit(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Each company once in a request: Mautic fails on a batch that has an id twice."""
        first: dict[int, WorkItem[C]] = {}
        for item in batch:
            first.setdefault(_known_id(item), item)
        bodies = [{**item.encoded.payload, "id": id} for id, item in first.items()]
        answers, seconds = await self.send_rows("PATCH", "batch/edit", Effect.IDEMPOTENT, bodies)
        rows = dict(zip(first, answers, strict=True))
        results: list[RowResult[C]] = []
        for item in batch:
            company = _known_id(item)
            is_first = first[company] is item
            results.append(
                _row_result(rows[company], company) if is_first else RowResult("again", company, retry_after=0.1)
            )
        return BatchResult(results, seconds=seconds)

    def _create_result(self, item: WorkItem[C], row: RowAnswer) -> RowResult[C]:
        if row.status == 422 and not item.facts.get("clash"):
            return RowResult("step", next_step=LOOK_UP, facts={"clash": True})  # somebody else has made it meanwhile
        return _row_result(row, 0)

    async def _look_up_names(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        names = (str(item.encoded.payload[self.unique]).strip() for item in batch if not item.row.id)
        found: dict[str, int] = {}
        requests, seconds = 0, 0.0
        for piece in conditions.url_sized_groups(names):
            stored, took = await self.find(conditions.in_or_eq(self.unique, piece), 5 * len(piece))
            requests, seconds = requests + 1, seconds + took
            for company in (codec.decode(Company, item) for item in stored):
                found.setdefault(validation.collation_key(codec.encode(company).get(self.unique, "")), company.id)
        return BatchResult([self._next_step(item, found) for item in batch], requests, seconds)

    def _next_step(self, item: WorkItem[C], found: Mapping[str, int]) -> RowResult[C]:
        id = item.row.id or found.get(validation.collation_key(item.encoded.payload.get(self.unique, "")), 0)
        return RowResult("step", id, next_step=EDIT if id else CREATE, facts={"id": id} if id else None)

    async def look_up(self, step: str, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """An edit is repeated; a new company is looked for by its name."""
        if step != CREATE:
            return BatchResult([RowResult("again", _known_id(item)) for item in batch], requests=0)
        look = await self._look_up_names(batch)
        return BatchResult([self._lost_create_result(result) for result in look.results], look.requests, look.seconds)

    def _lost_create_result(self, result: RowResult[C]) -> RowResult[C]:
        """It was not there before; now it is, perhaps by somebody else's hand: an edit gives it our values."""
        return evolve(result, status_if_given_up="created") if result.next_step == EDIT else RowResult("again")


def _company_name(item: WorkItem[Any]) -> str:
    return company_name(item.encoded.payload) if isinstance(item.row, Contact) else ""


def _name_key(name: object) -> list[tuple[str, object]]:
    return [] if validation.is_blank(name) else [("name", validation.collation_key(name))]


def _known_id(item: WorkItem[Any]) -> int:
    id = item.facts.get("id")
    return id if isinstance(id, int) and id else int(getattr(item.row, "id", 0))


def new_job(
    adapter: _Adapter[E], rows: Iterable[R] | AsyncIterable[R], journal: JobJournal | None, options: BulkOptions | None
) -> BulkJob[R, E]:
    """A job over *rows*, with the client's own bounds where none are given."""
    pipeline = adapter.resource._pipeline
    bounds = options or BulkOptions(concurrency=pipeline.concurrency)
    return BulkJob(adapter, rows, options=bounds, clock=pipeline.clock, journal=journal)  # type: ignore[arg-type]  # its rows
