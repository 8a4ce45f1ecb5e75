"""What namespaces share: reading, writing, membership. A plain namespace is one line of data on top of these."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, Unpack

from attrs import fields_dict

from mautic_async import codec, protocol, where
from mautic_async.bulk import read_dead_letters
from mautic_async.errors import ConfigurationError, NotFound, Problem, Rejected
from mautic_async.models import Entity
from mautic_async.protocol import Call, Effect
from mautic_async.resources import _batch, _changes, _pagination, _responses
from mautic_async.resources._changes import EntityIterator
from mautic_async.resources._endpoint import PAGE_SIZE, Endpoint, PageParams, Query, ResultPage
from mautic_async.resources.bulk_adapters import base, deletes, edits

if TYPE_CHECKING:
    from os import PathLike

    from mautic_async.bulk import BulkJob, BulkOptions, Outcome
    from mautic_async.journal.records import JobJournal
    from mautic_async.pipeline import Pipeline
    from mautic_async.protocol import Payload

__all__ = ["PAGE_SIZE", "Endpoint", "Namespace", "PageParams", "Query", "ReadOnlyResource", "Resource", "ResultPage"]

E = TypeVar("E", bound=Entity)
T = TypeVar("T")


class Namespace:
    """A namespace of the client: it builds calls and reads their answers."""

    needs: ClassVar[str] = ""
    """What the server must be or have, for the error where it has no such routes."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def _send(self, call: Call, *, needs: str = "") -> Payload:
        try:
            return await self._pipeline.send(call)
        except NotFound as error:
            if not (needs or self.needs) or not _responses.is_unknown_route(error):
                raise
            raise _responses.with_requirement(error, needs or self.needs, self._pipeline.version) from error

    async def _send_for_body(self, call: Call) -> Any:
        return (await self._send(call)).body

    async def _get_page(self, call: Call, key: str, model: type[T], start: int = 0) -> ResultPage[T]:
        return _responses.decode_page(call, await self._send_for_body(call), key, model, start)

    def _paginate(self, paginator: _pagination.Paginator[T], *, read_ahead: bool) -> AsyncIterator[T]:
        return _pagination.iterate(paginator, self._pipeline.background.spawn if read_ahead else None)


class ReadOnlyResource(Namespace, Generic[E]):
    """Get, list and iterate."""

    endpoint: ClassVar[Endpoint[Any]]

    def __init__(self, pipeline: Pipeline, model: type[E] | None = None) -> None:
        super().__init__(pipeline)
        self._model: type[E] = model or self.endpoint.model

    async def get(self, id: int) -> E:
        """The entity with this id.

        Raises:
            NotFound: Nothing has this id.

        Mautic: REST API, Get (GET /{path}/ID).
        """
        return self._decode_one(await self._send(self._build_call("GET", Effect.READ, protocol.validate_id(id))))

    async def list(self, **query: Unpack[Query]) -> ResultPage[E]:
        """One page.

        Raises:
            ConfigurationError: A parameter is one that Mautic would answer with a 500, or would ignore.

        Mautic: REST API, List (GET /{path}).
        """
        return await self._list(query)

    def iterate(
        self, *, changed_since: datetime | None = None, read_ahead: bool = False, **query: Unpack[Query]
    ) -> EntityIterator[E]:
        """Every entity, exactly once, also while others are added or deleted; holds one page (two with *read_ahead*).

        Mostly by a condition on the id, which shows a user who is limited to his own entities those of others, too.

        Args:
            changed_since: Only entities added or changed since then, with a time zone: the `EntityIterator.watermark`
                of the run before. Deleted ones are not told; e-mails and pages come with their variants.
            read_ahead: Fetch the next page while the caller works on this one.
            **query: As for `list`; ``limit`` is the size of a page. Without ``order_by`` the order is by id.

        Mautic: REST API, List (GET /{path}).
        """
        return self._iterate(query, changed_since=changed_since, read_ahead=read_ahead)

    def _iterate(
        self, query: Mapping[str, Any], *, changed_since: datetime | None = None, read_ahead: bool = False
    ) -> EntityIterator[E]:
        paginator = _changes.new_paginator(self._list, query, self._model, self.endpoint, changed_since)
        return EntityIterator(self._paginate(paginator, read_ahead=read_ahead), self._pipeline.clock)

    async def _list(self, query: Mapping[str, Any]) -> ResultPage[E]:
        parameters = _pagination.parameters(query, filters_published=self.endpoint.filters_published)
        call = Call("GET", self.endpoint.path, query=protocol.encode_query(parameters))
        return await self._get_page(call, self.endpoint.many, self._model, int(query.get("start", 0)))

    async def _find_first(self, column: str, value: str, is_match: Callable[[E], bool]) -> E | None:
        """The first, by id, of those that the database takes for equal and *is_match* does too."""
        page = await self._list({"where": [where.in_or_eq(column, [value.strip()])], "order_by": "id", "limit": 5})
        return next(filter(is_match, page.items), None)

    def _build_call(self, method: str, effect: Effect, *parts: str | int, **more: Any) -> Call:
        return Call(method, f"{self.endpoint.path}/{protocol.build_path(*parts)}", effect, **more)

    def _decode_one(self, payload: Payload) -> E:
        return self._after_read(self._decode_body(payload.body), payload.status)

    def _decode_body(self, body: Any, *, id: int = 0) -> E:
        """The entity of a single answer; *id* stands in where a deletion has blanked it."""
        entity = _responses.decode_entity(Call("", self.endpoint.path), body, self.endpoint.one, self._model)
        if not entity.id and id:
            entity.id = id
        return entity

    def _after_read(self, entity: E, status: int | None) -> E:
        """What only the status of an answer tells of an entity."""
        del status
        return entity


