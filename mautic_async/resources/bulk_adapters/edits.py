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
from mautic_async.bulk import Budget, Delivery, Packed, Parcel, Plan, Receipt, Run
from mautic_async.errors import ConfigurationError, MauticError, Problem
from mautic_async.models import Company, Contact, Entity
from mautic_async.protocol import Call, Effect, Row
from mautic_async.resources import _batch, _responses
from mautic_async.resources._company_link import link_all, named_company
from mautic_async.resources.bulk_adapters.created_names import firsts
from mautic_async.resources.contacts import validation

if TYPE_CHECKING:
    from mautic_async.journal.records import Ledger
    from mautic_async.pipeline import Pipeline
    from mautic_async.protocol import Payload
    from mautic_async.resources._batch_resource import BatchResource
    from mautic_async.where import Where

E = TypeVar("E", bound=Entity)
C = TypeVar("C", bound=Company)
R = TypeVar("R")

LOOK: Final = "look"
LINK: Final = "link"
CLOCKS_APART: Final = 300.0
"""Seconds by which the server's clock may be ahead of ours where no answer has told."""

EDIT: Final = "edit"
CREATE: Final = "create"


def budget_of(pipeline: Pipeline) -> Budget | None:
    """What is left of the rate limit, for the progress of a job."""
    gate = pipeline.gate
    if gate.limit is None or gate.remaining is None or gate.reset is None:
        return None
    return Budget(gate.limit, gate.remaining, max(0.0, gate.reset - pipeline.clock.wall()))


@define(eq=False)
class _Courier(Generic[E]):
    """What the three share."""

    space: BatchResource[E]
    limit: int = 200
    guarantee: str = ""
    needed: int | None = None

    async def prepare(self, job: str) -> None:
        """Nothing has to be asked first."""

    def budget(self) -> Budget | None:
        """What is left of the rate limit."""
        return budget_of(self.space._pipeline)

    def unpack(self, body: bytes) -> Any:
        """The row that was packed as *body*."""
        return codec.decode_request(self.space._model, self.space._pipeline.json.loads(body))

    def repeatable_part(self, row: Any) -> Any:
        """The row itself: an edit, a deletion, or a company found by its name may be sent twice."""
        return row

    async def send(self, method: str, path: str, effect: Effect, **more: Any) -> Payload:
        """Send one request of the job once; the pipeline does not retry it."""
        endpoint = self.space.endpoint
        call = Call(
            method,
            f"{endpoint.path}/{path}",
            effect,
            batch=True,
            background=True,
            repeat=False,
            rest=self.needed,
            **more,
        )
        return await self.space._pipeline.send(call)

    async def rows(
        self, method: str, path: str, effect: Effect, bodies: Sequence[Mapping[str, Any]]
    ) -> tuple[list[Row], float]:
        """Send *bodies* in one request; return what the answer says of each, and the seconds that the server took."""
        payload = await self.send(method, path, effect, body=list(bodies), rows=len(bodies))
        return protocol.read_rows(payload.body, self.space.endpoint.many, len(bodies)), payload.seconds

    async def found(self, where: Where, limit: int, **query: Any) -> tuple[Collection[Any], float]:
        """Look *where* up; return what is stored, in the order of ids, and the seconds that the server took."""
        endpoint = self.space.endpoint
        asked = protocol.pairs({"where": [where.parameters()], "limit": limit, "orderBy": "id", **query})
        payload = await self.space._pipeline.send(Call("GET", endpoint.path, query=asked, background=True))
        raw = payload.body.get(endpoint.many) if isinstance(payload.body, Mapping) else None
        return raw.values() if isinstance(raw, Mapping) else raw or (), payload.seconds

    def packed(self, body: Mapping[str, Any], *keys: tuple[str, object]) -> Packed:
        """*body* as the engine wants it."""
        return Packed(self.space._pipeline.json.dumps(body), keys=keys, cargo=body)


def _receipt(row: Row, id: int) -> Receipt[Any]:
    """What an answer says of a row that is edited by its id; doing it again changes nothing."""
    status = _batch.status_of(row)
    if status == "unknown":
        return Receipt("look")
    if row.status in _batch.TRANSIENT:
        return Receipt("look", id, problems=row.problems, pause=5.0, load=row.status != 1062)
    found = row.entity.get("id") if row.entity is not None else None
    return Receipt(status, found if isinstance(found, int) and found else id, problems=row.problems)


