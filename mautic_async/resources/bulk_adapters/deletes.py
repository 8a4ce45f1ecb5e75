"""The adapter of bulk jobs that delete entities by their ids.

Mautic: REST API, Batch requests (DELETE /{path}/batch/delete).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from attrs import define, evolve, field

from mautic_async import protocol
from mautic_async import where as conditions
from mautic_async.bulk import BatchResult, EncodedRow, Pending, RowResult, WorkItem
from mautic_async.errors import ConfigurationError, MauticError, Problem
from mautic_async.models import Entity
from mautic_async.protocol import Effect
from mautic_async.resources._batch import NO_SUCH_ID
from mautic_async.resources.bulk_adapters.base import ResourceAdapter

E = TypeVar("E", bound=Entity)


@define(eq=False)
class Deletes(ResourceAdapter[E]):
    """Deletes by id (``DELETE batch/delete``). The answer proves nothing, so each batch is followed by a look-up."""

    guarantee: str = "deletes: each one is looked up afterwards"
    _was_stored: dict[int, bool] = field(factory=dict, init=False)
    """By index of a row that was sent: True once a look-up has seen its id. Repeated ids are rows of their own."""

    def encode(self, row: int, index: int) -> EncodedRow:
        """Encode one id."""
        del index
        try:
            return evolve(self.encoded_row({"id": protocol.validate_id(row)}, ("id", row)), facts_key=f"deleted {row}")
        except ConfigurationError as error:
            return EncodedRow(b"", problems=(Problem(str(error), "id"),))

    def decode(self, body: bytes) -> int:
        """Return the id that was encoded as *body*."""
        return int(self.resource._pipeline.json.loads(body)["id"])

    async def send(self, step: str, batch: Sequence[WorkItem[int]]) -> BatchResult[E]:
        """Look up which ids exist, delete those, and look up which are left."""
        del step
        for item in batch:
            self._was_stored.setdefault(item.index, False)  # if the look-up fails, nothing has been deleted
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
        except MauticError:  # the deletion has its answer; which rows are gone is looked up later
            return BatchResult([RowResult(Pending.LOOK_UP, item.row) for item in batch], 3, seconds)
        return self._delete_results(batch, remaining, 3, seconds + after)

    def _delete_results(
        self, batch: Sequence[WorkItem[int]], remaining: set[int], requests: int, seconds: float
    ) -> BatchResult[E]:
        results = [self._delete_result(item, remaining) for item in batch]
        for item in batch:
            self._was_stored.pop(item.index, None)
        return BatchResult(results, requests, seconds)

    def _delete_result(self, item: WorkItem[int], remaining: set[int]) -> RowResult[E]:
        """Return the result of a row after the last look-up; of a repeated id, only the first row has deleted it.

        Repeated rows are sent one after the other, so the first look-up of the next one misses the id. That look-up is
        lost when the process is killed; then the facts tell, which the journal keeps under the id.
        """
        id = item.row
        # A row that this process has not looked up was sent by a killed run, which may have deleted its id.
        was_stored = self._was_stored.get(item.index, "deleted" not in item.facts)
        if id in remaining:
            problem = Problem("it is still there: this role may not delete it", "id")
        elif not was_stored:
            problem = NO_SUCH_ID
        else:
            return RowResult("updated", id, facts={"deleted": True})
        return RowResult("rejected", id, (problem,), status_if_given_up="rejected")

    async def look_up(self, step: str, batch: Sequence[WorkItem[int]]) -> BatchResult[E]:
        """Send the rows again whose ids still exist."""
        del step
        remaining, seconds = await self._note_existing(batch)
        results = [
            RowResult(Pending.RETRY, item.row) if item.row in remaining else self._delete_result(item, remaining)
            for item in batch
        ]
        return BatchResult(results, seconds=seconds)

    async def _note_existing(self, batch: Sequence[WorkItem[int]]) -> tuple[set[int], float]:
        existing, seconds = await self._existing_ids(batch)
        self._was_stored.update((item.index, True) for item in batch if item.row in existing)
        return existing, seconds

    async def _existing_ids(self, batch: Sequence[WorkItem[int]]) -> tuple[set[int], float]:
        where = conditions.in_("id", [work_item.row for work_item in batch])
        items, seconds = await self.find(where, len(batch), select=["id"])
        return {int(item["id"]) for item in items}, seconds
