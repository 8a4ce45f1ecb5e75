"""Namespaces below ``/api/v2``: JSON-LD, pages by number, references by IRI.

Nothing tells beforehand whether a server has such a namespace, so the first call is the probe: `available` asks, and
every other call fails with the reason. Mautic 7.0 takes no OAuth2 token there, only Basic authentication.

The verbs were tried on Mautic 7.0.2 for projects, and on API Platform 2.6 with the plugin for custom objects. Contacts,
companies, tags and fields are never written here: Mautic 7.0.2 stores them without any of its checks, and breaks its
own database.

Mautic: API Platform; Custom Objects plugin, API v2.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from mautic_async import codec, protocol
from mautic_async.errors import AuthenticationError, ConfigurationError, NotFound, PermissionDenied
from mautic_async.models import CustomField, CustomItem, CustomObject, Project
from mautic_async.protocol import Call, Effect
from mautic_async.resources import _kept, _responses
from mautic_async.resources._endpoint import ResultPage
from mautic_async.resources._read_only import Namespace

if TYPE_CHECKING:
    from mautic_async.protocol import Payload

V = TypeVar("V", CustomObject, CustomField, CustomItem, Project)


class JsonLdResource(Namespace, Generic[V]):
    """The verbs of ``/api/v2``: `edit` is PATCH; None clears a property, UNSET ones are not sent.

    Attributes:
        path: Below ``/api/``.
        model: Class of the entities.
    """

    needs: ClassVar[str] = (
        "the plugin Custom Objects (acquia/mc-cs-plugin-custom-objects) in a version with its API, and API Platform:"
        " Mautic 7 or newer, or Acquia's own build"
    )
    path: ClassVar[str]
    model: ClassVar[type[Any]]

    async def available(self) -> bool:
        """Return True if this server has the namespace and takes this client's credentials there.

        Mautic 7.0 refuses every OAuth2 token below ``/api/v2``. Use `BasicAuth` for these namespaces.

        Mautic: API v2 (GET /v2/{path}).
        """
        try:
            await self._send(Call("GET", self.path, query=(("page", "1"),), jsonld=True))
        except PermissionDenied:
            # The namespace exists, though this user may not read it.
            return True
        except NotFound:
            return False
        except AuthenticationError as error:
            # Mautic 7.0 refuses every token here. Any other refusal is about the credentials themselves.
            if any(problem.type == protocol.NO_TOKENS for problem in error.problems):
                return False
            raise
        return True

    async def get(self, id: int) -> V:
        """Return the entity with this id.

        Raises:
            NotFound: Nothing has this id, or the server has no such namespace; the message tells.
            AuthenticationError: This Mautic takes no OAuth2 token here.

        Mautic: API v2 (GET /v2/{path}/ID).
        """
        return self._decode(await self._request("GET", Effect.READ, id))

    async def list(self, *, page: int = 1, **filters: str | int) -> ResultPage[V]:
        """Return one page; the server decides how many entities are on it, usually 30.

        Args:
            page: From 1.
            **filters: Such as ``alias`` for custom fields, which finds parts of it. Mautic 7.0.2 ignores all of them.

        Raises:
            NotFound: The server has no such namespace; the message tells what it lacks.
            AuthenticationError: This Mautic takes no OAuth2 token here.

        Mautic: API v2 (GET /v2/{path}).
        """
        return (await self._list(page, filters))[0]

    async def iterate(self, **filters: str | int) -> AsyncIterator[V]:
        """Yield every entity, page by page, none twice; one may be missed if others are deleted meanwhile.

        Raises:
            NotFound: The server has no such namespace; the message tells what it lacks.
            AuthenticationError: This Mautic takes no OAuth2 token here.

        Mautic: API v2 (GET /v2/{path}).
        """
        seen: set[int] = set()
        page = 1
        while True:
            found, more = await self._list(page, filters)
            # Pages go by number and shift while entities are added, so an item may come twice.
            fresh = [item for item in found.items if item.id not in seen]
            seen.update(item.id for item in fresh)
            for item in fresh:
                yield item
            # A server that ignores the page number shows nothing new, and would do so for ever.
            if not more or not fresh:
                return
            page += 1

    async def create(self, entity: V) -> V:
        """Store a new entity.

        Raises:
            ConfigurationError: It names nothing; nothing was sent.
            Rejected: Mautic refused a value; Mautic 7.0.2 does not say which.
            ValueNotKept: It is stored without the values that the error names.
            OutcomeUnknown: It may have been stored; look before sending it again.

        Mautic: API v2 (POST /v2/{path}).
        """
        call = Call("POST", self.path, Effect.NON_IDEMPOTENT, body=self._encode(entity), jsonld=True)
        return self._decode_written((call, await self._send(call)))

    async def edit(self, id: int, changes: V) -> V:
        """Change the properties that *changes* names; of an entity that was read, those that were changed since.

        Raises:
            ConfigurationError: It names nothing; nothing was sent.
            NotFound: Nothing has this id, or the server has no such namespace.
            Rejected: Mautic refused a value.
            ValueNotKept: The edit was made without the values that the error names.

        Mautic: API v2 (PATCH /v2/{path}/ID).
        """
        # Read and not changed since: there is nothing to write.
        if changes.id == id and codec.as_read(changes) is not None and not codec.encode_changes(changes):
            return await self.get(id)
        body = self._encode(changes, only_changes=changes.id == id)
        return self._decode_written(await self._request("PATCH", Effect.IDEMPOTENT, id, body))

    async def delete(self, id: int) -> None:
        """Delete the entity.

        Raises:
            NotFound: Nothing has this id, or the server has no such namespace.

        Mautic: API v2 (DELETE /v2/{path}/ID).
        """
        await self._request("DELETE", Effect.IDEMPOTENT, id)

    async def _request(self, method: str, effect: Effect, id: int, body: Any = None) -> tuple[Call, Payload]:
        call = Call(method, f"{self.path}/{protocol.validate_id(id)}", effect, body=body, jsonld=True)
        return call, await self._send(call)

    async def _list(self, page: int, filters: Mapping[str, str | int]) -> tuple[ResultPage[V], bool]:
        """Return one page, and whether there is another."""
        if isinstance(page, bool) or not isinstance(page, int) or page < 1:
            raise ConfigurationError(f"page must be an integer of at least 1, not {page!r}")
        call = Call("GET", self.path, query=protocol.encode_query({**filters, "page": page}), jsonld=True)
        body = _responses.expect_mapping(call, await self._send_for_body(call))
        members = _hydra(body, "member")
        if members is None:
            raise _responses.unexpected_response(call, "without 'member'")
        items = [self._decode_raw(raw) for raw in _responses.expect_rows(call, members)]
        view = _hydra(body, "view")
        # An answer without links does not tell its last page: ask on until a page is empty.
        more = bool(_hydra(view, "next")) if isinstance(view, Mapping) else bool(items)
        count = _hydra(body, "totalItems")
        return ResultPage(items=items, total=count if isinstance(count, int) else len(items)), more

    def _decode(self, answer: tuple[Call, Payload]) -> V:
        call, payload = answer
        return self._decode_raw(_responses.expect_mapping(call, payload.body))

    def _decode_written(self, answer: tuple[Call, Payload]) -> V:
        call, stored = answer[0], self._decode(answer)
        if isinstance(call.body, Mapping):
            _kept.raise_for(_kept.values_not_kept(call.body, codec.encode(stored)), call, stored)
        return stored

    def _decode_raw(self, raw: Mapping[str, Any]) -> V:
        entity: V = codec.decode(self.model, raw)
        # Some entities show their id only as the end of their IRI.
        iri = raw.get("@id")
        if not entity.id and isinstance(iri, str):
            tail = iri.rpartition("/")[2]
            entity.id = int(tail) if tail.isdecimal() else 0
        return entity

    def _encode(self, entity: V, *, only_changes: bool = False) -> dict[str, Any]:
        # An entity that was read under another id is written whole.
        body = codec.encode_changes(entity) if only_changes else codec.encode(entity)
        if not body:
            raise ConfigurationError(f"{self.path}: the {type(entity).__name__} names nothing")
        return body


class ReplaceableJsonLd(JsonLdResource[V]):
    """A namespace with PUT, too."""

    async def replace(self, id: int, entity: V) -> V:
        """Replace the entity: what *entity* does not name goes back to its default.

        Raises:
            ConfigurationError: It names nothing; nothing was sent.
            NotFound: Nothing has this id, or the server has no such namespace.
            Rejected: Mautic refused a value.
            ValueNotKept: It is stored without the values that the error names.

        Mautic: API v2 (PUT /v2/{path}/ID).
        """
        return self._decode_written(await self._request("PUT", Effect.IDEMPOTENT, id, self._encode(entity)))


def _hydra(body: Mapping[str, Any], name: str) -> Any:
    """Return a property under its new name, or its old one with ``hydra:`` before it."""
    return body.get(name, body.get(f"hydra:{name}"))
