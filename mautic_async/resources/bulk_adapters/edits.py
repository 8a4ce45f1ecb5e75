"""The adapter of bulk jobs that edit entities by their ids.

Mautic: REST API, Batch requests (PATCH /{path}/batch/edit).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from attrs import define, evolve

from mautic_async import protocol
from mautic_async import where as conditions
from mautic_async.bulk import BatchResult, EncodedRow, Pending, RowResult, WorkItem
from mautic_async.errors import ConfigurationError, Problem
from mautic_async.models import Contact, Entity
from mautic_async.protocol import Effect, RowAnswer
from mautic_async.resources import _responses
from mautic_async.resources._batch import CATEGORY, NO_SUCH_ID
from mautic_async.resources._company_link import company_name, link_all
from mautic_async.resources.bulk_adapters.base import ResourceAdapter, row_result
from mautic_async.resources.bulk_adapters.created_names import names_created_by

E = TypeVar("E", bound=Entity)

LINK: Final = "link"

MAX_CLOCK_DIFFERENCE: Final = 300.0
"""Seconds by which the server's clock may be behind this machine's."""


@define(eq=False)
class Edits(ResourceAdapter[E]):
    """Edits by id (``PATCH batch/edit``). Repeating one changes nothing."""

    guarantee: str = "edits by id: at least once, which is the same as once"

    def encode(self, row: E, index: int) -> EncodedRow:
        """Encode one row; it must have an id."""
        del index
        try:
            body = {"id": protocol.validate_id(row.id), **self.resource._edit_body(row)}
            hazards = self.resource._retry_hazards(row)
            # A job may have to send a row again, which would double new items of this one.
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
        bodies = [self._body(item) for item in batch]
        rows, seconds = await self.send_rows("PATCH", "batch/edit", Effect.IDEMPOTENT, bodies)
        results = [self._edit_result(item, row) for item, row in zip(batch, rows, strict=True)]
        return BatchResult(results, seconds=seconds)

    def _body(self, item: WorkItem[E]) -> dict[str, Any]:
        """Return the row with its stored category, if a look-up has found that it shares one; see `_batch`."""
        named: dict[str, Any] = item.encoded.payload
        category = item.facts.get(CATEGORY)
        return {**named, CATEGORY: category} if category and CATEGORY not in named else named

    def _edit_result(self, item: WorkItem[E], row: RowAnswer) -> RowResult[E]:
        result = row_result(row, item.row.id, self.resource, item.encoded.payload)
        # An attempt that broke off may have saved the contact without its link, and this edit finds nothing to change.
        if result.state != "updated" or not item.sends.had_unknown_outcome or not _company_name(item):
            return result
        return evolve(result, state=Pending.NEXT_STEP, next_step=LINK, status_if_given_up="updated")

    async def _link(self, batch: Sequence[WorkItem[E]]) -> BatchResult[E]:
        """Make the links of contacts to their companies that an edit of unknown outcome may have left out."""
        linked = await link_all(self.resource._pipeline, [(item.row.id, _company_name(item)) for item in batch])
        results: list[RowResult[E]] = [
            RowResult("partial" if problem else "updated", item.row.id, (problem,) if problem else ())
            for item, problem in zip(batch, linked.problems, strict=True)
        ]
        return BatchResult(results, linked.requests, linked.seconds)

    async def look_up(self, step: str, batch: Sequence[WorkItem[E]]) -> BatchResult[E]:
        """Reject rows whose id is missing, which fails a whole batch on Mautic 7; repeat the others.

        The look-up gives the time of the last change, as evidence for `bisect`, and the stored category.
        """
        if step == LINK:
            return BatchResult([RowResult(Pending.RETRY, item.row.id) for item in batch], requests=0)
        rows, seconds = await self.find(conditions.in_("id", [item.row.id for item in batch]), len(batch))
        stored: dict[int, Mapping[str, Any]] = {int(row["id"]): row for row in rows}
        unseen = [item.row.id for item in batch if item.row.id not in stored]
        if unseen:  # the lists of some resources leave entities out
            stored |= {id: {} for id in await self.resource._existing(unseen)}
        results = [self._lookup_result(item, stored.get(item.row.id)) for item in batch]
        return BatchResult(results, 2 if unseen else 1, seconds)

    def _lookup_result(self, item: WorkItem[E], stored: Mapping[str, Any] | None) -> RowResult[E]:
        if stored is None:
            # With the status, no other look-up is needed to believe it.
            return RowResult("rejected", item.row.id, (NO_SUCH_ID,), status_if_given_up="rejected")
        changed, category = _responses.modified_at(stored), stored.get(CATEGORY)
        # A change well before the first attempt, even by a clock that is behind, was not made by an attempt.
        untouched = changed is not None and changed + MAX_CLOCK_DIFFERENCE < item.sends.first_at
        return RowResult(
            Pending.RETRY,
            item.row.id,
            facts={CATEGORY: category["id"]} if isinstance(category, Mapping) and category.get("id") else None,
            status_if_given_up="rejected" if untouched else None,
        )


def _company_name(item: WorkItem[Any]) -> str:
    return company_name(item.encoded.payload) if isinstance(item.row, Contact) else ""