@define(eq=False)
class EditCourier(_Courier[E]):
    """``PATCH batch/edit``: repeating it changes nothing, so nothing is ever in doubt for long."""

    guarantee: str = "edits by id: at least once, which is the same as once"

    def pack(self, row: E, index: int) -> Packed:
        """Encode one row; it must have an id."""
        del index
        try:
            body = {"id": protocol.id_of(row.id), **self.space._changes(row)}
            doubtful = self.space._unrepeatable(row)
            if doubtful:
                return Packed(self.space._pipeline.json.dumps(body), problems=doubtful)
            packed = self.packed(body, ("id", row.id))
            return evolve(packed, firsts=firsts(body)) if isinstance(row, Contact) else packed
        except (ConfigurationError, TypeError, ValueError) as error:
            return Packed(b"", problems=(Problem(str(error), "id" if not row.id else None),))

    async def deliver(self, step: str, parcels: Sequence[Parcel[E]]) -> Delivery[E]:
        """Send one batch."""
        if step == LINK:
            return await self._link(parcels)
        bodies = [parcel.packed.cargo for parcel in parcels]
        rows, seconds = await self.rows("PATCH", "batch/edit", Effect.SET, bodies)
        receipts = [self._edited(parcel, row) for parcel, row in zip(parcels, rows, strict=True)]
        return Delivery(receipts, seconds=seconds)

    def _edited(self, parcel: Parcel[E], row: Row) -> Receipt[E]:
        receipt = _receipt(row, parcel.row.id)
        if receipt.state != "updated" or not parcel.uncertain or not _company(parcel):
            return receipt
        return evolve(receipt, state="step", step=LINK, so_far="updated")

    async def _link(self, parcels: Sequence[Parcel[E]]) -> Delivery[E]:
        """Mend the links of contacts to their companies, which an edit of unknown fate may have left out."""
        linked = await link_all(self.space._pipeline, [(parcel.row.id, _company(parcel)) for parcel in parcels])
        receipts: list[Receipt[E]] = [
            Receipt("partial" if problem else "updated", parcel.row.id, (problem,) if problem else ())
            for parcel, problem in zip(parcels, linked.problems, strict=True)
        ]
        return Delivery(receipts, linked.requests, linked.seconds)

    async def read_back(self, step: str, parcels: Sequence[Parcel[E]]) -> Delivery[E]:
        """Look up only what tells whether a contact was touched since: an edit may be repeated in any case."""
        if step == LINK or not all(isinstance(parcel.row, Contact) for parcel in parcels):
            return Delivery([Receipt("again", parcel.row.id) for parcel in parcels], requests=0)
        rows, seconds = await self.found(conditions.in_("id", [parcel.row.id for parcel in parcels]), len(parcels))
        dates = {int(row["id"]): _responses.changed(row) for row in rows}
        return Delivery([self._seen(parcel, dates.get(parcel.row.id)) for parcel in parcels], seconds=seconds)

    def _seen(self, parcel: Parcel[E], changed: float | None) -> Receipt[E]:
        untouched = changed is not None and changed + CLOCKS_APART < parcel.since
        return Receipt("again", parcel.row.id, so_far="rejected" if untouched else None)


