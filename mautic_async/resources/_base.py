"""What namespaces share: reading, writing, membership. A plain namespace is one line of data on top of these."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Literal, TypedDict, TypeVar, Unpack

from attrs import frozen

from mautic_async import codec, wire
from mautic_async.errors import ConfigurationError, UnexpectedResponse
from mautic_async.models import Entity
from mautic_async.resources import _paging, _rows
from mautic_async.wire import Call, Effect

if TYPE_CHECKING:
    from mautic_async.bulk import Outcome
    from mautic_async.pipeline import Pipeline
    from mautic_async.resources._where import Where
    from mautic_async.wire import Payload

E = TypeVar("E", bound=Entity)

PAGE: Final = 100
"""Entities a page of `iterate`: Mautic takes any number, but a full contact is 9 kB."""


class Query(TypedDict, total=False):
    """What `list` and `iterate` take. Mautic: REST API, List (query parameters).

    Attributes:
        search: Mautic's search syntax, such as ``segment:vip`` or ``email:ada@example.com``.
        start: Offset of the first entity, from 0.
        limit: Entities a page, at least 1; Mautic's own default is 30.
        order_by: Column; contacts take database names (``date_added``), most others property names (``dateAdded``).
        order_by_dir: ``asc`` or ``desc``.
        published: Only published entities.
        minimal: Leave out what is related.
        where: Conditions, from `mautic_async.where`.
        select: Columns to fill; the others keep their defaults.
    """

    search: str
    start: int
    limit: int
    order_by: str
    order_by_dir: Literal["asc", "desc", "ASC", "DESC"]
    published: bool
    minimal: bool
    where: Where | Sequence[Where]
    select: Sequence[str]


@frozen(kw_only=True)
class ResultPage(Generic[E]):
    """One page of a list.

    Attributes:
        items: In the order of the answer.
        total: How many there are in all; for contacts up to 5 seconds old.
        start: Offset of the first of `items`.
    """

    items: list[E]
    total: int
    start: int = 0

    def __len__(self) -> int:
        """How many entities this page holds."""
        return len(self.items)


@frozen
class Endpoint(Generic[E]):
    """Where a namespace lives, and what its payloads call it.

    Attributes:
        path: Below ``/api/``.
        one: Key of a single entity.
        many: Key of several.
        model: Its class.
        creating: The effect of a repeated create.
        keyset: Whether `iterate` may page by ``where id > last``; where a condition would switch off a filter that the
            list has by itself (e-mails and pages hide their variants), it pages by offset.
        filters: Whether ``published`` works there.
    """

    path: str
    one: str
    many: str
    model: type[E]
    creating: Effect = Effect.APPEND
    keyset: bool = True
    filters: bool = True


class Space:
    """A namespace of the client: it builds calls and reads their answers."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    async def _send(self, call: Call) -> Payload:
        return await self._pipeline.send(call)

    async def _body(self, call: Call) -> Any:
        return (await self._pipeline.send(call)).body


class Reading(Space, Generic[E]):
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
        return self._one(await self._send(self._call("GET", Effect.READ, id)))

    async def list(self, **query: Unpack[Query]) -> ResultPage[E]:
        """One page.

        Raises:
            ConfigurationError: A parameter is one that Mautic would answer with a 500, or would ignore.

        Mautic: REST API, List (GET /{path}).
        """
        return await self._page(query)

    def iterate(self, *, read_ahead: bool = False, **query: Unpack[Query]) -> AsyncIterator[E]:
        """Every entity, exactly once, also while others are added or deleted; holds one page (two with *read_ahead*).

        Args:
            read_ahead: Fetch the next page while the caller works on this one.
            **query: As for `list`; ``limit`` is the size of a page. Without ``order_by`` the order is by id.

        Mautic: REST API, List (GET /{path}).
        """
        return _paging.iterate(self._page, query, PAGE, keyset=self.endpoint.keyset, read_ahead=read_ahead)

    async def _page(self, query: Mapping[str, Any]) -> ResultPage[E]:
        call = Call("GET", self.endpoint.path, query=wire.pairs(self._parameters(query)))
        body = await self._body(call)
        return self._paged(body, int(query.get("start", 0)))

    def _paged(self, body: Any, start: int) -> ResultPage[E]:
        if not isinstance(body, Mapping) or self.endpoint.many not in body:
            raise UnexpectedResponse(
                f"GET {self.endpoint.path}: an answer without {self.endpoint.many!r}", status=200, event="unreadable"
            )
        container = body[self.endpoint.many]
        raw = list(container.values()) if isinstance(container, Mapping) else container or []
        items = [codec.decode(self._model, item) for item in raw]
        return ResultPage(items=items, total=_total(body.get("total"), len(items)), start=start)

    def _parameters(self, query: Mapping[str, Any]) -> dict[str, object]:
        return _paging.parameters(query, filters=self.endpoint.filters)

    def _call(self, method: str, effect: Effect, *parts: str | int, **more: Any) -> Call:
        return Call(method, f"{self.endpoint.path}/{wire.path(*parts)}", effect, **more)

    def _one(self, payload: Payload) -> E:
        return self._read(payload.body)

    def _read(self, body: Any, *, id: int = 0) -> E:
        """The entity of a single answer; *id* stands in where a deletion has blanked it."""
        raw = body.get(self.endpoint.one) if isinstance(body, Mapping) else None
        if not isinstance(raw, Mapping):
            raise UnexpectedResponse(
                f"{self.endpoint.path}: an answer without {self.endpoint.one!r}", status=200, event="unreadable"
            )
        entity = codec.decode(self._model, raw)
        if not entity.id and id:
            entity.id = id
        return entity


