"""Carries batches of contact upserts for the bulk engine, and looks what became of those whose answer was lost.

Mautic: REST API, Batch create contacts (POST /contacts/batch/new); List contacts (GET /contacts with ``where``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from attrs import define, evolve, field

from mautic_async import codec, protocol
from mautic_async.bulk import Budget, Delivery, Packed, Parcel, Receipt
from mautic_async.errors import ConfigurationError, Problem
from mautic_async.models import UNSET, Contact
from mautic_async.protocol import Call, Effect, Row
from mautic_async.resources import _batch, _responses
from mautic_async.resources._company_link import link_all, named_company
from mautic_async.resources._contact_keys import clears, contact_keys, id_in, known_id, memory_name
from mautic_async.resources.bulk_adapters.created_names import firsts
from mautic_async.resources.bulk_adapters.edits import budget_of
from mautic_async.resources.bulk_adapters.lookup import Clocks, Look, Seen
from mautic_async.resources.contacts import item_identity, validation
from mautic_async.resources.contacts.field_schema import Preflight

if TYPE_CHECKING:
    from mautic_async.bulk.outcomes import Status
    from mautic_async.pipeline import Pipeline
    from mautic_async.protocol import Payload
    from mautic_async.resources.contacts.item_identity import Items

C = TypeVar("C", bound=Contact)

ITEMS: Final = ("includeCustomObjects", "true")
CLEAR: Final = "clear"
EDIT: Final = "edit"
LINK: Final = "link"
"""The step that sees to it that a contact is linked to its company, after a sending of unknown fate."""
APART: Final = 1.1
"""Seconds between two writes of one unique item: within one second the second is lost with a 404 (``ID = 0``)."""

_ITEM: Final = re.compile(r"Custom Item with ID = (\d+)")


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
    needed: int | None = None
    guarantee: str = field(init=False)
    _unique: tuple[str, ...] = field(init=False, default=())
    _clocks: Clocks = field(init=False, factory=Clocks)
    _remembers: bool = field(init=False, default=False)
    _tags: Collection[str] = field(init=False, default=())

    def __attrs_post_init__(self) -> None:
        """Say what may be relied on."""
        self.guarantee = item_identity.guarantee(self.items)
        self._unique = ("email",) if self.unique is None else tuple(self.unique)

    async def prepare(self, job: str) -> None:
        """Ask the server for its fields, where a preflight is wanted."""
        self._remembers = bool(job)
        if self.preflight is not None:
            await self.preflight.ask()
            if self.unique is None and self.preflight.unique:
                self._unique = self.preflight.unique
                self._tags = self.preflight.tags

    # --- packing ---------------------------------------------------------------------------------------------------

    def pack(self, row: Any, index: int) -> Packed:
        """Encode and check one row; a row that cannot be sent carries its problems."""
        del index
        if not isinstance(row, Contact):
            return Packed(b"", problems=(Problem(f"a row must be a Contact, not a {type(row).__name__}"),))
        try:
            body = codec.encode(row)
            whole = {"id": row.id, **body} if row.id else body
            text = self.pipeline.json.dumps(whole)
        except (ConfigurationError, ValueError, TypeError, AttributeError, RecursionError) as error:
            return Packed(b"", problems=(Problem(str(error)),))
        keys, memory, new = (
            contact_keys(row, body, self._unique, self.items),
            self._memory(row, body),
            firsts(body, self._tags),
        )
        if found := self._problems(row, body):
            return Packed(text, problems=found)
        blank = {key: value for key, value in validation.fields_in(body) if validation.is_blank(value)}
        if not blank and not row.id and row.custom_items is UNSET:
            return Packed(text, keys, memory=memory, firsts=new)
        sent = {key: value for key, value in whole.items() if key not in blank} if blank else whole
        linger = APART if any(key[0] == "unique" for key in keys) else 0.0
        return Packed(text, keys, cargo=(sent, blank), linger=linger, memory=memory, firsts=new)

    def unpack(self, body: bytes) -> C:
        """The row that was packed as *body*."""
        return codec.decode_request(self.model, self.pipeline.json.loads(body))

    def repeatable_part(self, row: C) -> C:
        """The row without items that a second sending would add once more."""
        return row if self._repeatable(row) else evolve(row, custom_items=UNSET)

    def _cargo(self, parcel: Parcel[C]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is sent of a row, and what is to be cleared by a second request; most rows never need it again."""
        return parcel.packed.cargo or (codec.encode(parcel.row), {})

    def _problems(self, row: Contact, body: Mapping[str, Any]) -> list[Problem]:
        kinds = validation.KINDS if self.preflight is None else self.preflight.kinds
        clearing = self.clear == "patch"
        found = validation.upsert(
            body, self._unique, by_id=bool(row.id), keyless=self.keyless, clearing=clearing, kinds=kinds
        )
        found += item_identity.problems(self.items, row.custom_items or ())
        if self.preflight is not None:
            found += self.preflight.problems(body)
        return found

    def _memory(self, row: Contact, body: Mapping[str, Any]) -> str:
        return memory_name(row, body, self._unique) if self._remembers else ""

    # --- delivering ------------------------------------------------------------------------------------------------

    async def deliver(self, step: str, parcels: Sequence[Parcel[C]]) -> Delivery[C]:
        """Send one batch."""
        if step == LINK:
            return await self._link(parcels)
        if step == CLEAR:
            return await self._patch(parcels, [self._clearing(parcel) for parcel in parcels])
        if step == EDIT:
            return await self._patch(parcels, [self._editing(parcel) for parcel in parcels])
        by_id = [parcel for parcel in parcels if parcel.row.id]
        if by_id:
            return await self._apart(parcels)
        return await self._upsert(parcels)

    async def _apart(self, parcels: Sequence[Parcel[C]]) -> Delivery[C]:
        """Rows that name their contact's id are edits of it; only the others are upserts."""
        fresh = [parcel for parcel in parcels if not parcel.row.id]
        sent = await self._upsert(fresh) if fresh else Delivery[C]((), requests=0)
        receipts = iter(sent.receipts)
        results = [Receipt("step", step=EDIT) if parcel.row.id else next(receipts) for parcel in parcels]
        return Delivery(results, sent.requests, sent.seconds)

    async def _upsert(self, parcels: Sequence[Parcel[C]]) -> Delivery[C]:
        with_items = any(parcel.row.custom_items for parcel in parcels)
        safe = all(
            (parcel.packed.keys and not parcel.row.custom_items) or self._repeatable(parcel.row) for parcel in parcels
        )
        call = Call(
            "POST",
            "contacts/batch/new",
            Effect.UPSERT if safe else Effect.APPEND,
            query=(ITEMS,) if with_items else (),
            text=b"[" + b",".join([self._body(parcel) for parcel in parcels]) + b"]",
            rows=len(parcels),
            batch=True,
            background=True,
            rest=self.needed,
            repeat=False,
        )
        asked = self.pipeline.clock.wall()
        payload = await self.pipeline.send(call)
        self._clocks.learn(payload, asked, self.pipeline.clock.wall())
        rows = protocol.read_rows(payload.body, "contacts", len(parcels))
        receipts = [self._receipt(parcel, row) for parcel, row in zip(parcels, rows, strict=True)]
        return Delivery(receipts, seconds=payload.seconds)

    def _body(self, parcel: Parcel[C]) -> bytes:
        """The row as it was packed, but for what is to be cleared, and with the ids of items known from before."""
        known = self._known_items(parcel)
        if not known and not clears(parcel):
            return parcel.packed.body
        return self.pipeline.json.dumps({**self._cargo(parcel)[0], **known})

    def _known_items(self, parcel: Parcel[C]) -> dict[str, Any]:
        """The items of a row with their ids, if some are known from before."""
        known = parcel.known.get("items")
        if not isinstance(known, Mapping) or not known:
            return {}
        wanted = [self._with_id(item, known) for item in parcel.row.custom_items or ()]
        return codec.encode(Contact(custom_items=wanted))

    def _with_id(self, item: Any, known: Mapping[str, Any]) -> Any:
        id = None if item.id else known.get(item_identity.spelled(item_identity.identity(self.items, item)))
        return evolve(item, id=id) if isinstance(id, int) else item

    def _receipt(self, parcel: Parcel[C], row: Row) -> Receipt[C]:
        if row.problems:
            return self._failed(parcel, row)
        if row.entity is None:
            return Receipt("look")
        id = id_in(row)
        known = self._learned(parcel, row.entity, id)
        state: Literal["created", "updated"] = "created" if row.status == 201 or self._made(parcel, row) else "updated"
        stored: Receipt[C] = Receipt(state, id, entity=self._kept(row), known=known)
        return self._next(parcel, stored, whole=row.status == 201)

    def _next(self, parcel: Parcel[C], stored: Receipt[C], *, whole: bool = False) -> Receipt[C]:
        """What is due after a step that has stored the row: the link to its company, then what is to be cleared.

        Args:
            parcel: The row.
            stored: What the step said.
            whole: Whether this very request made the contact, and so its link.
        """
        links = parcel.uncertain and not whole and bool(named_company(self._cargo(parcel)[0]))
        clearing = not parcel.row.id and clears(parcel)
        due = LINK if links and parcel.step != LINK else CLEAR if clearing else ""
        if not due or stored.state not in {"created", "updated"}:
            return stored
        so_far = None if parcel.step == LINK else stored.state
        return evolve(stored, state="step", step=due, so_far=so_far)

    async def _link(self, parcels: Sequence[Parcel[C]]) -> Delivery[C]:
        """Mend the links of contacts whose first sending may have died before it made them."""
        named = [(known_id(parcel), named_company(self._cargo(parcel)[0])) for parcel in parcels]
        linked = await link_all(self.pipeline, named)
        receipts: list[Receipt[C]] = [
            self._next(parcel, Receipt("partial" if problem else "updated", id, (problem,) if problem else ()))
            for parcel, (id, _), problem in zip(parcels, named, linked.problems, strict=True)
        ]
        return Delivery(receipts, linked.requests, linked.seconds)

    def _made(self, parcel: Parcel[C], row: Row) -> bool:
        """Whether an earlier sending of the row, whose answer was lost, has made the contact."""
        return parcel.uncertain and self._clocks.perhaps_since(_responses.added(row.entity), parcel.since)

    def _kept(self, row: Row) -> C | None:
        return codec.decode(self.model, row.entity) if self.returning == "contacts" else None

    def _learned(self, parcel: Parcel[C], entity: Mapping[str, Any], id: int) -> dict[str, Any]:
        """Ids worth keeping: of the contact, and of items that carry a mark by which they are known again."""
        wanted = item_identity.wanted(self.items, parcel.row.custom_items) if self.items is not None else {}
        if not wanted or codec.OBJECTS not in entity:
            return {"id": id}
        stored = codec.decode(Contact, {codec.OBJECTS: entity[codec.OBJECTS]}).custom_items
        ids = item_identity.ids_of(wanted, item_identity.shown(self.items, stored))
        return {"id": id, "items": ids} if ids else {"id": id}

    def _failed(self, parcel: Parcel[C], row: Row) -> Receipt[C]:
        """A row that was refused: by its code, which is more than an HTTP status."""
        code = row.status
        text = " ".join(problem.message for problem in row.problems)
        if code == 404 and "ID = 0" in text:
            if self._repeatable(parcel.row):
                return Receipt("again", problems=row.problems, pause=APART + 0.1, so_far="partial")
            return Receipt("partial", problems=row.problems)
        gone = self._gone(parcel, text)
        if gone:
            return Receipt("again", problems=row.problems, known={"items": dict.fromkeys(gone)}, so_far="rejected")
        if code == 409:
            return Receipt("again", problems=row.problems, pause=5.0, so_far="rejected")
        if code is not None and 400 <= code < 500:
            return Receipt("rejected", problems=row.problems)
        if code in _batch.TRANSIENT:  # the contact may be half saved
            return Receipt("look", problems=row.problems, pause=5.0, load=code != 1062)
        if _batch.nothing_stored(row.problems):
            return Receipt("rejected", problems=row.problems)
        return Receipt("partial", id_in(row), problems=row.problems)

    def _gone(self, parcel: Parcel[C], text: str) -> list[str]:
        """The items that the row was given ids of from an earlier run, and that somebody has deleted since."""
        known = parcel.known.get("items")
        ids = {int(id) for id in _ITEM.findall(text)}
        return [name for name, id in known.items() if id in ids] if isinstance(known, Mapping) else []

    def _repeatable(self, row: C) -> bool:
        """Whether a second sending, after the first has ended, changes nothing."""
        if self.resend == "always":
            return True
        keyed = bool(row.id) or any(not validation.is_blank(_responses.held(row, name)) for name in self._unique)
        return keyed and item_identity.repeatable(self.items, row.custom_items or ())

    # --- edits by id -----------------------------------------------------------------------------------------------

    def _clearing(self, parcel: Parcel[C]) -> dict[str, Any]:
        _, blank = self._cargo(parcel)
        return {"id": parcel.known.get("id"), **blank, "overwriteWithBlank": True}

    def _editing(self, parcel: Parcel[C]) -> dict[str, Any]:
        sent, blank = self._cargo(parcel)
        body = {**sent, **self._known_items(parcel)}
        return {**body, **blank, "overwriteWithBlank": True} if blank else body

    async def _patch(self, parcels: Sequence[Parcel[C]], bodies: Sequence[dict[str, Any]]) -> Delivery[C]:
        """Edits, each contact once in a request: one twice, or one without an id, would write onto others."""
        later: dict[int, Receipt[C]] = {}
        seen: set[object] = set()
        for place, body in enumerate(bodies):
            if body["id"] in seen:
                later[place] = Receipt("again", pause=APART)
            elif not body["id"]:
                later[place] = Receipt("partial", problems=(_NAMELESS,))
            seen.add(body["id"])
        now = [place for place in range(len(bodies)) if place not in later]
        seconds = None
        if now:
            payload = await self._send_edits([parcels[place] for place in now], [bodies[place] for place in now])
            seconds = payload.seconds
            rows = protocol.read_rows(payload.body, "contacts", len(now))
            later |= {place: self._patched(parcels[place], row) for place, row in zip(now, rows, strict=True)}
        return Delivery([later[place] for place in range(len(bodies))], 1 if now else 0, seconds)

    async def _send_edits(self, parcels: Sequence[Parcel[C]], bodies: list[dict[str, Any]]) -> Payload:
        safe = all(parcel.step == CLEAR or self._repeatable(parcel.row) for parcel in parcels)
        call = Call(
            "PATCH",
            "contacts/batch/edit",
            Effect.SET if safe else Effect.APPEND,
            query=(ITEMS,) if any(codec.OBJECTS in body for body in bodies) else (),
            body=bodies,
            rows=len(bodies),
            batch=True,
            background=True,
            rest=self.needed,
            repeat=False,
        )
        return await self.pipeline.send(call)

    def _patched(self, parcel: Parcel[C], row: Row) -> Receipt[C]:
        if row.problems:
            return self._failed(parcel, row)
        if row.entity is None:
            return Receipt("look")
        id = id_in(row) or known_id(parcel)
        known = self._learned(parcel, row.entity, id) if parcel.step == EDIT else None
        done: Receipt[C] = Receipt("updated", id, entity=self._kept(row), known=known)
        return self._next(parcel, done) if parcel.step == EDIT else done

    # --- looking ---------------------------------------------------------------------------------------------------

    async def read_back(self, step: str, parcels: Sequence[Parcel[C]]) -> Delivery[C]:
        """Find out what is stored of rows whose answer was lost."""
        if step in {CLEAR, LINK}:
            return Delivery([Receipt("again", known_id(parcel)) for parcel in parcels], requests=0)
        doubtful = [parcel for parcel in parcels if step == EDIT and not self._repeatable(parcel.row)]
        asked = doubtful if step == EDIT else [parcel for parcel in parcels if not parcel.row.id]
        look = Look(self.pipeline, self.model, self._unique, self.items, self._clocks)
        await look.at([parcel.row for parcel in asked])
        return Delivery([self._looked(parcel, look) for parcel in parcels], look.requests)

    def _looked(self, parcel: Parcel[C], look: Look[C]) -> Receipt[C]:
        """What a look says of one row."""
        row = parcel.row
        if row.id and (parcel.step != EDIT or self._repeatable(row)):  # it was not in the request, or does no harm
            return Receipt("again", row.id) if parcel.step == EDIT else Receipt("step", row.id, step=EDIT)
        sent, blank = self._cargo(parcel)
        seen = look.seen(row, sent, since=parcel.since, sent_at=parcel.sent_at)
        if seen is None:
            keyed = bool(row.id) or any(not validation.is_blank(_responses.held(row, name)) for name in self._unique)
            return Receipt("again") if keyed else self._again_or_unknown(parcel)
        if seen.holds and seen.whole and not (row.id and blank):
            return self._done(parcel, seen)
        id = seen.contact.id
        if self._repeatable(row) or (row.custom_items and seen.told_apart):
            so_far: Status | None = "partial" if seen.created else None if seen.touched else "rejected"
            return Receipt("again", id, known=seen.known, so_far=so_far)
        if row.custom_items and self.items is not None:
            return Receipt("unknown", id, (_CROWDED,), known=seen.known)
        return self._again_or_unknown(parcel, id)

    def _done(self, parcel: Parcel[C], seen: Seen[C]) -> Receipt[C]:
        state: Literal["created", "updated"] = "created" if seen.created and not parcel.row.id else "updated"
        entity = seen.contact if self.returning == "contacts" else None
        done: Receipt[C] = Receipt(state, seen.contact.id, known=seen.known, fresh=seen.fresh, entity=entity)
        return self._next(parcel, done)

    def _again_or_unknown(self, parcel: Parcel[C], id: int = 0) -> Receipt[C]:
        if self._repeatable(parcel.row):
            return Receipt("again", id)
        return Receipt("unknown", id or known_id(parcel), (_UNKNOWN,))

    def budget(self) -> Budget | None:
        """What is left of the rate limit."""
        return budget_of(self.pipeline)


_UNKNOWN: Final = Problem(
    "the answer was lost, and sending the row again could store it twice; look in Mautic, then send it or leave it"
)
_CROWDED: Final = Problem("the answer was lost, and Mautic shows too few of the contact's items to tell what is there")
_NAMELESS: Final = Problem("Mautic gave no id for the contact, without which nothing of it can be cleared")