@define(eq=False)
class DeleteCourier(_Courier[E]):
    """``DELETE batch/delete``, whose answer proves nothing: each batch is followed by a look."""

    guarantee: str = "deletes: each one looked after"
    _found: dict[int, bool] = field(factory=dict, init=False)
    """By index of a row that was sent: whether a look has seen its id. Repeated ids are rows of their own."""

    def pack(self, row: int, index: int) -> Packed:
        """One id."""
        del index
        try:
            return evolve(self.packed({"id": protocol.id_of(row)}, ("id", row)), memory=f"deleted {row}")
        except ConfigurationError as error:
            return Packed(b"", problems=(Problem(str(error), "id"),))

    def unpack(self, body: bytes) -> int:
        """The id that was packed as *body*."""
        return int(self.space._pipeline.json.loads(body)["id"])

    async def deliver(self, step: str, parcels: Sequence[Parcel[int]]) -> Delivery[E]:
        """Look which are there, delete them, look whether they are gone."""
        del step
        for parcel in parcels:
            self._found.setdefault(parcel.index, False)  # if the look fails, nothing has been deleted
        there, before = await self._see(parcels)
        if not there:
            return self._final(parcels, there, 1, before)
        ids = ",".join(str(parcel.row) for parcel in parcels if parcel.row in there)
        deletion = await self.send("DELETE", "batch/delete", Effect.SET, query=(("ids", ids),), rows=len(there))
        seconds = before + deletion.seconds
        try:
            left, after = await self._present(parcels)
        except MauticError:  # the deletion has its answer; only what it did is not known yet
            return Delivery([Receipt("look", parcel.row) for parcel in parcels], 3, seconds)
        return self._final(parcels, left, 3, seconds + after)

    def _final(self, parcels: Sequence[Parcel[int]], left: set[int], requests: int, seconds: float) -> Delivery[E]:
        receipts = [self._told(parcel, left) for parcel in parcels]
        for parcel in parcels:
            self._found.pop(parcel.index, None)
        return Delivery(receipts, requests, seconds)

    def _told(self, parcel: Parcel[int], left: set[int]) -> Receipt[E]:
        """Return the outcome of a row after the last look; of a repeated id, only the first row has deleted it.

        Repeated rows are sent one after the other, so the next one's first look misses the id. That look is lost when
        the process is killed; then ``known`` tells, which the journal recalls by the id.
        """
        id = parcel.row
        # A row that this process has not looked for was sent by a killed run: what is gone, that run may have deleted.
        was_there = self._found.get(parcel.index, "deleted" not in parcel.known)
        if id in left:
            problem = Problem("it is still there: this role may not delete it", "id")
        elif not was_there:
            problem = Problem("nothing had this id", "id", 404)
        else:
            return Receipt("updated", id, known={"deleted": True})
        return Receipt("rejected", id, (problem,), so_far="rejected")  # said after a look, so it needs no other one

    async def read_back(self, step: str, parcels: Sequence[Parcel[int]]) -> Delivery[E]:
        """Gone is gone, whoever did it; what is there goes again."""
        del step
        left, seconds = await self._see(parcels)
        receipts = [
            Receipt("again", parcel.row) if parcel.row in left else self._told(parcel, left) for parcel in parcels
        ]
        return Delivery(receipts, seconds=seconds)

    async def _see(self, parcels: Sequence[Parcel[int]]) -> tuple[set[int], float]:
        there, seconds = await self._present(parcels)
        self._found.update((parcel.index, True) for parcel in parcels if parcel.row in there)
        return there, seconds

    async def _present(self, parcels: Sequence[Parcel[int]]) -> tuple[set[int], float]:
        where = conditions.in_("id", [parcel.row for parcel in parcels])
        items, seconds = await self.found(where, len(parcels), select=["id"])
        return {int(item["id"]) for item in items}, seconds


