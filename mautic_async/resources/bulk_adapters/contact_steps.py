"""The steps of a contact's row in a bulk job: each sends a batch, and looks up rows whose answer was lost.

Mautic: REST API, Batch create contacts (POST /contacts/batch/new); Batch edit contacts (PATCH /contacts/batch/edit).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from attrs import define, evolve

from mautic_async import codec
from mautic_async.bulk import BatchResult, Pending, RowResult, WorkItem
from mautic_async.errors import Problem
from mautic_async.models import Contact
from mautic_async.protocol import Effect
from mautic_async.resources._company_link import company_name, link_all
from mautic_async.resources._contact_keys import known_id
from mautic_async.resources.bulk_adapters.contact_job import MIN_ITEM_REWRITE_SECONDS, ContactJob
from mautic_async.resources.bulk_adapters.lookup import ContactLookup, Match

if TYPE_CHECKING:
    from mautic_async.bulk.outcomes import Status

C = TypeVar("C", bound=Contact)

STORE: Final = "store"
EDIT: Final = "edit"
LINK: Final = "link"
PROVE: Final = "prove"

_OUTCOME_UNKNOWN: Final = Problem(
    "the answer was lost, and sending the row again could store it twice; look in Mautic, then send it or leave it"
)
_ITEMS_HIDDEN: Final = Problem(
    "the answer was lost, and Mautic shows too few of the contact's items to tell which are stored"
)


class Step(Protocol[C]):
    """One step of a contact's row."""

    async def send(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Send one batch; see `BulkAdapter.send`."""

    async def look_up(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Look up rows whose answer was lost; see `BulkAdapter.look_up`."""


@define(eq=False)
class UpsertStep(Generic[C]):
    """The step that creates or updates contacts by their unique values."""

    job: ContactJob[C]

    async def send(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Send the rows in one request; none of them has an id."""
        # Safe to repeat: Mautic finds the row again by a unique value, and it brings no items that could be doubled.
        safe = all(
            (item.encoded.ordering_keys and not item.row.custom_items) or self.job.is_idempotent(item.row)
            for item in batch
        )
        rows, seconds = await self.job.send(
            "POST",
            "batch/new",
            Effect.UPSERT if safe else Effect.NON_IDEMPOTENT,
            len(batch),
            with_items=any(item.row.custom_items for item in batch),
            text=b"[" + b",".join([self._body(item) for item in batch]) + b"]",
        )
        results = [
            next_step_if_due(self.job, item, result, made_contact=row.status == 201)
            for item, row, result in zip(batch, rows, self.job.results_of(batch, rows), strict=True)
        ]
        return BatchResult(results, seconds=seconds)

    def _body(self, item: WorkItem[C]) -> bytes:
        """Return the row as it was encoded, unless it clears fields or ids of its items are known."""
        payload, items_with_ids = item.encoded.payload, self.job.items_with_ids(item)
        if not items_with_ids and (payload is None or "overwriteWithBlank" not in payload):
            return item.encoded.body
        return self.job.pipeline.json.dumps({**self.job.payload(item), **items_with_ids})

    async def look_up(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Find the contacts by their unique values."""
        lookup = new_lookup(self.job)
        await lookup.fetch([item.row for item in batch])
        return BatchResult([_lookup_result(self.job, item, lookup) for item in batch], lookup.requests)


@define(eq=False)
class EditStep(Generic[C]):
    """The step that edits contacts by their ids."""

    job: ContactJob[C]

    async def send(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Edit each contact once in a request: Mautic writes a second row of one id onto another contact."""
        # Reversed, so that the first row of an id wins and later versions follow in the order of the input.
        first = {item.row.id: item for item in reversed(batch)}
        now = [item for item in batch if first[item.row.id] is item]
        bodies = [{**self.job.payload(item), **self.job.items_with_ids(item)} for item in now]
        safe = all(self.job.is_idempotent(item.row) for item in now)
        rows, seconds = await self.job.send(
            "PATCH",
            "batch/edit",
            Effect.IDEMPOTENT if safe else Effect.NON_IDEMPOTENT,
            len(now),
            with_items=any(codec.CUSTOM_OBJECTS in body for body in bodies),
            body=bodies,
        )
        edited = {
            item.index: next_step_if_due(self.job, item, result)
            for item, result in zip(now, self.job.results_of(now, rows), strict=True)
        }
        later: RowResult[C] = RowResult(Pending.RETRY, retry_after=MIN_ITEM_REWRITE_SECONDS)
        return BatchResult([edited.get(item.index, later) for item in batch], seconds=seconds)

    async def look_up(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Look up only the rows that an edit sent again could double."""
        lookup = new_lookup(self.job)
        await lookup.fetch([item.row for item in batch if not self.job.is_idempotent(item.row)])
        results: list[RowResult[C]] = [
            RowResult(Pending.RETRY, item.row.id)
            if self.job.is_idempotent(item.row)
            else _lookup_result(self.job, item, lookup)
            for item in batch
        ]
        return BatchResult(results, lookup.requests)


@define(eq=False)
class LinkStep(Generic[C]):
    """The step that links contacts to the companies that they name, after a request that may have broken off."""

    job: ContactJob[C]

    async def send(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Look at each contact's link, and make it if it is missing."""
        named = [(known_id(item), company_name(self.job.payload(item))) for item in batch]
        linked = await link_all(self.job.pipeline, named)
        results: list[RowResult[C]] = [
            next_step_if_due(
                self.job, item, RowResult("partial" if problem else "updated", id, (problem,) if problem else ())
            )
            for item, (id, _), problem in zip(batch, named, linked.problems, strict=True)
        ]
        return BatchResult(results, linked.requests, linked.seconds)

    async def look_up(self, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Repeat the step for each row: it looks before it writes."""
        return BatchResult([RowResult(Pending.RETRY, known_id(item)) for item in batch], requests=0)


def next_step_if_due(
    job: ContactJob[C], item: WorkItem[C], stored: RowResult[C], *, made_contact: bool = False
) -> RowResult[C]:
    """Return *stored*, or the step that is due next: the link to the company, or the proof of a unique field.

    Args:
        job: The job.
        item: The row.
        stored: The result of the step before.
        made_contact: This very request created the contact, and so the link.
    """
    if stored.state not in ("created", "updated"):
        return stored
    # A request that dies in between leaves the name without its link, and the same name sent again never adds it.
    may_lack_link = item.sends.had_unknown_outcome and not made_contact and item.step != LINK
    if may_lack_link and company_name(job.payload(item)):
        due = LINK
    elif any(job.unproven_items(item.row)):
        due = PROVE
    else:
        return stored
    return evolve(stored, state=Pending.NEXT_STEP, next_step=due, status_if_given_up=stored.state)


def new_lookup(job: ContactJob[C]) -> ContactLookup[C]:
    """Return an empty look-up with the settings of *job*."""
    return ContactLookup(job.pipeline, job.options.model, job.unique, job.options.match_items, job.clock_offset)


def _lookup_result(job: ContactJob[C], item: WorkItem[C], lookup: ContactLookup[C]) -> RowResult[C]:
    """Return what a look-up proves of one row."""
    row = item.row
    match = lookup.match(row, job.payload(item), first_sent_at=item.sends.first_at, sent_at=item.sends.last_at)
    if match is None:
        return RowResult(Pending.RETRY) if job.has_key(row) or job.is_idempotent(row) else _unknown(item)
    # Only equality proves: the server cleans text, so a difference may be its own doing.
    if match.matches_row and match.items_complete:
        return _stored_result(job, item, match)
    id = match.contact.id
    # Sending the row again doubles nothing: its missing items are surely missing, and those found go with their ids.
    if job.is_idempotent(row) or (row.custom_items and match.items_distinguishable):
        status: Status | None = "partial" if match.made_by_this_job else None if match.maybe_changed else "rejected"
        return RowResult(Pending.RETRY, id, facts=match.facts, status_if_given_up=status)
    if row.custom_items and job.options.match_items is not None:
        return RowResult("unknown", id, (_ITEMS_HIDDEN,), facts=match.facts)
    return _unknown(item, id)


def _stored_result(job: ContactJob[C], item: WorkItem[C], match: Match[C]) -> RowResult[C]:
    stored: RowResult[C] = RowResult(
        "created" if match.made_by_this_job and not item.row.id else "updated",
        match.contact.id,
        facts=match.facts,
        proves_request_ended=match.made_by_last_request,
        entity=match.contact if job.options.returning == "contacts" else None,
    )
    return next_step_if_due(job, item, stored)


def _unknown(item: WorkItem[Any], id: int = 0) -> RowResult[Any]:
    return RowResult("unknown", id or known_id(item), (_OUTCOME_UNKNOWN,))
