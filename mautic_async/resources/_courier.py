"""Carries batches of contact upserts for the bulk engine, and looks what became of those whose answer was lost.

Mautic: REST API, Batch create contacts (POST /contacts/batch/new); List contacts (GET /contacts with ``where``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from attrs import define, evolve, field

from mautic_async import codec, wire
from mautic_async.bulk import Budget, Delivery, Packed, Parcel, Receipt
from mautic_async.errors import ConfigurationError, Problem
from mautic_async.models import Contact
from mautic_async.resources import _checks, _items, _where
from mautic_async.resources._preflight import Preflight
from mautic_async.wire import Answer, Call, Effect, Row

if TYPE_CHECKING:
    from mautic_async.pipeline import Pipeline
    from mautic_async.resources._items import Items

C = TypeVar("C", bound=Contact)

ITEMS: Final = ("includeCustomObjects", "true")
CLEAR: Final = "clear"
EDIT: Final = "edit"
APART: Final = 1.1
"""Seconds between two writes of one unique item: within one second the second is lost with a 404 (``ID = 0``)."""

URL_BYTES: Final = 6_000
"""Bytes of conditions in a look-up: servers refuse an address line of 8,000."""

_TRANSIENT: Final = frozenset({1062, 1205, 1213})
"""MySQL's words for a lost race, a lock that took too long, and a deadlock."""
_NOTHING_STORED: Final = (
    "Failed to parse time string",
    "name cannot be blank",
    "name is too long",
    "should not be blank",
)