def _nested_entities(value: object) -> list[Entity]:
    """What stands inside an entity under an id of its own: fields and actions of forms, events."""
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, Entity) and fields_dict(type(item))["id"].metadata.get("sent")]


class Resource(ReadOnlyResource[E]):
    """A namespace with all the standard verbs.

    `edit` is PATCH, `replace` is PUT. None clears a property; UNSET ones are not sent.
    """

    async def create(self, entity: E) -> E:
        """Store a new entity.

        Returns:
            The entity as Mautic stored it, with its id.

        Raises:
            ConfigurationError: It names nothing: Mautic would store an empty one.
            Rejected: Mautic refused a value; `problems` says which.
            OutcomeUnknown: It may have been stored; look before sending it again.

        Mautic: REST API, Create (POST /{path}/new).
        """
        return self._decode_one(
            await self._send(
                self._build_call("POST", self._create_effect(entity), "new", body=self._create_body(entity))
            )
        )

    async def edit(self, id: int, changes: E) -> E:
        """Change the properties that *changes* names; leave the others alone.

        Args:
            id: Of the entity to change; it must exist.
            changes: UNSET properties are not sent; None clears one.

        Raises:
            NotFound: Nothing has this id.
            Rejected: Mautic refused a value; `problems` says which.

        Mautic: REST API, Edit (PATCH /{path}/ID/edit).
        """
        body = self._edit_body(changes)
        call = self._build_call("PATCH", self._edit_effect(changes), protocol.validate_id(id), "edit", body=body)
        return self._raise_if_ignored(body, self._decode_one(await self._send(call)))

    async def replace(self, id: int, entity: E) -> E:
        """Replace the entity: what *entity* does not name goes back to its default.

        Where nothing has this *id* Mautic creates an entity under another id, so this is never repeated by itself.

        Raises:
            Rejected: Mautic refused a value.
            OutcomeUnknown: It may have been done.

        Mautic: REST API, Edit (PUT /{path}/ID/edit).
        """
        body = self._replace_body(entity)
        call = self._build_call("PUT", Effect.NON_IDEMPOTENT, protocol.validate_id(id), "edit", body=body)
        return self._raise_if_ignored(body, self._decode_one(await self._send(call)))

    async def delete(self, id: int) -> E:
        """Delete the entity.

        Returns:
            The entity as it was, with its id.

        Raises:
            NotFound: Nothing has this id.

        Mautic: REST API, Delete (DELETE /{path}/ID/delete).
        """
        payload = await self._send(self._build_call("DELETE", Effect.IDEMPOTENT, protocol.validate_id(id), "delete"))
        if payload.body is None:  # a repetition found it gone
            return self._model(id=id)
        return self._decode_body(payload.body, id=id)

    async def create_many(self, entities: Iterable[E]) -> list[Outcome[E]]:
        """Store new entities, up to 200 a request.

        Returns:
            One outcome for each, in order; a refused one does not stop the others.

        Mautic: REST API, Batch (POST /{path}/batch/new).
        """
        rows = list(entities)
        bodies = [self._create_body(row) for row in rows]
        effects = {self._create_effect(row) for row in rows}
        effect = effects.pop() if len(effects) == 1 else Effect.NON_IDEMPOTENT
        return await _batch.send_many(self, "POST", "batch/new", effect, bodies)

    async def edit_many(self, entities: Iterable[E]) -> list[Outcome[E]]:
        """Change the named properties of several entities, up to 200 a request.

        Args:
            entities: Each with the id of the entity to change; no id twice.

        Raises:
            ConfigurationError: A row has no id, or two have the same: Mautic would write onto the wrong entities.

        Mautic: REST API, Batch (PATCH /{path}/batch/edit).
        """
        rows = list(entities)
        safe = all(self._edit_effect(row) is Effect.IDEMPOTENT for row in rows)
        bodies = _batch.encode_with_ids(rows, self._edit_body)
        return await _batch.send_many(
            self, "PATCH", "batch/edit", Effect.IDEMPOTENT if safe else Effect.NON_IDEMPOTENT, bodies
        )

    async def replace_many(self, entities: Iterable[E]) -> list[Outcome[E]]:
        """Replace several entities, up to 200 a request.

        Args:
            entities: Each with the id of the entity to replace; no id twice.

        Raises:
            ConfigurationError: A row has no id, or two have the same.

        Mautic: REST API, Batch (PUT /{path}/batch/edit).
        """
        bodies = _batch.encode_with_ids(entities, self._replace_body)
        return await _batch.send_many(self, "PUT", "batch/edit", Effect.NON_IDEMPOTENT, bodies)

    async def delete_many(self, ids: Iterable[int]) -> list[Outcome[E]]:
        """Delete several entities, up to 200 a request, and look whether they are gone.

        Mautic lists entities that it was not allowed to delete as if they were deleted, and leaves out missing ones;
        so each request is followed by a look.

        Returns:
            One outcome for each id: ``updated`` when it was there and is gone, ``rejected`` when it is still there or
            never was, ``unknown`` when that could not be found out.

        Mautic: REST API, Batch (DELETE /{path}/batch/delete).
        """
        return await _batch.delete_many(self, [protocol.validate_id(id) for id in ids])

    def bulk_edit(
        self,
        rows: Iterable[E] | AsyncIterable[E],
        *,
        journal: JobJournal | None = None,
        options: BulkOptions | None = None,
    ) -> BulkJob[E, E]:
        """Change any number of entities by their ids, in concurrent batches; the rows need not fit in memory.

        Args:
            rows: Each with its id. Two rows with one id go one after the other, in order.
            journal: Makes a killed job resumable.
            options: Bounds of batch size, concurrency and waiting.

        Mautic: REST API, Batch (PATCH /{path}/batch/edit).
        """
        return base.new_job(edits.Edits(self), rows, journal, options)

    def bulk_delete(
        self,
        ids: Iterable[int] | AsyncIterable[int],
        *,
        journal: JobJournal | None = None,
        options: BulkOptions | None = None,
    ) -> BulkJob[int, E]:
        """Delete any number of entities, in concurrent batches; outcomes as of `delete_many`.

        Args:
            ids: Of the entities. Of a repeated id the first row is ``updated``, the later ones are ``rejected``.
            journal: Makes a killed job resumable.
            options: Bounds of batch size, concurrency and waiting.

        Mautic: REST API, Batch (DELETE /{path}/batch/delete).
        """
        return base.new_job(deletes.Deletes(self), ids, journal, options)

    def from_dead_letters(self, path: str | PathLike[str], statuses: Collection[str] = ("rejected",)) -> Iterator[E]:
        """The rows of a file of dead letters (`BulkOptions.dead_letters`), to be sent again once mended.

        Args:
            path: The file.
            statuses: Which rows. Nothing of those that were ``rejected`` is stored. Of ``partial`` ones the entity is,
                and of ``unknown`` ones all may be: sending such again does no harm where their custom items have ids
                or unique fields, and could add them a second time where not.

        Raises:
            ConfigurationError: A line is not a letter, or its row none of this namespace.
        """
        for letter in read_dead_letters(path):
            if letter.status not in statuses or letter.row is None:
                continue
            try:
                yield codec.decode_request(self._model, letter.row)
            except (ValueError, TypeError, AttributeError) as error:
                name = self._model.__name__
                raise ConfigurationError(f"{path}: the row of letter {letter.index} is no {name}: {error}") from error

    # --- what a namespace may know better --------------------------------------------------------------------------

    def _create_effect(self, entity: E) -> Effect:
        del entity
        return self.endpoint.create_effect

    def _edit_effect(self, changes: E) -> Effect:
        """What a repeated edit does: it adds something each time where parts of the entity are new."""
        parts = (
            part
            for value in map(changes.__getattribute__, fields_dict(type(changes)))
            for part in _nested_entities(value)
        )
        return Effect.NON_IDEMPOTENT if any(not part.id for part in parts) else Effect.IDEMPOTENT

    def _retry_hazards(self, row: E) -> Sequence[Problem]:
        """Why a row may not be in a job of edits, which repeats what was not answered."""
        return (
            []
            if self._edit_effect(row) is Effect.IDEMPOTENT
            else [Problem("new parts would be added again; use edit()")]
        )

    def _create_body(self, entity: E) -> dict[str, Any]:
        return self._require(self._require_any(codec.encode(entity)), self.endpoint.create_requires, "a new one")

    def _edit_body(self, entity: E) -> dict[str, Any]:
        return self._require_any(codec.encode(entity))

    def _replace_body(self, entity: E) -> dict[str, Any]:
        return self._require(
            self._require_any(codec.encode(entity)), self.endpoint.replace_requires, "replace(), unlike edit(),"
        )

    def _require(self, body: dict[str, Any], names: Sequence[str], what: str) -> dict[str, Any]:
        missing = [name for name in names if body.get(name) in (None, "")]
        if missing:
            raise ConfigurationError(
                f"{self.endpoint.path}: {what} needs {', '.join(missing)}: without, Mautic answers with a bare 500"
            )
        return body

    def _require_any(self, body: dict[str, Any]) -> dict[str, Any]:
        if not body:
            raise ConfigurationError(
                f"{self.endpoint.path}: the {self._model.__name__} names nothing, and Mautic would take it as an empty"
                " one; set at least one property"
            )
        return body

    async def _existing(self, ids: Sequence[int]) -> dict[int, E]:
        """Those of *ids* that exist."""
        existing: dict[int, E] = {}
        for chunk in (
            ids[offset : offset + _batch.MAX_BATCH_ROWS] for offset in range(0, len(ids), _batch.MAX_BATCH_ROWS)
        ):
            page = await self._list({"where": [where.in_("id", chunk)], "limit": len(chunk), "order_by": "id"})
            existing |= {item.id: item for item in page.items}
        return existing

    def _ignored_changes(self, body: Mapping[str, Any], stored: E) -> tuple[Problem, ...]:
        """What Mautic was asked to change and did not, though it answered with a success."""
        named = [name for name in self.endpoint.immutable if name in body]
        stored_values = codec.encode(stored) if named else {}
        return tuple(
            Problem("Mautic ignores a change of this property, and keeps the old value", name)
            for name in named
            if name in stored_values and (body[name] or None) != (stored_values[name] or None)
        )

    def _raise_if_ignored(self, body: Mapping[str, Any], stored: E) -> E:
        ignored = self._ignored_changes(body, stored)
        if ignored:
            raise Rejected(
                f"{self.endpoint.path}/{stored.id}: rejected (although with status 200): {'; '.join(map(str, ignored))}"
                "; what else was named is stored",
                status=200,
                problems=ignored,
            )
        return stored