def _total(value: Any, fallback: int) -> int:
    return int(value) if isinstance(value, (int, str)) and str(value).isdecimal() else fallback


class Resource(Reading[E]):
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
        return self._one(await self._send(self._call("POST", self._creating(entity), "new", body=self._new(entity))))

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
        call = self._call("PATCH", Effect.SET, id, "edit", body=self._changes(changes))
        return self._one(await self._send(call))

    async def replace(self, id: int, entity: E) -> E:
        """Replace the entity: what *entity* does not name goes back to its default.

        Where nothing has this *id* Mautic creates an entity under another id, so this is never repeated by itself.

        Raises:
            Rejected: Mautic refused a value.
            OutcomeUnknown: It may have been done.

        Mautic: REST API, Edit (PUT /{path}/ID/edit).
        """
        call = self._call("PUT", Effect.APPEND, id, "edit", body=self._whole(entity))
        return self._one(await self._send(call))

    async def delete(self, id: int) -> E:
        """Delete the entity.

        Returns:
            The entity as it was, with its id.

        Raises:
            NotFound: Nothing has this id.

        Mautic: REST API, Delete (DELETE /{path}/ID/delete).
        """
        payload = await self._send(self._call("DELETE", Effect.SET, id, "delete"))
        if payload.body is None:  # a repetition found it gone
            return self._model(id=id)
        return self._read(payload.body, id=id)

    async def create_many(self, entities: Iterable[E]) -> list[Outcome[E]]:
        """Store new entities, up to 200 a request.

        Returns:
            One outcome for each, in order; a refused one does not stop the others.

        Mautic: REST API, Batch (POST /{path}/batch/new).
        """
        bodies = [self._new(entity) for entity in entities]
        effects = {self._creating(entity) for entity in entities} if isinstance(entities, Sequence) else set()
        effect = effects.pop() if len(effects) == 1 else Effect.APPEND
        return await _rows.send_many(self, "POST", "batch/new", effect, bodies)

    async def edit_many(self, entities: Iterable[E]) -> list[Outcome[E]]:
        """Change the named properties of several entities, up to 200 a request.

        Args:
            entities: Each with the id of the entity to change; no id twice.

        Raises:
            ConfigurationError: A row has no id, or two have the same: Mautic would write onto the wrong entities.

        Mautic: REST API, Batch (PATCH /{path}/batch/edit).
        """
        bodies = _rows.with_ids(entities, self._changes)
        return await _rows.send_many(self, "PATCH", "batch/edit", Effect.SET, bodies)

    async def replace_many(self, entities: Iterable[E]) -> list[Outcome[E]]:
        """Replace several entities, up to 200 a request.

        Args:
            entities: Each with the id of the entity to replace; no id twice.

        Raises:
            ConfigurationError: A row has no id, or two have the same.

        Mautic: REST API, Batch (PUT /{path}/batch/edit).
        """
        bodies = _rows.with_ids(entities, self._whole)
        return await _rows.send_many(self, "PUT", "batch/edit", Effect.APPEND, bodies)

    async def delete_many(self, ids: Iterable[int]) -> list[Outcome[E]]:
        """Delete several entities, up to 200 a request, and look whether they are gone.

        Mautic lists entities that it was not allowed to delete as if they were deleted, and leaves out missing ones;
        so each request is followed by a look.

        Returns:
            One outcome for each id: ``updated`` when it was there and is gone, ``rejected`` when it is still there or
            never was, ``unknown`` when that could not be found out.

        Mautic: REST API, Batch (DELETE /{path}/batch/delete).
        """
        return await _rows.delete_many(self, [wire.id_of(id) for id in ids])

    # --- what a namespace may know better --------------------------------------------------------------------------

    def _creating(self, entity: E) -> Effect:
        del entity
        return self.endpoint.creating

    def _new(self, entity: E) -> dict[str, Any]:
        return self._filled(codec.encode(entity))

    def _changes(self, entity: E) -> dict[str, Any]:
        return self._filled(codec.encode(entity))

    def _whole(self, entity: E) -> dict[str, Any]:
        return self._filled(codec.encode(entity))

    def _filled(self, body: dict[str, Any]) -> dict[str, Any]:
        if not body:
            raise ConfigurationError(
                f"{self.endpoint.path}: the {self._model.__name__} names nothing, and Mautic would take it as an empty"
                " one; set at least one property"
            )
        return body


class Membership(Reading[E]):
    """Contacts in it: added and removed one by one. Repeating either changes nothing."""

    async def add_contact(self, id: int, contact_id: int) -> None:
        """Put the contact in; one that is already there stays.

        Raises:
            NotFound: The entity or the contact does not exist.

        Mautic: REST API, Add contact (POST /{path}/ID/contact/CONTACT_ID/add).
        """
        await self._send(self._call("POST", Effect.SET, id, "contact", contact_id, "add"))

    async def remove_contact(self, id: int, contact_id: int) -> None:
        """Take the contact out; one that is not there changes nothing.

        Raises:
            NotFound: The entity or the contact does not exist.

        Mautic: REST API, Remove contact (POST /{path}/ID/contact/CONTACT_ID/remove).
        """
        await self._send(self._call("POST", Effect.SET, id, "contact", contact_id, "remove"))