@define(kw_only=True, eq=False)
class ContactCourier(Generic[C]):
    """Between the bulk engine and ``contacts/batch/new``."""

    pipeline: Pipeline
    model: type[C]
    unique: Sequence[str] | None = None
    items: Items = None
    keyless: bool = False
    clear: Literal["refuse", "patch"] = "refuse"
    returning: Literal["ids", "contacts"] = "ids"
    resend: Literal["never", "always"] = "never"
    preflight: Preflight | None = None
    limit: int = 200
    guarantee: str = field(init=False)
    _unique: tuple[str, ...] = field(init=False, default=())
    _job: str = field(init=False, default="")
    _ahead: tuple[float, float] | None = field(init=False, default=None)
    """Between which two the server's clock is ahead of ours, in seconds, as of the last look."""

    def __attrs_post_init__(self) -> None:
        """Say what may be relied on."""
        self.guarantee = _items.guarantee(self.items)
        self._unique = ("email",) if self.unique is None else tuple(self.unique)

    async def prepare(self, job: str) -> None:
        """Ask the server for its fields, where a preflight is wanted."""
        self._job = job
        if self.preflight is not None:
            await self.preflight.ask()
            if self.unique is None and self.preflight.unique:
                self._unique = self.preflight.unique

    # --- packing ---------------------------------------------------------------------------------------------------

    def pack(self, row: Any, index: int) -> Packed:
        """Encode and check one row; a row that cannot be sent carries its problems."""
        del index
        if not isinstance(row, Contact):
            return Packed(b"", problems=(Problem(f"a row must be a Contact, not a {type(row).__name__}"),))
        try:
            body = codec.encode(row)
            text = self.pipeline.json.dumps(body)
        except (ConfigurationError, ValueError, TypeError, RecursionError) as error:
            return Packed(b"", problems=(Problem(str(error)),))
        found = self._problems(row, body)
        if found:
            return Packed(text, problems=found)
        blank = {key: value for key, value in _checks.fields_in(body) if _checks.is_blank(value)}
        sent = {key: value for key, value in body.items() if key not in blank} if blank else body
        keys = self._keys(row, body)
        linger = APART if any(key[0] == "unique" for key in keys if isinstance(key, tuple)) else 0.0
        return Packed(
            self.pipeline.json.dumps(sent) if blank else text,
            keys=keys,
            cargo=(sent, blank),
            linger=linger,
            memory=self._memory(body),
        )

    def _problems(self, row: Contact, body: Mapping[str, Any]) -> list[Problem]:
        known = bool(row.id)
        found = _checks.upsert(
            body, self._unique, keyless=self.keyless or known, clearing=self.clear == "patch" or known
        )
        found = [problem for problem in found if not (known and problem.field == "companies")]
        found += _items.problems(self.items, row.custom_items or ())
        if self.preflight is not None:
            found += self.preflight.problems(body)
        return found

    def _keys(self, row: Contact, body: Mapping[str, Any]) -> list[Hashable]:
        """Everything by which two rows could meet: unique values, and items as the server tells them apart."""
        keys: list[Hashable] = [
            (name, _checks.same_for_database(body[name]))
            for name in self._unique
            if not _checks.is_blank(body.get(name))
        ]
        if row.id:
            keys.append(("contact", row.id))
        keys += [key for item in row.custom_items or () if (key := _items.identity(self.items, item)) is not None]
        return keys

    def _memory(self, body: Mapping[str, Any]) -> str:
        """The name of a row from run to run: a hash, so that the journal holds no address."""
        for name in self._unique:
            if not _checks.is_blank(body.get(name)):
                text = f"{name}={_checks.same_for_database(body[name])}"
                return hashlib.sha256(text.encode()).hexdigest()[:32]
        return ""

    # --- delivering ------------------------------------------------------------------------------------------------

    async def deliver(self, step: str, parcels: Sequence[Parcel[C]]) -> Delivery[C]:
        """Send one batch."""
        if step == CLEAR:
            return await self._patch(parcels, [self._clearing(parcel) for parcel in parcels])
        if step == EDIT:
            return await self._patch(parcels, [{"id": parcel.row.id, **self._editing(parcel)} for parcel in parcels])
        by_id = [parcel for parcel in parcels if parcel.row.id]
        if by_id:
            return await self._apart(parcels)
        return await self._upsert(parcels)

    async def _apart(self, parcels: Sequence[Parcel[C]]) -> Delivery[C]:
        """Rows that name their contact's id are edits of it; only the others are upserts."""
        fresh = [parcel for parcel in parcels if not parcel.row.id]
        sent = await self._upsert(fresh) if fresh else Delivery[C]((), requests=0)
        receipts = iter(sent.receipts)
        return Delivery(
            [Receipt("step", step=EDIT) if parcel.row.id else next(receipts) for parcel in parcels], sent.requests
        )

    async def _upsert(self, parcels: Sequence[Parcel[C]]) -> Delivery[C]:
        with_items = any(parcel.row.custom_items for parcel in parcels)
        safe = all(self._repeatable(parcel.row) for parcel in parcels)
        call = Call(
            "POST",
            "contacts/batch/new",
            Effect.UPSERT if safe else Effect.APPEND,
            query=(ITEMS,) if with_items else (),
            text=b"[" + b",".join([self._body(parcel) for parcel in parcels]) + b"]",
            rows=len(parcels),
            batch=True,
            background=True,
            repeat=False,
        )
        rows = wire.read_rows((await self.pipeline.send(call)).body, "contacts", len(parcels))
        return Delivery([self._receipt(parcel, row) for parcel, row in zip(parcels, rows, strict=True)])

    def _body(self, parcel: Parcel[C]) -> bytes:
        """The row as it was packed, or with the ids of items that are known from before."""
        known = parcel.known.get("items")
        if not isinstance(known, Mapping) or not known:
            return parcel.packed.body
        body, _ = parcel.packed.cargo
        wanted = parcel.row.custom_items or []
        groups = codec.encode(Contact(custom_items=[self._with_id(item, known) for item in wanted]))
        return self.pipeline.json.dumps({**body, **groups})

    def _with_id(self, item: Any, known: Mapping[str, Any]) -> Any:
        key = _items.identity(self.items, item)
        id = known.get(_spelled(key)) if key is not None and not item.id else None
        return evolve(item, id=id) if isinstance(id, int) else item

    def _receipt(self, parcel: Parcel[C], row: Row) -> Receipt[C]:
        if row.problems:
            return self._failed(parcel, row)
        if row.entity is None:
            return Receipt("look")
        entity = row.entity
        id = int(entity.get("id") or 0)
        known = self._learned(parcel, entity, id)
        kept = codec.decode(self.model, entity) if self.returning == "contacts" else None
        state: Literal["created", "updated"] = "created" if row.status == 201 else "updated"
        _, blank = parcel.packed.cargo
        if blank:
            return Receipt("step", id, step=CLEAR, known={**known, "state": state})
        return Receipt(state, id, entity=kept, known=known)

    def _learned(self, parcel: Parcel[C], entity: Mapping[str, Any], id: int) -> dict[str, Any]:
        """Ids worth keeping: of the contact, and of items that carry a mark by which they are known again."""
        known: dict[str, Any] = {"id": id}
        wanted = [item for item in parcel.row.custom_items or () if not item.id]
        if self.items is not None and wanted and "customObjects" in entity:
            stored = codec.decode(Contact, {"customObjects": entity["customObjects"]}).custom_items or []
            ids = {_spelled(key): item.id for item in stored if (key := self._mark(item)) is not None}
            found = {_spelled(key): ids.get(_spelled(key)) for item in wanted if (key := self._mark(item)) is not None}
            items = {name: item_id for name, item_id in found.items() if item_id}
            if items:
                known["items"] = items
        return known

    def _mark(self, item: Any) -> tuple[Any, ...] | None:
        return _items.identity(self.items, evolve(item, id=0))

    def _failed(self, parcel: Parcel[C], row: Row) -> Receipt[C]:
        """A row that was refused: by its code, which is more than an HTTP status."""
        code = row.status
        text = " ".join(problem.message for problem in row.problems)
        if code == 404 and "ID = 0" in text:
            if self._repeatable(parcel.row):
                return Receipt("again", problems=row.problems, pause=APART + 0.1, so_far="partial")
            return Receipt("partial", problems=row.problems)
        if code == 409:
            return Receipt("again", problems=row.problems, pause=5.0, so_far="rejected")
        if code is not None and 400 <= code < 500:
            return Receipt("rejected", problems=row.problems)
        if code in _TRANSIENT:
            if self._repeatable(parcel.row):
                return Receipt("again", problems=row.problems, pause=5.0, load=code != 1062)
            return Receipt("look", problems=row.problems)
        if any(words in text for words in _NOTHING_STORED):
            return Receipt("rejected", problems=row.problems)
        return Receipt("partial", _id_in(row), problems=row.problems)

    def _repeatable(self, row: C) -> bool:
        """Whether a second sending, after the first has ended, changes nothing."""
        if self.resend == "always":
            return True
        keyed = bool(row.id) or any(not _checks.is_blank(_of(row, name)) for name in self._unique)
        return keyed and _items.repeatable(self.items, row.custom_items or ())

    # --- edits by id -----------------------------------------------------------------------------------------------

    def _clearing(self, parcel: Parcel[C]) -> dict[str, Any]:
        _, blank = parcel.packed.cargo
        return {"id": parcel.known.get("id"), **blank, "overwriteWithBlank": True}

    def _editing(self, parcel: Parcel[C]) -> dict[str, Any]:
        body, blank = parcel.packed.cargo
        return {**body, **blank, "overwriteWithBlank": True} if blank else dict(body)

    async def _patch(self, parcels: Sequence[Parcel[C]], bodies: list[dict[str, Any]]) -> Delivery[C]:
        safe = all(self._repeatable(parcel.row) for parcel in parcels)
        call = Call(
            "PATCH",
            "contacts/batch/edit",
            Effect.SET if safe else Effect.APPEND,
            query=(ITEMS,) if any("customObjects" in body for body in bodies) else (),
            body=bodies,
            rows=len(bodies),
            batch=True,
            background=True,
            repeat=False,
        )
        rows = wire.read_rows((await self.pipeline.send(call)).body, "contacts", len(bodies))
        return Delivery([self._patched(parcel, row) for parcel, row in zip(parcels, rows, strict=True)])

    def _patched(self, parcel: Parcel[C], row: Row) -> Receipt[C]:
        if row.problems:
            receipt = self._failed(parcel, row)
            if receipt.state == "rejected" and parcel.step == CLEAR:  # the row itself is stored
                return Receipt("partial", _known_id(parcel), problems=row.problems)
            return receipt
        if row.entity is None:
            return Receipt("look")
        kept = codec.decode(self.model, row.entity) if self.returning == "contacts" else None
        state = "created" if parcel.known.get("state") == "created" else "updated"
        id = int(row.entity.get("id") or _known_id(parcel) or parcel.row.id)
        return Receipt(state, id, entity=kept)  # type: ignore[arg-type]  # one of the two words above

    # --- looking ---------------------------------------------------------------------------------------------------

    async def read_back(self, step: str, parcels: Sequence[Parcel[C]]) -> Delivery[C]:
        """Find out what is stored of rows whose answer was lost."""
        if step in {CLEAR, EDIT}:
            return Delivery([self._again_or_unknown(parcel) for parcel in parcels], requests=0)
        stored: dict[tuple[str, str], Contact] = {}
        requests = 0
        for name in self._unique:
            values = [_of(parcel.row, name) for parcel in parcels]
            for chunk in _chunks([str(value).strip() for value in values if not _checks.is_blank(value)]):
                requests += 1
                for contact in await self._find(name, chunk):
                    stored.setdefault((name, _checks.same_for_database(_of(contact, name))), contact)
        return Delivery([self._seen(parcel, stored) for parcel in parcels], requests)

    async def _find(self, name: str, values: Sequence[str]) -> list[Contact]:
        query = {
            "where": [_where.in_(name, values).parameters()],
            "limit": 5 * len(values),
            "orderBy": "id",
            "includeCustomObjects": "true",
        }
        call = Call("GET", "contacts", Effect.READ, query=wire.pairs(query), background=True)
        asked = self.pipeline.clock.wall()
        payload = await self.pipeline.send(call)
        date = wire.date_of(Answer(payload.status, payload.headers))
        if date is not None:  # in whole seconds, told somewhere between the question and the answer
            self._ahead = date - self.pipeline.clock.wall(), date + 1 - asked
        raw = payload.body.get("contacts")
        items = raw.values() if isinstance(raw, Mapping) else raw or []
        return [codec.decode(Contact, item) for item in items]

    def _seen(self, parcel: Parcel[C], stored: Mapping[tuple[str, str], Contact]) -> Receipt[C]:
        """What a look says of one row."""
        row = parcel.row
        values = [(name, _checks.same_for_database(_of(row, name))) for name in self._unique]
        found = next((stored[key] for key in values if key in stored), None)
        if found is None:
            keyed = any(value for _, value in values)
            return Receipt("again") if keyed else self._again_or_unknown(parcel)
        behind, ahead = self._ahead or (0.0, 0.0)
        created = parcel.since > 0 and _made(found) + 1 > parcel.since + behind
        fresh = created and self._ahead is not None and _made(found) >= parcel.sent_at + ahead
        wanted = [item for item in row.custom_items or () if not item.id]
        known: dict[str, Any] = {"id": found.id}
        marks = {_spelled(key): item.id for item in found.custom_items or () if (key := self._mark(item)) is not None}
        present = {_spelled(key): marks.get(_spelled(key)) for item in wanted if (key := self._mark(item)) is not None}
        items = {name: id for name, id in present.items() if id}
        if items:
            known["items"] = items
        _, blank = parcel.packed.cargo
        if not blank and self._holds(found, row) and len(items) == len(wanted):
            return Receipt("created" if created else "updated", found.id, known=known, fresh=fresh)
        if self._repeatable(row) or (wanted and len(present) == len(wanted) and not found.custom_items_truncated):
            return Receipt("again", found.id, known=known)
        if wanted and self.items is not None and len(present) == len(wanted):
            return Receipt("unknown", found.id, (_CROWDED,), known=known)
        return self._again_or_unknown(parcel, found.id)

    def _again_or_unknown(self, parcel: Parcel[C], id: int = 0) -> Receipt[C]:
        if self._repeatable(parcel.row):
            return Receipt("again", id)
        return Receipt("unknown", id or _known_id(parcel), (_UNKNOWN,))

    def _holds(self, found: Contact, row: Contact) -> bool:
        """Whether the stored contact shows every value of the row; a difference proves nothing, Mautic cleans text."""
        have, want = codec.encode(found), codec.encode(row)
        simple = {key: value for key, value in want.items() if key != "customObjects"}
        return all(key in have and _equal(have[key], value) for key, value in simple.items()) and not any(
            item.id for item in row.custom_items or ()
        )

    def budget(self) -> Budget | None:
        """What is left of the rate limit."""
        gate = self.pipeline.gate
        if gate.limit is None or gate.remaining is None or gate.reset is None:
            return None
        return Budget(gate.limit, gate.remaining, max(0.0, gate.reset - self.pipeline.clock.wall()))


