"""The standard verbs that write: create, edit, replace and delete, one by one, in batches and in bulk jobs.

A plain namespace is one line of data, its `Endpoint`, on top of `Resource`.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from attrs import evolve, fields_dict

from mautic_async import codec, protocol, where
from mautic_async.bulk import read_dead_letters
from mautic_async.codec.fields import json_fields
from mautic_async.errors import ConfigurationError, Problem
from mautic_async.models import Entity
from mautic_async.protocol import Effect
from mautic_async.resources import _batch, _kept, _sent_along
from mautic_async.resources._endpoint import PAGE_SIZE, Endpoint, PageParams, Query, ResultPage
from mautic_async.resources._read_only import Namespace, ReadOnlyResource
from mautic_async.resources.bulk_adapters import base, deletes, edits

if TYPE_CHECKING:
    from os import PathLike

    from mautic_async.bulk import BulkJob, BulkOptions, Outcome
    from mautic_async.journal.records import JobJournal
    from mautic_async.protocol import Call

__all__ = ["PAGE_SIZE", "Endpoint", "Namespace", "PageParams", "Query", "ReadOnlyResource", "Resource", "ResultPage"]

E = TypeVar("E", bound=Entity)


class Resource(ReadOnlyResource[E]):
    """A namespace with all the standard verbs.

    `edit` is PATCH, `replace` is PUT. Neither sends properties that are UNSET.
    """

    async def create(self, entity: E) -> E:
        """Store a new entity.

        Returns:
            The entity as Mautic stored it, with its id.

        Raises:
            ConfigurationError: It names nothing: Mautic would store an empty entity. Nothing was sent.
            Rejected: Mautic refused a value; `problems` says which.
            ValueNotKept: It is stored without the values that the error names.
            OutcomeUnknown: It may have been stored; look before sending it again.

        Mautic: REST API, Create (POST /{path}/new).
        """
        body = self._create_body(entity)
        return await self._write(self._build_call("POST", self._create_effect(entity), "new", body=body))

    async def edit(self, id: int, changes: E) -> E:
        """Change the properties that *changes* names; leave the others alone.

        An entity that was read knows its values: only those that were changed since are sent. If there are none, the
        entity is read again and nothing is written.

        Mautic needs or resets some properties in edits that do not name them: `post_action` of forms and
        `dynamic_content` of e-mails in all edits, `source` of reports beside columns, filters and the like,
        `properties` of fields beside the default value. Such an edit reads the entity first and sends the stored value
        along.

        Args:
            id: Of the entity to change; it must exist.
            changes: UNSET properties are not sent; None clears one.

        Returns:
            The entity as Mautic stored it.

        Raises:
            ConfigurationError: It names nothing, or None for a property that Mautic cannot clear; nothing was sent.
            NotFound: Nothing has this id.
            Rejected: Mautic refused a value; `problems` says which.
            ValueNotKept: The edit was made without the values that the error names.

        Mautic: REST API, Edit (PATCH /{path}/ID/edit).
        """
        # An entity that was read under another id becomes a copy, of which every value counts as a change.
        changes = self._for_id(id, changes)
        body = self._edit_body(changes)
        if not body:
            return await self.get(id)
        # Read just before the write, to keep the time short in which a change by another client is lost.
        if _sent_along.incomplete(self.endpoint.sent_along, body):
            body = _sent_along.complete(self.endpoint.sent_along, body, await self.get(id))
        return await self._write(self._build_call("PATCH", self._edit_effect(changes), id, "edit", body=body))

    async def replace(self, id: int, entity: E) -> E:
        """Replace the entity: what *entity* does not name goes back to its default.

        Where nothing has this *id* Mautic creates an entity with another id, so the call is never retried.

        Raises:
            ConfigurationError: It names nothing, or lacks a property without which Mautic fails; nothing was sent.
            Rejected: Mautic refused a value; `problems` says which.
            ValueNotKept: It is stored without the values that the error names.
            OutcomeUnknown: It may have been done.

        Mautic: REST API, Edit (PUT /{path}/ID/edit).
        """
        body = self._replace_body(entity)
        # Never repeated: where nothing has this id, Mautic creates an entity with another one at each attempt.
        call = self._build_call("PUT", Effect.NON_IDEMPOTENT, protocol.validate_id(id), "edit", body=body)
        return await self._write(call)

    async def delete(self, id: int) -> E:
        """Delete the entity.

        Returns:
            The entity as it was, with its id.

        Raises:
            NotFound: Nothing has this id.

        Mautic: REST API, Delete (DELETE /{path}/ID/delete).
        """
        payload = await self._send(self._build_call("DELETE", Effect.IDEMPOTENT, protocol.validate_id(id), "delete"))
        if payload.body is None:  # a repetition found that an earlier attempt had deleted it
            return self._model(id=id)
        return self._decode_body(payload.body, id=id)

    async def create_many(self, entities: Iterable[E]) -> list[Outcome[E]]:
        """Store new entities, up to 200 a request.

        Returns:
            One outcome for each entity, in order. A refused one does not stop the others. One of which Mautic did not
            keep a value is ``partial``.

        Mautic: REST API, Batch (POST /{path}/batch/new).
        """
        rows = list(entities)
        bodies = [self._create_body(row) for row in rows]
        # A single row that a repetition would double makes the whole request unsafe to repeat.
        effects = {self._create_effect(row) for row in rows}
        effect = effects.pop() if len(effects) == 1 else Effect.NON_IDEMPOTENT
        return await _batch.send_many(self, "POST", "batch/new", effect, bodies)

    async def edit_many(self, entities: Iterable[E]) -> list[Outcome[E]]:
        """Change the named properties of several entities, up to 200 a request.

        Args:
            entities: Each with the id of the entity to change; no id twice. Of an entity that was read, only what was
                changed since is sent.

        Returns:
            One outcome for each entity, in order, as of `create_many`.

        Raises:
            ConfigurationError: A row has no id, or two have the same: Mautic would write onto the wrong entities.

        Mautic: REST API, Batch (PATCH /{path}/batch/edit).
        """
        rows = list(entities)
        safe = all(self._edit_effect(row) is Effect.IDEMPOTENT for row in rows)
        # All rows are encoded before the first request, so a wrong row raises while nothing is sent.
        bodies = await self._complete_all(_batch.encode_with_ids(rows, self._edit_body))
        return await _batch.send_many(
            self, "PATCH", "batch/edit", Effect.IDEMPOTENT if safe else Effect.NON_IDEMPOTENT, bodies
        )

    async def replace_many(self, entities: Iterable[E]) -> list[Outcome[E]]:
        """Replace several entities, up to 200 a request.

        Args:
            entities: Each with the id of the entity to replace; no id twice.

        Returns:
            One outcome for each entity, in order, as of `create_many`.

        Raises:
            ConfigurationError: A row has no id, or two have the same.

        Mautic: REST API, Batch (PUT /{path}/batch/edit).
        """
        bodies = _batch.encode_with_ids(entities, self._replace_body)
        # NON_IDEMPOTENT as in replace(): a row with an unknown id creates an entity each time.
        return await _batch.send_many(self, "PUT", "batch/edit", Effect.NON_IDEMPOTENT, bodies)

    async def delete_many(self, ids: Iterable[int]) -> list[Outcome[E]]:
        """Delete several entities, up to 200 a request, and look up whether they are gone.

        Mautic lists entities that it was not allowed to delete as if they were deleted, and leaves out missing ones.
        So each request is followed by a look-up.

        Returns:
            One outcome for each id: ``updated`` when it was there and is gone, ``rejected`` when it is still there or
            never was, ``unknown`` when the look-up failed.

        Mautic: REST API, Batch (DELETE /{path}/batch/delete).
        """
        return await _batch.delete_many(self, [protocol.validate_id(id) for id in ids])

    def bulk_edit(
        self,
        rows: Iterable[E] | AsyncIterable[E],
        *,
        journal: JobJournal | str | PathLike[str] | None = None,
        options: BulkOptions | None = None,
    ) -> BulkJob[E, E]:
        """Change any number of entities by their ids, in concurrent batches; the rows need not fit in memory.

        Args:
            rows: Each with its id. Two rows with one id are sent one after the other, in order.
            journal: Makes a killed job resumable; a path stands for a `Journal` in that file.
            options: Bounds of batch size, concurrency and waiting.

        Mautic: REST API, Batch (PATCH /{path}/batch/edit).
        """
        return base.new_job(edits.Edits(self), rows, journal, options)

    def bulk_delete(
        self,
        ids: Iterable[int] | AsyncIterable[int],
        *,
        journal: JobJournal | str | PathLike[str] | None = None,
        options: BulkOptions | None = None,
    ) -> BulkJob[int, E]:
        """Delete any number of entities, in concurrent batches; outcomes as of `delete_many`.

        Args:
            ids: Of the entities. Of a repeated id the first row is ``updated``, the later ones are ``rejected``.
            journal: Makes a killed job resumable; a path stands for a `Journal` in that file.
            options: Bounds of batch size, concurrency and waiting.

        Mautic: REST API, Batch (DELETE /{path}/batch/delete).
        """
        return base.new_job(deletes.Deletes(self), ids, journal, options)

    def from_dead_letters(self, path: str | PathLike[str], statuses: Collection[str] = ("rejected",)) -> Iterator[E]:
        """Yield the rows of a dead-letter file (`BulkOptions.dead_letters`), to be corrected and sent again.

        Args:
            path: The file.
            statuses: Which rows. Nothing is stored of ``rejected`` rows. Of ``partial`` rows the entity is stored, and
                ``unknown`` rows may be stored whole. Sending those again does no harm if their custom items have ids
                or unique fields, and may add the items a second time if not.

        Raises:
            ConfigurationError: A line is not a dead letter, or its row is none of this namespace.
        """
        for letter in read_dead_letters(path):
            if letter.status not in statuses or letter.row is None:
                continue
            try:
                yield codec.decode_request(self._model, letter.row)
            except (ValueError, TypeError, AttributeError) as error:
                name = self._model.__name__
                raise ConfigurationError(
                    f"{path}: the row of dead letter {letter.index} is no {name}: {error}"
                ) from error

    # --- hooks of namespaces ---------------------------------------------------------------------------------------

    def _create_effect(self, entity: E) -> Effect:
        del entity
        return self.endpoint.create_effect

    def _edit_effect(self, changes: E) -> Effect:
        """Return the effect of a repeated edit: it adds parts each time if *changes* holds new ones."""
        values = [getattr(changes, name) for name in fields_dict(type(changes))]
        # A part without an id is a new one: every attempt would add it again.
        parts = [part for value in values if isinstance(value, list) for part in value if _has_own_id(part)]
        return Effect.IDEMPOTENT if all(part.id for part in parts) else Effect.NON_IDEMPOTENT

    def _retry_hazards(self, row: E) -> Sequence[Problem]:
        """Return why a row cannot be in a bulk job, which repeats edits whose outcome is unknown."""
        missing = _sent_along.incomplete(self.endpoint.sent_along, self._edit_body(row))
        if missing:
            return [
                Problem("Mautic needs or resets it in edits that do not name it; name it, or use edit_many()", missing)
            ]
        safe = self._edit_effect(row) is Effect.IDEMPOTENT
        return [] if safe else [Problem("new parts would be added again; use edit()")]

    def _create_body(self, entity: E) -> dict[str, Any]:
        body = self._require_not_null(self._require_any(codec.encode(entity)))
        return self._require(body, self.endpoint.create_requires, "a new one")

    def _edit_body(self, entity: E) -> dict[str, Any]:
        """Return the body of an edit; an empty one for an entity that was read and not changed."""
        body = codec.encode_changes(entity)
        # Only an entity that was built here must name something; one that was read may be unchanged.
        if codec.as_read(entity) is None:
            self._require_any(body)
        return self._require_not_null(body)

    async def _complete_all(self, bodies: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return bodies of edits with the stored values that they send along; see `SentAlong`."""
        rules = self.endpoint.sent_along
        # One look-up for all incomplete rows; a row whose id is unknown is sent as it is, and refused.
        stored = await self._existing([body["id"] for body in bodies if _sent_along.incomplete(rules, body)])
        return [
            _sent_along.complete(rules, body, stored[body["id"]]) if body["id"] in stored else body for body in bodies
        ]

    def _replace_body(self, entity: E) -> dict[str, Any]:
        return self._require(
            self._require_any(codec.encode(entity)), self.endpoint.replace_requires, "replace(), unlike edit(),"
        )

    def _require_not_null(self, body: dict[str, Any]) -> dict[str, Any]:
        cleared = [name for name in self.endpoint.replace_requires if name in body and body[name] is None]
        if cleared:
            raise ConfigurationError(
                f"{self.endpoint.path}: {self._attributes(cleared)} cannot be None: Mautic answers with a bare 500"
            )
        return body

    def _require(self, body: dict[str, Any], names: Sequence[str], what: str) -> dict[str, Any]:
        # Not "falsy": False and 0 are values.
        missing = [name for name in names if body.get(name) in (None, "")]
        if missing:
            raise ConfigurationError(
                f"{self.endpoint.path}: {what} needs {self._attributes(missing)}: without, Mautic answers with a bare"
                " 500"
            )
        return body

    def _attributes(self, names: Sequence[str]) -> str:
        """Return the attributes of the model that have these names in JSON."""
        model: Any = self._model
        by_key = {field.write_key: field.name for field in json_fields(model) if field.writable}
        return ", ".join(by_key[name] for name in names)

    def _require_any(self, body: dict[str, Any]) -> dict[str, Any]:
        if not body:
            raise ConfigurationError(
                f"{self.endpoint.path}: the {self._model.__name__} names nothing, and Mautic would take it as an empty"
                " one; set at least one property"
            )
        return body

    def _for_id(self, id: int, changes: E) -> E:
        """Return *changes*, as the caller's own if they were read from another entity than *id*."""
        return changes if changes.id == protocol.validate_id(id) else evolve(changes)

    async def _existing(self, ids: Sequence[int]) -> dict[int, E]:
        """Return those of *ids* that exist."""
        # In chunks, because the ids are part of the URL.
        existing: dict[int, E] = {}
        for offset in range(0, len(ids), _batch.MAX_BATCH_ROWS):
            chunk = ids[offset : offset + _batch.MAX_BATCH_ROWS]
            page = await self._list({"where": [where.in_("id", chunk)], "limit": len(chunk), "order_by": "id"})
            existing |= {item.id: item for item in page.items}
        return existing

    async def _write(self, call: Call) -> E:
        """Send a creation or an edit and return what Mautic stored.

        Raises:
            ValueNotKept: Mautic did not keep a value.
        """
        return self._require_kept(call, self._decode_one(await self._send(call)))

    def _require_kept(self, call: Call, stored: E) -> E:
        if isinstance(call.body, Mapping):
            _kept.raise_for(self._values_not_kept(call.body, stored), call, stored)
        return stored

    def _values_not_kept(self, body: Mapping[str, Any], stored: E) -> Sequence[Problem]:
        """Return the values of *body* that Mautic did not keep, though it answered with a success."""
        return _kept.values_not_kept(body, codec.encode(stored))


def _has_own_id(part: object) -> bool:
    """Return True if *part* is stored under an id of its own: fields and actions of forms, events."""
    return isinstance(part, Entity) and bool(fields_dict(type(part))["id"].metadata.get("sent"))
