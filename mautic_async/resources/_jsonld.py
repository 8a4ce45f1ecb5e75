"""What the namespaces below ``/api/v2`` share: JSON-LD, pages by number, entities by address.

Nothing says beforehand whether a server has them, so the first call is the probe: `available` asks, and every other
call fails with the reason. None of it was tried on a live server.

Mautic: Custom Objects plugin, API v2; API Platform.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar, Generic, TypeVar

from mautic_async import codec, protocol
from mautic_async.errors import ConfigurationError, NotFound, PermissionDenied
from mautic_async.models import CustomField, CustomItem, CustomObject
from mautic_async.protocol import Call, Effect
from mautic_async.resources import _responses
from mautic_async.resources._base import Namespace
from mautic_async.resources._endpoint import ResultPage

V = TypeVar("V", CustomObject, CustomField, CustomItem)


class JsonLdResource(Namespace, Generic[V]):
    """The verbs of ``/api/v2``: `edit` is PATCH; None clears a property, UNSET ones are not sent."""

    needs: ClassVar[str] = (
        "the plugin Custom Objects (acquia/mc-cs-plugin-custom-objects) in a version with its API, and API Platform:"
        " Mautic 7 or newer, or Acquia's own build"
    )
    path: ClassVar[str]
    model: ClassVar[type[Any]]

    async def available(self) -> bool:
        """Whether this server has the namespace at all.

        Mautic: Custom Objects plugin, API v2 (GET /v2/{path}).
        """
        try:
            await self._send(Call("GET", self.path, query=(("page", "1"),), jsonld=True))
        except PermissionDenied:
            return True
        except NotFound:
            return False
        return True

    async def get(self, id: int) -> V:
        """The entity with this id.

        Raises:
            NotFound: Nothing has this id, or the server has no such namespace; the message tells.

        Mautic: Custom Objects plugin, API v2 (GET /v2/{path}/ID).
        """
        return self._decode(await self._request("GET", Effect.READ, id))

    async def list(self, *, page: int = 1, **filters: str | int) -> ResultPage[V]:
        """One page; the server decides how many there are on it, usually 30.

        Args:
            page: From 1.
            **filters: Such as ``alias`` for fields, which finds parts of it.

        Raises:
            NotFound: The server has no such namespace; the message tells what it lacks.

        Mautic: Custom Objects plugin, API v2 (GET /v2/{path}).
        """
        return (await self._list(page, filters))[0]

    async def iterate(self, **filters: str | int) -> AsyncIterator[V]:
        """Every entity, page by page, none twice; one may be missed if others are deleted meanwhile.

        Raises:
            NotFound: The server has no such namespace; the message tells what it lacks.

        Mautic: Custom Objects plugin, API v2 (GET /v2/{path}).
        """
        seen: set[int] = set()
        page = 1
        while True:
            found, more = await self._list(page, filters)
            fresh = [item for item in found.items if item.id not in seen]
            seen.update(item.id for item in fresh)
            for item in fresh:
                yield item
            if not more or not fresh:
                return
            page += 1

    async def create(self, entity: V) -> V:
        """Store a new entity.

        Raises:
            ConfigurationError: It names nothing.
            Rejected: Mautic refused a value.
            OutcomeUnknown: It may have been stored; look before sending it again.

        Mautic: Custom Objects plugin, API v2 (POST /v2/{path}).
        """
        call = Call("POST", self.path, Effect.NON_IDEMPOTENT, body=self._encode(entity), jsonld=True)
        return self._decode((call, (await self._send(call)).body))

    async def edit(self, id: int, changes: V) -> V:
        """Change the properties that *changes* names.

        Raises:
            NotFound: Nothing has this id, or the server has no such namespace.
            Rejected: Mautic refused a value.

        Mautic: Custom Objects plugin, API v2 (PATCH /v2/{path}/ID).
        """
        return self._decode(await self._request("PATCH", Effect.IDEMPOTENT, id, self._encode(changes)))

    async def delete(self, id: int) -> None:
        """Delete the entity.

        Raises:
            NotFound: Nothing has this id, or the server has no such namespace.

        Mautic: Custom Objects plugin, API v2 (DELETE /v2/{path}/ID).
        """
        await self._request("DELETE", Effect.IDEMPOTENT, id)

    async def _request(self, method: str, effect: Effect, id: int, body: Any = None) -> tuple[Call, Any]:
        call = Call(method, f"{self.path}/{protocol.validate_id(id)}", effect, body=body, jsonld=True)
        return call, (await self._send(call)).body

    async def _list(self, page: int, filters: Mapping[str, str | int]) -> tuple[ResultPage[V], bool]:
        """One page, and whether there is another."""
        if isinstance(page, bool) or not isinstance(page, int) or page < 1:
            raise ConfigurationError(f"page must be an integer of at least 1, not {page!r}")
        call = Call("GET", self.path, query=protocol.encode_query({**filters, "page": page}), jsonld=True)
        body = _responses.expect_mapping(call, await self._send_for_body(call))
        members = _hydra(body, "member")
        if members is None:
            raise _responses.unexpected_response(call, "without 'member'")
        items = [self._decode((call, raw)) for raw in _responses.expect_rows(call, members)]
        view = _hydra(body, "view")
        more = bool(_hydra(view, "next")) if isinstance(view, Mapping) else bool(items)
        count = _hydra(body, "totalItems")
        return ResultPage(items=items, total=count if isinstance(count, int) else len(items)), more

    def _decode(self, response: tuple[Call, Any]) -> V:
        call, body = response
        entity: V = codec.decode(self.model, _responses.expect_mapping(call, body))
        if not entity.id and entity.iri:
            tail = entity.iri.rpartition("/")[2]
            entity.id = int(tail) if tail.isdecimal() else 0
        return entity

    def _encode(self, entity: V) -> dict[str, Any]:
        body = codec.encode(entity)
        if not body:
            raise ConfigurationError(f"{self.path}: the {type(entity).__name__} names nothing")
        return body


class ReplaceableJsonLd(JsonLdResource[V]):
    """With PUT, which the plugin has for fields and items."""

    async def replace(self, id: int, entity: V) -> V:
        """Replace the entity: what *entity* does not name goes back to its default.

        Raises:
            NotFound: Nothing has this id, or the server has no such namespace.
            Rejected: Mautic refused a value.

        Mautic: Custom Objects plugin, API v2 (PUT /v2/{path}/ID).
        """
        return self._decode(await self._request("PUT", Effect.IDEMPOTENT, id, self._encode(entity)))


def _hydra(body: Mapping[str, Any], name: str) -> Any:
    """A property under its new name or its old one, with ``hydra:`` before it."""
    return body.get(name, body.get(f"hydra:{name}"))