_UNKNOWN: Final = Problem(
    "the answer was lost, and sending the row again could store it twice; look in Mautic, then send it or leave it"
)
_CROWDED: Final = Problem("the answer was lost, and Mautic shows too few of the contact's items to tell what is there")


def _of(row: Contact, alias: str) -> Any:
    value = getattr(row, alias, None)
    if not value and isinstance(row.fields, Mapping):
        value = row.fields.get(alias)
    return value or ""


def _spelled(key: Any) -> str:
    return "/".join(map(str, key or ()))


def _known_id(parcel: Parcel[Any]) -> int:
    id = parcel.known.get("id")
    return id if isinstance(id, int) else 0


def _id_in(row: Row) -> int:
    return int(row.entity.get("id") or 0) if row.entity is not None else 0


def _made(contact: Contact) -> float:
    """When it was made: epoch seconds of the server's clock, whole ones."""
    return contact.date_added.timestamp() if contact.date_added is not None else 0.0


def _equal(have: Any, want: Any) -> bool:
    if isinstance(want, list) and isinstance(have, list):
        return set(map(str, want)) <= set(map(str, have))
    if isinstance(want, str) and isinstance(have, str):
        return want.strip() == have.strip()
    return bool(have == want)


def _chunks(values: Sequence[str]) -> list[list[str]]:
    """Split look-up values so that no address line grows too long, however they are escaped."""
    chunks: list[list[str]] = []
    size = URL_BYTES
    for value in dict.fromkeys(values):
        weight = len(wire.query_string((("v", value),))) + 3
        if size + weight > URL_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(value)
        size += weight
    return chunks
