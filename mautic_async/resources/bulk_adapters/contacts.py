"""Carries batches of contact upserts for the bulk engine, and looks what became of those whose answer was lost.

Mautic: REST API, Batch create contacts (POST /contacts/batch/new); List contacts (GET /contacts with ``where``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from attrs import define, evolve, field

from mautic_async import codec, protocol
from mautic_async.bulk import BatchResult, EncodedRow, RateLimitStatus, RowResult, WorkItem
from mautic_async.errors import ConfigurationError, Problem
from mautic_async.models import UNSET, Contact
from mautic_async.protocol import Call, Effect, RowAnswer
from mautic_async.resources import _batch, _responses
from mautic_async.resources._company_link import company_name, link_all
from mautic_async.resources._contact_keys import contact_keys, entity_id, facts_key, known_id, needs_clearing
from mautic_async.resources.bulk_adapters.created_names import names_created_by
from mautic_async.resources.bulk_adapters.edits import rate_limit_status
from mautic_async.resources.bulk_adapters.lookup import ClockOffset, ContactLookup, Match
from mautic_async.resources.contacts import item_identity, validation
from mautic_async.resources.contacts.field_schema import Preflight

if TYPE_CHECKING:
    from mautic_async.bulk.outcomes import Status
    from mautic_async.pipeline import Pipeline
    from mautic_async.protocol import Payload
    from mautic_async.resources.contacts.item_identity import ItemMatching

C = TypeVar("C", bound=Contact)

INCLUDE_ITEMS: Final = ("includeCustomObjects", "true")
CLEAR: Final = "clear"
EDIT: Final = "edit"
LINK: Final = "link"
"""The step that sees to it that a contact is linked to its company, after a sending of unknown fate."""
MIN_ITEM_REWRITE_SECONDS: Final = 1.1
"""Seconds between two writes of one unique item: within one second the second is lost with a 404 (``ID = 0``)."""

_ITEM_ID: Final = re.compile(r"Custom Item with ID = (\d+)")


@define(kw_only=True, eq=False)
class ContactUpserts(Generic[C]):
    """Between the bulk engine and ``contacts/batch/new``."""

    pipeline: Pipeline
    model: type[C]
    unique: Sequence[str] | None = None
    match_items: ItemMatching = None
    keyless: bool = False
    clear: Literal["refuse", "patch"] = "refuse"
    returning: Literal["ids", "contacts"] = "ids"
    resend: Literal["never", "always"] = "never"
    preflight: Preflight | None = None
    max_rows: int = 200
    requests_left: int | None = None
    guarantee: str = field(init=False)
    _unique: tuple[str, ...] = field(init=False, default=())
    _clock_offset: ClockOffset = field(init=False, factory=ClockOffset)
    _keeps_facts: bool = field(init=False, default=False)
    _existing_tags: Collection[str] = field(init=False, default=())

    def __attrs_post_init__(self) -> None:
        """Say what may be relied on."""
        self.guarantee = item_identity.guarantee(self.match_items)
        self._unique = ("email",) if self.unique is None else tuple(self.unique)

    async def prepare(self, job: str) -> None:
        """Ask the server for its fields, where a preflight is wanted."""
        self._keeps_facts = bool(job)
        if self.preflight is not None:
            await self.preflight.load()
            if self.unique is None and self.preflight.unique:
                self._unique = self.preflight.unique
                self._existing_tags = self.preflight.existing_tags

    # --- packing ---------------------------------------------------------------------------------------------------

    def encode(self, row: Any, index: int) -> EncodedRow:
        """Encode and check one row; a row that cannot be sent carries its problems."""
        del index
        if not isinstance(row, Contact):
            return EncodedRow(b"", problems=(Problem(f"a row must be a Contact, not a {type(row).__name__}"),))
        try:
            body = codec.encode(row)
            full_body = {"id": row.id, **body} if row.id else body
            text = self.pipeline.json.dumps(full_body)
        except (ConfigurationError, ValueError, TypeError, AttributeError, RecursionError) as error:
            return EncodedRow(b"", problems=(Problem(str(error)),))
        keys, memory, creates = (
            contact_keys(row, body, self._unique, self.match_items),
            self._facts_key(row, body),
            names_created_by(body, self._existing_tags),
        )
        if found := self._check(row, body):
            return EncodedRow(text, keys, problems=found)
        blank = {key: value for key, value in validation.iter_fields(body) if validation.is_blank(value)}
        if not blank and not row.id and row.custom_items is UNSET:
            return EncodedRow(text, keys, facts_key=memory, creates=creates)
        sent = {key: value for key, value in full_body.items() if key not in blank} if blank else full_body
        hold_seconds = MIN_ITEM_REWRITE_SECONDS if any(key[0] == "unique" for key in keys) else 0.0
        return EncodedRow(
            text, keys, payload=(sent, blank), hold_keys_seconds=hold_seconds, facts_key=memory, creates=creates
        )

    def decode(self, body: bytes) -> C:
        """The row that was packed as *body*."""
        return codec.decode_request(self.model, self.pipeline.json.loads(body))

    def idempotent_part(self, row: C) -> C:
        """The row without items that a second sending would add once more."""
        return row if self._is_idempotent(row) else evolve(row, custom_items=UNSET)

    def _payload(self, item: WorkItem[C]) -> tuple[dict[str, Any], dict[str, Any]]:
        """What is sent of a row, and what is to be cleared by a second request; most rows never need it again."""
        return item.encoded.payload or (codec.encode(item.row), {})

    def _check(self, row: Contact, body: Mapping[str, Any]) -> list[Problem]:
        types = validation.FIELD_TYPES if self.preflight is None else self.preflight.types
        clearing = self.clear == "patch"
        found = validation.check_upsert(
            body, self._unique, by_id=bool(row.id), keyless=self.keyless, clearing=clearing, field_types=types
        )
        found += item_identity.check_items(self.match_items, row.custom_items or ())
        if self.preflight is not None:
            found += self.preflight.check(body)
        return found

    def _facts_key(self, row: Contact, body: Mapping[str, Any]) -> str:
        return facts_key(row, body, self._unique) if self._keeps_facts else ""

    # --- delivering ------------------------------------------------------------------------------------------------

    async def send(self, step: str, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Send one batch."""
        if step == LINK:
            return await self._link(batch)
        if step == CLEAR:
            return await self._patch(batch, [self._clear_body(item) for item in batch])
        if step == EDIT:
            return await self._patch(batch, [self._edit_body(item) for item in batch])
        by_id = [item for item in batch if item.row.id]
        if by_id:
            return await self._send_without_edits(batch)
        return await self._upsert(batch)

    async def _send_without_edits(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Rows that name their contact's id are edits of it; only the others are upserts."""
        upserts = [item for item in batch if not item.row.id]
        sent = await self._upsert(upserts) if upserts else BatchResult[C]((), requests=0)
        receipts = iter(sent.results)
        results = [RowResult("step", next_step=EDIT) if item.row.id else next(receipts) for item in batch]
        return BatchResult(results, sent.requests, sent.seconds)

    async def _upsert(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        with_items = any(item.row.custom_items for item in batch)
        safe = all(
            (item.encoded.ordering_keys and not item.row.custom_items) or self._is_idempotent(item.row)
            for item in batch
        )
        call = Call(
            "POST",
            "contacts/batch/new",
            Effect.UPSERT if safe else Effect.NON_IDEMPOTENT,
            query=(INCLUDE_ITEMS,) if with_items else (),
            text=b"[" + b",".join([self._body(item) for item in batch]) + b"]",
            row_count=len(batch),
            is_batch=True,
            background=True,
            job_requests_left=self.requests_left,
            retryable=False,
        )
        sent_at = self.pipeline.clock.wall_time()
        payload = await self.pipeline.send(call)
        self._clock_offset.update(payload, sent_at, self.pipeline.clock.wall_time())
        rows = protocol.parse_batch(payload.body, "contacts", len(batch))
        receipts = [self._row_result(item, row) for item, row in zip(batch, rows, strict=True)]
        return BatchResult(receipts, seconds=payload.seconds)

    def _body(self, item: WorkItem[C]) -> bytes:
        """The row as it was packed, but for what is to be cleared, and with the ids of items known from before."""
        items_with_ids = self._items_with_ids(item)
        if not items_with_ids and not needs_clearing(item):
            return item.encoded.body
        return self.pipeline.json.dumps({**self._payload(item)[0], **items_with_ids})

    def _items_with_ids(self, work_item: WorkItem[C]) -> dict[str, Any]:
        """The items of a row with their ids, if some are known from before."""
        known_ids = work_item.facts.get("items")
        if not isinstance(known_ids, Mapping) or not known_ids:
            return {}
        custom_items = [self._with_id(item, known_ids) for item in work_item.row.custom_items or ()]
        return codec.encode(Contact(custom_items=custom_items))

    def _with_id(self, item: Any, known_ids: Mapping[str, Any]) -> Any:
        id = (
            None
            if item.id
            else known_ids.get(item_identity.identity_key(item_identity.identify(self.match_items, item)))
        )
        return evolve(item, id=id) if isinstance(id, int) else item

    def _row_result(self, item: WorkItem[C], row: RowAnswer) -> RowResult[C]:
        if row.problems:
            return self._failed_result(item, row)
        if row.entity is None:
            return RowResult("look")
        id = entity_id(row)
        facts = self._facts(item, row.entity, id)
        state: Literal["created", "updated"] = (
            "created" if row.status == 201 or self._created_earlier(item, row) else "updated"
        )
        changed = _responses.modified_at(row.entity)
        stored: RowResult[C] = RowResult(state, id, entity=self._entity(row), facts=facts, changed_at=changed)
        return self._next_step(item, stored, made_contact=row.status == 201)

    def _next_step(self, item: WorkItem[C], stored: RowResult[C], *, made_contact: bool = False) -> RowResult[C]:
        """What is due after a step that has stored the row: the link to its company, then what is to be cleared.

        Args:
            item: The row.
            stored: What the step said.
            made_contact: Whether this very request made the contact, and so its link.
        """
        links = item.had_unknown_outcome and not made_contact and bool(company_name(self._payload(item)[0]))
        clearing = not item.row.id and needs_clearing(item)
        due = LINK if links and item.step != LINK else CLEAR if clearing else ""
        if not due or stored.state not in {"created", "updated"}:
            return stored
        status_if_given_up = None if item.step == LINK else stored.state
        return evolve(stored, state="step", next_step=due, status_if_given_up=status_if_given_up)

    async def _link(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Mend the links of contacts whose first sending may have died before it made them."""
        named = [(known_id(item), company_name(self._payload(item)[0])) for item in batch]
        linked = await link_all(self.pipeline, named)
        results: list[RowResult[C]] = [
            self._next_step(item, RowResult("partial" if problem else "updated", id, (problem,) if problem else ()))
            for item, (id, _), problem in zip(batch, named, linked.problems, strict=True)
        ]
        return BatchResult(results, linked.requests, linked.seconds)

    def _created_earlier(self, item: WorkItem[C], row: RowAnswer) -> bool:
        """Whether an earlier sending of the row, whose answer was lost, has made the contact."""
        return item.had_unknown_outcome and self._clock_offset.maybe_after(
            _responses.created_at(row.entity), item.first_sent_at
        )

    def _entity(self, row: RowAnswer) -> C | None:
        return codec.decode(self.model, row.entity) if self.returning == "contacts" else None

    def _facts(self, item: WorkItem[C], entity: Mapping[str, Any], id: int) -> dict[str, Any]:
        """Ids worth keeping: of the contact, and of items that carry a mark by which they are known again."""
        new_items = (
            item_identity.new_items(self.match_items, item.row.custom_items) if self.match_items is not None else {}
        )
        if not new_items or codec.CUSTOM_OBJECTS not in entity:
            return {"id": id}
        stored = codec.decode(Contact, {codec.CUSTOM_OBJECTS: entity[codec.CUSTOM_OBJECTS]}).custom_items
        ids = item_identity.matched_ids(new_items, item_identity.stored_items(self.match_items, stored))
        return {"id": id, "items": ids} if ids else {"id": id}

    def _failed_result(self, item: WorkItem[C], row: RowAnswer) -> RowResult[C]:
        """A row that was refused: by its code, which is more than an HTTP status."""
        code = row.status
        text = " ".join(problem.message for problem in row.problems)
        if code == 404 and "ID = 0" in text:
            if self._is_idempotent(item.row):
                return RowResult(
                    "again",
                    problems=row.problems,
                    retry_after=MIN_ITEM_REWRITE_SECONDS + 0.1,
                    status_if_given_up="partial",
                )
            return RowResult("partial", problems=row.problems)
        deleted = self._deleted_items(item, text)
        if deleted:
            return RowResult(
                "again", problems=row.problems, facts={"items": dict.fromkeys(deleted)}, status_if_given_up="rejected"
            )
        if code == 409:
            return RowResult("again", problems=row.problems, retry_after=5.0, status_if_given_up="rejected")
        if code is not None and 400 <= code < 500:
            return RowResult("rejected", problems=row.problems)
        if code in _batch.RETRYABLE_SQL_CODES:  # the contact may be half saved
            return RowResult("look", problems=row.problems, retry_after=5.0, overload=code != 1062)
        if _batch.refused_before_save(row.problems):
            return RowResult("rejected", problems=row.problems)
        return RowResult("partial", entity_id(row), problems=row.problems)

    def _deleted_items(self, item: WorkItem[C], text: str) -> list[str]:
        """The items that the row was given ids of from an earlier run, and that somebody has deleted since."""
        known_ids = item.facts.get("items")
        ids = {int(id) for id in _ITEM_ID.findall(text)}
        return [name for name, id in known_ids.items() if id in ids] if isinstance(known_ids, Mapping) else []

    def _is_idempotent(self, row: C) -> bool:
        """Whether a second sending, after the first has ended, changes nothing."""
        if self.resend == "always":
            return True
        has_key = bool(row.id) or any(
            not validation.is_blank(_responses.field_value(row, name)) for name in self._unique
        )
        return has_key and item_identity.is_idempotent(self.match_items, row.custom_items or ())

    # --- edits by id -----------------------------------------------------------------------------------------------

    def _clear_body(self, item: WorkItem[C]) -> dict[str, Any]:
        _, blank = self._payload(item)
        return {"id": item.facts.get("id"), **blank, "overwriteWithBlank": True}

    def _edit_body(self, item: WorkItem[C]) -> dict[str, Any]:
        sent, blank = self._payload(item)
        body = {**sent, **self._items_with_ids(item)}
        return {**body, **blank, "overwriteWithBlank": True} if blank else body

    async def _patch(self, batch: Sequence[WorkItem[C]], bodies: Sequence[dict[str, Any]]) -> BatchResult[C]:
        """Edits, each contact once in a request: one twice, or one without an id, would write onto others."""
        results: dict[int, RowResult[C]] = {}
        seen: set[object] = set()
        for place, body in enumerate(bodies):
            if body["id"] in seen:
                results[place] = RowResult("again", retry_after=MIN_ITEM_REWRITE_SECONDS)
            elif not body["id"]:
                results[place] = RowResult("partial", problems=(_NO_ID,))
            seen.add(body["id"])
        now = [place for place in range(len(bodies)) if place not in results]
        seconds = None
        if now:
            payload = await self._send_edits([batch[place] for place in now], [bodies[place] for place in now])
            seconds = payload.seconds
            rows = protocol.parse_batch(payload.body, "contacts", len(now))
            results |= {place: self._edit_result(batch[place], row) for place, row in zip(now, rows, strict=True)}
        return BatchResult([results[place] for place in range(len(bodies))], 1 if now else 0, seconds)

    async def _send_edits(self, parcels: Sequence[WorkItem[C]], bodies: list[dict[str, Any]]) -> Payload:
        safe = all(parcel.step == CLEAR or self._is_idempotent(parcel.row) for parcel in parcels)
        call = Call(
            "PATCH",
            "contacts/batch/edit",
            Effect.IDEMPOTENT if safe else Effect.NON_IDEMPOTENT,
            query=(INCLUDE_ITEMS,) if any(codec.CUSTOM_OBJECTS in body for body in bodies) else (),
            body=bodies,
            row_count=len(bodies),
            is_batch=True,
            background=True,
            job_requests_left=self.requests_left,
            retryable=False,
        )
        return await self.pipeline.send(call)

    def _edit_result(self, item: WorkItem[C], row: RowAnswer) -> RowResult[C]:
        if row.problems:
            return self._failed_result(item, row)
        if row.entity is None:
            return RowResult("look")
        id = entity_id(row) or known_id(item)
        facts = self._facts(item, row.entity, id) if item.step == EDIT else None
        changed_at = _responses.modified_at(row.entity)
        done: RowResult[C] = RowResult("updated", id, entity=self._entity(row), facts=facts, changed_at=changed_at)
        return self._next_step(item, done) if item.step == EDIT else done

    # --- looking ---------------------------------------------------------------------------------------------------

    async def look_up(self, step: str, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Find out what is stored of rows whose answer was lost."""
        if step in {CLEAR, LINK}:
            return BatchResult([RowResult("again", known_id(item)) for item in batch], requests=0)
        doubtful = [item for item in batch if step == EDIT and not self._is_idempotent(item.row)]
        asked = doubtful if step == EDIT else [item for item in batch if not item.row.id]
        lookup = ContactLookup(self.pipeline, self.model, self._unique, self.match_items, self._clock_offset)
        await lookup.fetch([item.row for item in asked])
        return BatchResult([self._lookup_result(item, lookup) for item in batch], lookup.requests)

    def _lookup_result(self, item: WorkItem[C], lookup: ContactLookup[C]) -> RowResult[C]:
        """What a look says of one row."""
        row = item.row
        if row.id and (item.step != EDIT or self._is_idempotent(row)):  # it was not in the request, or does no harm
            return RowResult("again", row.id) if item.step == EDIT else RowResult("step", row.id, next_step=EDIT)
        sent, blank = self._payload(item)
        match = lookup.match(row, sent, first_sent_at=item.first_sent_at, sent_at=item.sent_at)
        if match is None:
            has_key = bool(row.id) or any(
                not validation.is_blank(_responses.field_value(row, name)) for name in self._unique
            )
            return RowResult("again") if has_key else self._retry_or_unknown(item)
        if match.matches_row and match.items_complete and not (row.id and blank):
            return self._stored_result(item, match)
        id = match.contact.id
        if self._is_idempotent(row) or (row.custom_items and match.items_distinguishable):
            status_if_given_up: Status | None = (
                "partial" if match.made_by_this_job else None if match.maybe_changed else "rejected"
            )
            return RowResult("again", id, facts=match.facts, status_if_given_up=status_if_given_up)
        if row.custom_items and self.match_items is not None:
            return RowResult("unknown", id, (_ITEMS_HIDDEN,), facts=match.facts)
        return self._retry_or_unknown(item, id)

    def _stored_result(self, item: WorkItem[C], match: Match[C]) -> RowResult[C]:
        state: Literal["created", "updated"] = "created" if match.made_by_this_job and not item.row.id else "updated"
        entity = match.contact if self.returning == "contacts" else None
        done: RowResult[C] = RowResult(
            state, match.contact.id, facts=match.facts, proves_request_ended=match.made_by_last_request, entity=entity
        )
        return self._next_step(item, done)

    def _retry_or_unknown(self, item: WorkItem[C], id: int = 0) -> RowResult[C]:
        if self._is_idempotent(item.row):
            return RowResult("again", id)
        return RowResult("unknown", id or known_id(item), (_OUTCOME_UNKNOWN,))

    def rate_limit(self) -> RateLimitStatus | None:
        """What is left of the rate limit."""
        return rate_limit_status(self.pipeline)


_OUTCOME_UNKNOWN: Final = Problem(
    "the answer was lost, and sending the row again could store it twice; look in Mautic, then send it or leave it"
)
_ITEMS_HIDDEN: Final = Problem(
    "the answer was lost, and Mautic shows too few of the contact's items to tell what is there"
)
_NO_ID: Final = Problem("Mautic gave no id for the contact, without which nothing of it can be cleared")
