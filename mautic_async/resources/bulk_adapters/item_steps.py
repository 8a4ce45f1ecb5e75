"""The steps that keep custom items from being doubled: find those that are stored, and prove that a field is unique.

Mautic: Custom Objects plugin, contacts API.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Generic, TypeVar

from attrs import define, evolve

from mautic_async import codec
from mautic_async.bulk import BatchResult, Pending, RowResult, WorkItem
from mautic_async.errors import ConfigurationError, Problem
from mautic_async.models import Contact, CustomItem
from mautic_async.protocol import Call, Effect
from mautic_async.resources import _batch
from mautic_async.resources._contact_keys import known_id
from mautic_async.resources.bulk_adapters.contact_job import INCLUDE_ITEMS, ContactJob, shown_items
from mautic_async.resources.bulk_adapters.contact_steps import EDIT, STORE, UpsertStep, new_lookup
from mautic_async.resources.bulk_adapters.lookup import ContactLookup
from mautic_async.resources.contacts import item_identity

C = TypeVar("C", bound=Contact)

_ITEMS_HIDDEN: Final = Problem(
    "Mautic shows only the newest ten items of an object, so it cannot be told whether this contact has the item"
    " already; give its id, or a field that Mautic keeps unique",
    "custom_items",
)


@define(eq=False)
class FirstStep(Generic[C]):
    """The first step: find stored items of rows that look theirs up; upsert the other rows without an id."""

    job: ContactJob[C]
    upsert: UpsertStep[C]

    async def send(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Upsert and look up, in one request each at most for rows that have the same keys."""
        direct = [item for item in batch if self._is_direct(item)]
        sent = await self.upsert.send(direct) if direct else BatchResult[C]((), requests=0)
        lookup = new_lookup(self.job)
        await lookup.fetch([item.row for item in batch if self.job.looks_items_up(item.row)])
        upserted = iter(sent.results)
        results = [next(upserted) if self._is_direct(item) else self._next_step(item, lookup) for item in batch]
        return BatchResult(results, sent.requests + lookup.requests, sent.seconds)

    def _is_direct(self, item: WorkItem[C]) -> bool:
        return not item.row.id and not self.job.looks_items_up(item.row)

    def _next_step(self, item: WorkItem[C], lookup: ContactLookup[C]) -> RowResult[C]:
        step: RowResult[C] = RowResult(Pending.NEXT_STEP, item.row.id, next_step=EDIT if item.row.id else STORE)
        if not self.job.looks_items_up(item.row):
            return step
        match = lookup.match(item.row, {}, first_sent_at=0.0, sent_at=0.0)
        if match is None:
            return step
        known = match.facts.get("items", {})
        new = item_identity.new_items(self.job.options.match_items, item.row.custom_items)
        # Sending an item that may be stored and is not shown could double it, so the row is refused instead.
        if self._are_hidden(item, match.contact, new.keys() - known.keys()):
            return RowResult("rejected", match.contact.id, (_ITEMS_HIDDEN,))
        return evolve(step, facts={"items": known} if known else None)

    def _are_hidden(self, item: WorkItem[C], contact: C, unseen: Iterable[str]) -> bool:
        """Return True if items that are not shown may be stored: an earlier run does not know them either."""
        remembered = item.facts.get("items")
        remembered = remembered if isinstance(remembered, Mapping) else {}
        new = item_identity.new_items(self.job.options.match_items, item.row.custom_items)
        return self.job.options.resend == "never" and any(
            item_identity.is_window_full(contact.custom_items, new[name]) and not remembered.get(name)
            for name in unseen
        )

    async def look_up(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Look up the rows that were upserted; repeat the step for the others, of which nothing was sent."""
        direct = [item for item in batch if self._is_direct(item)]
        found = await self.upsert.look_up(direct) if direct else BatchResult[C]((), requests=0)
        upserted = iter(found.results)
        retry: RowResult[C] = RowResult(Pending.RETRY)
        return evolve(found, results=[next(upserted) if self._is_direct(item) else retry for item in batch])


@define(eq=False)
class ProveStep(Generic[C]):
    """The proof, by the first row that brings an object, that its `UniqueField` is a unique identifier on this server.

    The new item is sent once more, without its id. A server that keeps the field unique updates the item, or answers a
    404 (``ID = 0``) within the same second; any other server has made a second item, and the job ends.
    """

    job: ContactJob[C]

    async def send(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Prove what the rows of *batch* bring, one after another."""
        results, requests = [], 0
        for item in batch:
            items = list(self.job.unproven_items(item.row))
            if items:
                result = await self._prove(known_id(item), items)
                requests += 2
                results.append(result)
            else:
                results.append(RowResult[C]("updated", known_id(item)))
        return BatchResult(results, requests)

    async def _prove(self, contact: int, items: Sequence[CustomItem]) -> RowResult[C]:
        call = Call("GET", f"contacts/{contact}", query=(INCLUDE_ITEMS,), background=True)
        # The items before the test, so that a second one made by it can be told from those.
        before = {item.id for item in shown_items((await self.job.pipeline.send(call)).body.get("contact"))}
        body = {"id": contact, **codec.encode(Contact(custom_items=list(items)))}
        (row,), _ = await self.job.send("PATCH", "batch/edit", Effect.NON_IDEMPOTENT, 1, with_items=True, body=[body])
        if row.status in _batch.RETRYABLE_SQL_CODES:
            return RowResult(Pending.RETRY, contact, row.problems, retry_after=5.0, status_if_given_up="updated")
        text = " ".join(problem.message for problem in row.problems)
        if row.problems and not (row.status == 404 and "ID = 0" in text):
            return RowResult("updated", contact)  # nothing is proven; the next row with the object tries again
        for stored in () if row.problems else shown_items(row.entity):
            if stored.id not in before:
                raise self._not_unique(contact, stored)
        # Proven once for the whole job, since the definition of an object does not change under way.
        self.job.proven.update(map(item_identity.object_of, items))
        return RowResult("updated", contact)

    def _not_unique(self, contact: int, stored: CustomItem) -> ConfigurationError:
        match_by = item_identity.strategy_for(self.job.options.match_items, stored)
        names = ", ".join(match_by.attributes) if isinstance(match_by, item_identity.UniqueField) else "its key"
        return ConfigurationError(
            f"custom object {stored.object!r}: this Mautic does not keep {names} unique, so items would be doubled. To"
            f" find that out, item {stored.id} of contact {contact} was made a second time: delete it. Then mark the"
            " field as unique identifier in Mautic (while the object has no items), or look items up by it instead"
        )

    async def look_up(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Repeat the step: it compares with what is stored before it sends."""
        return BatchResult([RowResult(Pending.RETRY, known_id(item)) for item in batch], requests=0)