@define(eq=False)
class CompanyCourier(_Courier[C]):
    """Look up by name, then edit or create: Mautic has no safe upsert of companies.

    Creating one with a known name wipes what is not sent; in a batch it is refused. So the first step only looks.
    """

    unique: str = "companyname"
    guarantee: str = "companies: found by their name, then edited; new ones are looked for again after a lost answer"

    def pack(self, row: C, index: int) -> Packed:
        """Encode one row; it must have a name, or an id."""
        del index
        try:
            body = codec.encode(row)
            name = body.get(self.unique)
            if row.id:
                return self.packed({"id": protocol.id_of(row.id), **body}, ("id", row.id), *_lane(name))
            if validation.is_blank(name):
                return Packed(b"", problems=(Problem("a company is found by its name, which is missing", self.unique),))
            return self.packed(body, *_lane(name))
        except (ConfigurationError, TypeError, ValueError) as error:
            return Packed(b"", problems=(Problem(str(error)),))

    async def deliver(self, step: str, parcels: Sequence[Parcel[C]]) -> Delivery[C]:
        """Look, edit or create."""
        if step == EDIT:
            return await self._edit(parcels)
        if step == CREATE:
            bodies = [parcel.packed.cargo for parcel in parcels]
            rows, seconds = await self.rows("POST", "batch/new", Effect.UPSERT, bodies)
            receipts = [self._created(parcel, row) for parcel, row in zip(parcels, rows, strict=True)]
            return Delivery(receipts, seconds=seconds)
        return await self._look(parcels)

    async def _edit(self, parcels: Sequence[Parcel[C]]) -> Delivery[C]:
        """Each company once in a request: Mautic fails on a batch that has an id twice."""
        first: dict[int, Parcel[C]] = {}
        for parcel in parcels:
            first.setdefault(_known(parcel), parcel)
        bodies = [{**parcel.packed.cargo, "id": id} for id, parcel in first.items()]
        answers, seconds = await self.rows("PATCH", "batch/edit", Effect.SET, bodies)
        rows = dict(zip(first, answers, strict=True))
        receipts: list[Receipt[C]] = []
        for parcel in parcels:
            company = _known(parcel)
            mine = first[company] is parcel
            receipts.append(_receipt(rows[company], company) if mine else Receipt("again", company, pause=0.1))
        return Delivery(receipts, seconds=seconds)

    def _created(self, parcel: Parcel[C], row: Row) -> Receipt[C]:
        if row.status == 422 and not parcel.known.get("clash"):
            return Receipt("step", step=LOOK, known={"clash": True})  # somebody else has made it meanwhile
        return _receipt(row, 0)

    async def _look(self, parcels: Sequence[Parcel[C]]) -> Delivery[C]:
        names = (str(parcel.packed.cargo[self.unique]).strip() for parcel in parcels if not parcel.row.id)
        found: dict[str, int] = {}
        requests, seconds = 0, 0.0
        for piece in conditions.pieces(names):
            stored, took = await self.found(conditions.one_of(self.unique, piece), 5 * len(piece))
            requests, seconds = requests + 1, seconds + took
            for company in (codec.decode(Company, item) for item in stored):
                found.setdefault(validation.same_for_database(codec.encode(company).get(self.unique, "")), company.id)
        return Delivery([self._next(parcel, found) for parcel in parcels], requests, seconds)

    def _next(self, parcel: Parcel[C], found: Mapping[str, int]) -> Receipt[C]:
        id = parcel.row.id or found.get(validation.same_for_database(parcel.packed.cargo.get(self.unique, "")), 0)
        return Receipt("step", id, step=EDIT if id else CREATE, known={"id": id} if id else None)

    async def read_back(self, step: str, parcels: Sequence[Parcel[C]]) -> Delivery[C]:
        """An edit is repeated; a new company is looked for by its name."""
        if step != CREATE:
            return Delivery([Receipt("again", _known(parcel)) for parcel in parcels], requests=0)
        look = await self._look(parcels)
        return Delivery([self._made(receipt) for receipt in look.receipts], look.requests, look.seconds)

    def _made(self, receipt: Receipt[C]) -> Receipt[C]:
        """It was not there before; now it is, perhaps by somebody else's hand: an edit gives it our values."""
        return evolve(receipt, so_far="created") if receipt.step == EDIT else Receipt("again")


def _company(parcel: Parcel[Any]) -> str:
    return named_company(parcel.packed.cargo) if isinstance(parcel.row, Contact) else ""


def _lane(name: object) -> list[tuple[str, object]]:
    return [] if validation.is_blank(name) else [("name", validation.same_for_database(name))]


def _known(parcel: Parcel[Any]) -> int:
    id = parcel.known.get("id")
    return id if isinstance(id, int) and id else int(getattr(parcel.row, "id", 0))


def start(
    courier: _Courier[E], rows: Iterable[R] | AsyncIterable[R], journal: Ledger | None, plan: Plan | None
) -> Run[R, E]:
    """A job over *rows*, with the client's own bounds where none are given."""
    pipeline = courier.space._pipeline
    bounds = plan or Plan(concurrency=pipeline.concurrency)
    return Run(courier, rows, plan=bounds, clock=pipeline.clock, journal=journal)  # type: ignore[arg-type]  # its rows
