"""The settings of a job of contact upserts, and the state that its steps share.

Mautic: REST API, Batch create contacts (POST /contacts/batch/new).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar

from attrs import define, evolve, field, frozen

from mautic_async import codec, protocol
from mautic_async.bulk import Pending, RowResult
from mautic_async.models import Contact
from mautic_async.protocol import Call, Effect
from mautic_async.resources import _batch, _responses
from mautic_async.resources._contact_keys import entity_id
from mautic_async.resources.bulk_adapters.lookup import ClockOffset
from mautic_async.resources.contacts import bodies, item_identity, validation
from mautic_async.resources.contacts.bodies import Zeros
from mautic_async.resources.contacts.item_identity import LookupField, LookupName, UniqueField
from mautic_async.resources.contacts.item_values import items_not_kept

if TYPE_CHECKING:
    from mautic_async.bulk import WorkItem
    from mautic_async.errors import Problem
    from mautic_async.models import CustomItem
    from mautic_async.pipeline import Pipeline
    from mautic_async.protocol import RowAnswer
    from mautic_async.resources.contacts.item_identity import ItemMatching

C = TypeVar("C", bound=Contact)

INCLUDE_ITEMS: Final = ("includeCustomObjects", "true")

MIN_ITEM_REWRITE_SECONDS: Final = 1.1
"""Seconds between two writes of one unique item: within one second the second is lost with a 404 (``ID = 0``)."""

_ITEM_ID: Final = re.compile(r"Custom Item with ID = (\d+)")


@frozen(kw_only=True)
class UpsertOptions(Generic[C]):
    """The arguments of `Contacts.bulk_upsert`, which documents them.

    Attributes:
        unique: None: as the server says, or the e-mail.
        keyless: Rows without a unique value are allowed.
    """

    model: type[C]
    unique: Sequence[str] | None = None
    match_items: ItemMatching = None
    keyless: bool = False
    clear: Literal["refuse", "patch"] = "refuse"
    zeros: Zeros = "refuse"
    returning: Literal["ids", "contacts"] = "ids"
    resend: Literal["never", "always"] = "never"


@define(eq=False)
class ContactJob(Generic[C]):
    """The state that the steps of one job share.

    Attributes:
        pipeline: Sends the calls.
        options: The settings.
        unique: The fields by which Mautic finds contacts.
        requests_left: See `BulkAdapter`.
        clock_offset: Between the server's clock and ours.
        proven: Custom objects whose `UniqueField` is known to be a unique identifier on this server.
        objects: Custom objects of which rows have brought new items.
    """

    pipeline: Pipeline
    options: UpsertOptions[C]
    unique: tuple[str, ...] = ("email",)
    requests_left: int | None = None
    clock_offset: ClockOffset = field(factory=ClockOffset)
    proven: set[str] = field(factory=set)
    objects: set[str] = field(factory=set)

    def payload(self, item: WorkItem[C]) -> Mapping[str, Any]:
        """Return what is sent of a row. Most rows are sent as text and have no decoded form at hand."""
        payload: Mapping[str, Any] = item.encoded.payload or codec.encode(item.row)
        return payload

    def items_with_ids(self, work_item: WorkItem[C]) -> dict[str, Any]:
        """Return the items of a row with their ids, encoded; nothing if no id is known."""
        known_ids = work_item.facts.get("items")
        if not isinstance(known_ids, Mapping) or not known_ids:
            return {}
        custom_items = [self._with_id(item, known_ids) for item in work_item.row.custom_items or ()]
        return codec.encode(Contact(custom_items=custom_items))

    def _with_id(self, item: CustomItem, known_ids: Mapping[str, Any]) -> CustomItem:
        if item.id:
            return item
        key = item_identity.identity_key(item_identity.identify(self.options.match_items, item))
        id = known_ids.get(key)
        return evolve(item, id=id) if isinstance(id, int) else item

    def has_key(self, row: C) -> bool:
        """Return True if a stored contact can be found by the row."""
        return bool(row.id) or any(not validation.is_blank(_responses.field_value(row, name)) for name in self.unique)

    def is_idempotent(self, row: C) -> bool:
        """Return True if sending the row again, after the first request has ended, changes nothing."""
        if self.options.resend == "always":
            return True
        return self.has_key(row) and item_identity.is_idempotent(self.options.match_items, row.custom_items or ())

    def unproven_items(self, row: C) -> Iterator[CustomItem]:
        """Yield the first new item of each object whose `UniqueField` is not proven yet."""
        if not row.custom_items or self.options.match_items is None:
            return
        # One new item of each object is enough for the proof.
        found: set[str] = set()
        for item in row.custom_items:
            name = item_identity.object_of(item)
            is_unique = isinstance(item_identity.strategy_for(self.options.match_items, item), UniqueField)
            if is_unique and not item.id and name not in found | self.proven:
                found.add(name)
                yield item

    def looks_items_up(self, row: C) -> bool:
        """Return True if the row has new items that are looked up among the stored ones before they are sent."""
        return any(
            not item.id
            and isinstance(item_identity.strategy_for(self.options.match_items, item), LookupField | LookupName)
            for item in row.custom_items or ()
        )

    async def send(
        self, method: str, path: str, effect: Effect, rows: int, *, with_items: bool, **body: Any
    ) -> tuple[list[RowAnswer], float]:
        """Send one batch; return the answer for each row, and the seconds that the server took."""
        query = (INCLUDE_ITEMS,) if with_items else ()
        call = Call(
            method,
            f"contacts/{path}",
            effect,
            query=query,
            row_count=rows,
            is_batch=True,
            background=True,
            job_requests_left=self.requests_left,
            retryable=False,
            **body,
        )
        # The two times enclose the server's ``Date``, which bounds how far its clock is off.
        sent_at = self.pipeline.clock.wall_time()
        payload = await self.pipeline.send(call)
        self.clock_offset.update(payload, sent_at, self.pipeline.clock.wall_time())
        return protocol.parse_batch(payload.body, "contacts", rows), payload.seconds

    # -- the answer for one row ----------------------------------------------------------------------------------------

    def results_of(self, batch: Sequence[WorkItem[C]], rows: Sequence[RowAnswer]) -> list[RowResult[C]]:
        """Return the results of an answer."""
        # Several rows of one request may name one contact, and each of them then shows the last row's values.
        count = Counter(map(entity_id, rows))
        return [
            self.result_of(item, row, shared=count[entity_id(row)] > 1) for item, row in zip(batch, rows, strict=True)
        ]

    def result_of(self, item: WorkItem[C], row: RowAnswer, *, shared: bool = False) -> RowResult[C]:
        """Return the result of one row; of *shared* contacts each row shows the values of the last one."""
        if row.problems:
            return self._failed_result(item, row)
        if row.entity is None:
            return RowResult(Pending.LOOK_UP)
        id = entity_id(row) or item.row.id
        # Code 200 can follow a lost attempt that created the contact; its date of creation tells.
        created = not item.row.id and (row.status == 201 or self._created_earlier(item, row))
        entity = codec.decode(self.options.model, row.entity) if self.options.returning == "contacts" else None
        stored = shown_items(row.entity) if item.row.custom_items else ()
        lost = () if shared else self._lost_values(item, row.entity, stored)
        return RowResult(
            "partial" if lost else "created" if created else "updated",
            id,
            lost,
            entity=entity,
            facts=self._facts(item, stored, id),
            changed_at=_responses.modified_at(row.entity),
        )

    def _lost_values(
        self, item: WorkItem[C], entity: Mapping[str, Any], stored: Sequence[CustomItem]
    ) -> tuple[Problem, ...]:
        """Return a problem for each value of the row that the answer shows otherwise."""
        sent = {key: value for key, value in self.payload(item).items() if key != codec.CUSTOM_OBJECTS}
        lost = bodies.row_values_not_kept(sent, entity, self.options.model)
        return (*lost, *items_not_kept(self.options.match_items, item.row.custom_items or (), stored))

    def _created_earlier(self, item: WorkItem[C], row: RowAnswer) -> bool:
        """Return True if an earlier request with the row, whose answer was lost, has created the contact."""
        return item.sends.had_unknown_outcome and self.clock_offset.maybe_after(
            _responses.created_at(row.entity), item.sends.first_at
        )

    def _facts(self, item: WorkItem[C], stored: Sequence[CustomItem], id: int) -> dict[str, Any]:
        """Return the ids to remember: of the contact, and of items that can be told from others."""
        match_items = self.options.match_items
        new_items = item_identity.new_items(match_items, item.row.custom_items) if match_items is not None else {}
        if not new_items or not stored:
            return {"id": id}
        ids = item_identity.matched_ids(new_items, item_identity.stored_items(match_items, stored))
        return {"id": id, "items": ids} if ids else {"id": id}

    def _failed_result(self, item: WorkItem[C], row: RowAnswer) -> RowResult[C]:
        """Return the result of a row that was refused, by its code, which is more than an HTTP status."""
        code, problems = row.status, row.problems
        text = " ".join(problem.message for problem in problems)
        # Two writes of one unique item within a second: the second loses link and values, and works a second later.
        if code == 404 and "ID = 0" in text:  # the contact is stored, its item is not written or not linked
            if not self.is_idempotent(item.row):
                return RowResult("partial", problems=problems)
            pause = MIN_ITEM_REWRITE_SECONDS + 0.1
            return RowResult(Pending.RETRY, problems=problems, retry_after=pause, status_if_given_up="partial")
        if deleted := self._deleted_items(item, text):
            forget = {"items": dict.fromkeys(deleted)}
            return RowResult(Pending.RETRY, problems=problems, facts=forget, status_if_given_up="rejected")
        # Another user is editing the record (Mautic 7): nothing was applied, and the same row passes later.
        if code == 409:
            return RowResult(Pending.RETRY, problems=problems, retry_after=5.0, status_if_given_up="rejected")
        if code is not None and 400 <= code < 500:
            return RowResult("rejected", problems=problems)
        if code in _batch.RETRYABLE_SQL_CODES:  # the contact may be half saved
            return RowResult(Pending.LOOK_UP, problems=problems, retry_after=5.0, overload=code != 1062)
        # The code says nothing here, but these texts come from a check that runs before the contact is saved.
        if _batch.refused_before_save(problems):
            return RowResult("rejected", problems=problems)
        return RowResult("partial", entity_id(row), problems=problems)

    def _deleted_items(self, item: WorkItem[C], text: str) -> list[str]:
        """Return the items that the row was given ids of from an earlier run, and that have been deleted since."""
        known_ids = item.facts.get("items")
        ids = {int(id) for id in _ITEM_ID.findall(text)}
        return [name for name, id in known_ids.items() if id in ids] if isinstance(known_ids, Mapping) else []


def shown_items(entity: Mapping[str, Any] | None) -> Sequence[CustomItem]:
    """Return the custom items that an answer shows of a contact: the newest ten of each object."""
    items = entity.get(codec.CUSTOM_OBJECTS) if entity is not None else None
    return codec.decode(Contact, {codec.CUSTOM_OBJECTS: items}).custom_items or () if items else ()
