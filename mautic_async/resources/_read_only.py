"""Namespaces that read: sending calls, decoding answers, `get`, `list` and `iterate`."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, Unpack

from mautic_async import protocol, where
from mautic_async.errors import NotFound
from mautic_async.models import Entity
from mautic_async.protocol import Call, Effect
from mautic_async.resources import _changes, _columns, _pagination, _responses
from mautic_async.resources._changes import EntityIterator
from mautic_async.resources._endpoint import Endpoint, Query, ResultPage

if TYPE_CHECKING:
    from mautic_async.pipeline import Pipeline
    from mautic_async.protocol import Payload

E = TypeVar("E", bound=Entity)
T = TypeVar("T")


class Namespace:
    """A namespace of the client, such as `mautic.contacts`: it builds calls and decodes their answers."""

    needs: ClassVar[str] = ""
    """Requirements of the server, named in the error of a server without these routes."""

    _name: ClassVar[str] = ""
    """Attribute of the client that holds the namespace; empty if it is the name of the class in snake case."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def __repr__(self) -> str:
        """Return the name and the base URL, such as ``<contacts of https://crm.example.com>``."""
        name = self._name or re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()
        return f"<{name} of {self._pipeline.transport.base}>"

    async def _send(self, call: Call, *, needs: str = "") -> Payload:
        try:
            return await self._pipeline.send(call)
        except NotFound as error:
            # A missing entity is a 404, too, and says nothing about the version of the server.
            if not (needs or self.needs) or not _responses.is_unknown_route(error):
                raise
            raise _responses.with_requirement(error, needs or self.needs, self._pipeline.version) from error

    async def _send_for_body(self, call: Call) -> Any:
        return (await self._send(call)).body

    async def _get_page(self, call: Call, key: str, model: type[T], start: int = 0) -> ResultPage[T]:
        return _responses.decode_page(call, await self._send_for_body(call), key, model, start)

    def _paginate(self, paginator: _pagination.Paginator[T], *, read_ahead: bool) -> AsyncGenerator[T, None]:
        return _pagination.iterate(paginator, self._pipeline.background.spawn if read_ahead else None)


class ReadOnlyResource(Namespace, Generic[E]):
    """Get, list and iterate."""

    endpoint: ClassVar[Endpoint[Any]]

    def __init__(self, pipeline: Pipeline, model: type[E] | None = None) -> None:
        super().__init__(pipeline)
        self._model: type[E] = model or self.endpoint.model

    async def get(self, id: int) -> E:
        """Return the entity with this id.

        Raises:
            NotFound: Nothing has this id.

        Mautic: REST API, Get (GET /{path}/ID).
        """
        return self._decode_one(await self._send(self._build_call("GET", Effect.READ, protocol.validate_id(id))))

    async def list(self, **query: Unpack[Query]) -> ResultPage[E]:
        """Return one page of the entities.

        Args:
            **query: All optional.

                - ``search`` (str): Mautic's search syntax, such as ``"is:published"`` or ``"ids:3,4"``.
                - ``where``: conditions of `mautic_async.where`, one or a list, such as ``where.gt("id", 10)``. They
                  replace the filters that Mautic applies by itself, among them a limited user's restriction to
                  entities of that user.
                - ``order_by`` (str) and ``order_by_dir`` (``"asc"`` or ``"desc"``): a property such as ``"dateAdded"``.
                - ``start`` (int, from 0) and ``limit`` (int, from 1): the page. Mautic's own limit is 30.
                - ``published`` (bool): only published entities.
                - ``minimal`` (bool): leave out related entities.
                - ``select`` (list of str): the properties to fill. The others keep their defaults.

        Raises:
            ConfigurationError: Mautic would ignore a parameter, or answer it with a 500.

        Mautic: REST API, List (GET /{path}).
        """
        return await self._list(query)

    def iterate(
        self, *, changed_since: datetime | None = None, read_ahead: bool = False, **query: Unpack[Query]
    ) -> EntityIterator[E]:
        """Yield every entity exactly once, also while others are added or deleted.

        One page is in memory, two with *read_ahead*. Most namespaces page by a condition on the id. Such a condition
        lifts Mautic's restriction of a limited user to entities of that user.

        Args:
            changed_since: Only entities added or changed since then, with a time zone: the `EntityIterator.watermark`
                of the run before. Deleted ones are not told; e-mails and pages come with their variants.
            read_ahead: Fetch the next page while the caller works on this one.
            **query: As for `list`, without ``start``. ``limit`` is the size of a page, 100 by default. Without
                ``order_by`` the order is by id.

        Mautic: REST API, List (GET /{path}).
        """
        return self._iterate(query, changed_since=changed_since, read_ahead=read_ahead)

    def _iterate(
        self, query: Mapping[str, Any], *, changed_since: datetime | None = None, read_ahead: bool = False
    ) -> EntityIterator[E]:
        paginator = _changes.new_paginator(self._list, query, self._model, self.endpoint, changed_since)
        return EntityIterator(self._paginate(paginator, read_ahead=read_ahead), self._pipeline.clock)

    async def _check_columns(self, query: Mapping[str, Any]) -> None:
        """Refuse a column that is nearly the name of a known one: Mautic answers an unknown column with a bare 500.

        Raises:
            ConfigurationError: A column is mistyped; the message names the right one.
        """
        kind: Any = self._model
        _columns.check(query, _columns.of_model(kind), f"{self.endpoint.path}.list")

    async def _list(self, query: Mapping[str, Any]) -> ResultPage[E]:
        await self._check_columns(query)
        parameters = _pagination.parameters(query, filters_published=self.endpoint.filters_published)
        call = Call("GET", self.endpoint.path, query=protocol.encode_query(parameters))
        return await self._get_page(call, self.endpoint.many, self._model, int(query.get("start", 0)))

    async def _find_first(self, column: str, value: str, is_match: Callable[[E], bool], **query: Any) -> E | None:
        """Return the entity with the lowest id that both the database and *is_match* take for equal, or None."""
        # The database takes more values for equal than is_match does, so the first row may be another entity.
        clauses = [where.in_or_eq(column, [value.strip()])]
        page = await self._list({"where": clauses, "order_by": "id", "limit": 5, **query})
        return next(filter(is_match, page.items), None)

    def _build_call(self, method: str, effect: Effect, *parts: str | int, **more: Any) -> Call:
        return Call(method, f"{self.endpoint.path}/{protocol.build_path(*parts)}", effect, **more)

    def _member_call(self, id: int, kind: str, member_id: int, verb: str) -> Call:
        """Return the call that adds a contact or company to an entity, or removes it; repeating it changes nothing."""
        member = protocol.validate_id(member_id)
        return self._build_call("POST", Effect.IDEMPOTENT, protocol.validate_id(id), kind, member, verb)

    def _decode_one(self, payload: Payload) -> E:
        return self._after_read(self._decode_body(payload.body), payload.status)

    def _decode_body(self, body: Any, *, id: int = 0) -> E:
        """Return the entity of a single answer; *id* stands in where a deletion has set the id to null."""
        entity = _responses.decode_entity(Call("", self.endpoint.path), body, self.endpoint.one, self._model)
        if not entity.id and id:
            entity.id = id
        return entity

    def _after_read(self, entity: E, status: int | None) -> E:
        """Add to *entity* what only the status of its answer tells."""
        del status
        return entity
