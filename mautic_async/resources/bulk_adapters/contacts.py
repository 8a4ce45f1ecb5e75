"""The adapter of bulk jobs that upsert contacts.

Mautic: REST API, Batch create contacts (POST /contacts/batch/new); List contacts (GET /contacts with ``where``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from attrs import evolve

from mautic_async import codec
from mautic_async.bulk import BatchResult, EncodedRow, RateLimitStatus, WorkItem
from mautic_async.errors import ConfigurationError, Problem
from mautic_async.models import UNSET, Contact
from mautic_async.resources._contact_keys import contact_keys, facts_key
from mautic_async.resources.bulk_adapters.base import rate_limit_status
from mautic_async.resources.bulk_adapters.contact_job import MIN_ITEM_REWRITE_SECONDS, ContactJob, UpsertOptions
from mautic_async.resources.bulk_adapters.contact_steps import (
    EDIT,
    LINK,
    PROVE,
    STORE,
    EditStep,
    LinkStep,
    Step,
    UpsertStep,
)
from mautic_async.resources.bulk_adapters.created_names import names_created_by
from mautic_async.resources.bulk_adapters.item_steps import FirstStep, ProveStep
from mautic_async.resources.contacts import bodies, item_identity, validation

if TYPE_CHECKING:
    from mautic_async.pipeline import Pipeline
    from mautic_async.resources.contacts.field_schema import Preflight

C = TypeVar("C", bound=Contact)


class ContactUpserts(Generic[C]):
    """Bulk jobs over ``contacts/batch/new`` and, for rows with an id, ``contacts/batch/edit``."""

    max_rows = 200

    def __init__(self, pipeline: Pipeline, options: UpsertOptions[C], preflight: Preflight | None = None) -> None:
        self._options = options
        self._preflight = preflight
        self._job = ContactJob(pipeline, options, ("email",) if options.unique is None else tuple(options.unique))
        upsert = UpsertStep(self._job)
        self._steps: dict[str, Step[C]] = {
            "": FirstStep(self._job, upsert),
            STORE: upsert,
            EDIT: EditStep(self._job),
            LINK: LinkStep(self._job),
            PROVE: ProveStep(self._job),
        }
        self._keeps_facts = False
        self._existing_tags: Collection[str] = ()

    @property
    def guarantee(self) -> str:
        """The guarantee for new custom items, in words, for each object that rows have brought so far."""
        return item_identity.guarantee(self._options.match_items, self._job.objects)

    @property
    def requests_left(self) -> int | None:
        """The most requests that the job still needs."""
        return self._job.requests_left

    @requests_left.setter
    def requests_left(self, requests: int | None) -> None:
        self._job.requests_left = requests

    async def prepare(self, job: str) -> None:
        """Ask the server for its fields, if a preflight is wanted."""
        self._keeps_facts = bool(job)
        if self._preflight is None:
            return
        await self._preflight.load()
        self._existing_tags = self._preflight.existing_tags
        if self._options.unique is None and self._preflight.unique:
            # The server decides by which fields it finds contacts; wrong keys would let rows of one contact overlap.
            self._job.unique = self._preflight.unique

    def encode(self, row: Any, index: int) -> EncodedRow:
        """Encode and check one row; a row that cannot be sent carries its problems."""
        del index
        if not isinstance(row, Contact):
            return EncodedRow(b"", problems=(Problem(f"a row must be a Contact, not a {type(row).__name__}"),))
        try:
            body = self._encode(row)
            full_body = {"id": row.id, **body} if row.id else body
            text = self._job.pipeline.json.dumps(full_body)
        except (ConfigurationError, ValueError, TypeError, AttributeError, RecursionError) as error:
            return EncodedRow(b"", problems=(Problem(str(error)),))
        # Keys also for rows with problems: a `SyncState` tells by them which contact the row is about.
        keys = contact_keys(row, body, self._job.unique, self._options.match_items)
        if found := self._check(row, body):
            return EncodedRow(text, keys, problems=found)
        encoded = EncodedRow(
            text,
            keys,
            facts_key=facts_key(row, body, self._job.unique) if self._keeps_facts else "",
            creates=names_created_by(body, self._existing_tags),
        )
        if row.custom_items:
            self._add_objects(row, encoded)
        if any(validation.is_blank(value) for _, value in validation.iter_fields(body)):
            # In a batch, and with PATCH, the flag clears only fields that the row names. A single POST would wipe all.
            encoded.payload = {**full_body, "overwriteWithBlank": True}
        elif row.id or row.custom_items is not UNSET or self._options.zeros == "drop":
            encoded.payload = full_body
        # Mautic loses the second of two writes of one unique item within a second.
        if any(key[0] == "unique" for key in keys):
            encoded.hold_keys_seconds = MIN_ITEM_REWRITE_SECONDS
        return encoded

    def _add_objects(self, row: Any, encoded: EncodedRow) -> None:
        """Note the objects of new items; one row of an unproven object goes first, to prove its unique field."""
        self._job.objects.update(item_identity.object_of(item) for item in row.custom_items if not item.id)
        unproven = [("object", item_identity.object_of(item)) for item in self._job.unproven_items(row)]
        if unproven:
            encoded.creates = (*encoded.creates, *unproven)

    def _encode(self, row: Contact) -> dict[str, Any]:
        body = bodies.changes_of(row) if row.id else codec.encode(row)
        return validation.drop_zeros(body, self._field_types) if self._options.zeros == "drop" else body

    @property
    def _field_types(self) -> Mapping[str, str]:
        return validation.FIELD_TYPES if self._preflight is None else self._preflight.types

    def _check(self, row: Contact, body: Mapping[str, Any]) -> list[Problem]:
        if not body and codec.as_read(row) is not None:
            return []  # the row was read and not changed: an edit that changes nothing
        found = validation.check_upsert(
            body,
            self._job.unique,
            by_id=bool(row.id),
            keyless=self._options.keyless,
            clearing=self._options.clear == "patch",
            field_types=self._field_types,
        )
        found += item_identity.check_items(self._options.match_items, row.custom_items or ())
        return found + self._preflight.check(body) if self._preflight is not None else found

    def decode(self, body: bytes) -> C:
        """Return the row that was encoded as *body*."""
        return codec.decode_request(self._options.model, self._job.pipeline.json.loads(body))

    def idempotent_part(self, row: C) -> C:
        """Return the row without the items that sending it again would double."""
        return row if self._job.is_idempotent(row) else evolve(row, custom_items=UNSET)

    async def send(self, step: str, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Send one batch."""
        return await self._steps[step].send(batch)

    async def look_up(self, step: str, batch: Sequence[WorkItem[C]]) -> BatchResult[C]:
        """Look up rows whose answer was lost."""
        return await self._steps[step].look_up(batch)

    def rate_limit(self) -> RateLimitStatus | None:
        """Return what is left of the rate limit."""
        return rate_limit_status(self._job.pipeline)
