"""``/api/v2`` of Mautic 7 itself: JSON-LD or plain JSON, Basic credentials only, and hardly any checks."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from mautic_async.testing import php
from mautic_async.testing.replies import Reply, UnhandledError

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

PAGE: Final = 30
"""Entities of a page; the caller cannot choose."""
_LD: Final = "application/ld+json"
_JSON: Final = "application/json"


@frozen
class Entity:
    """One kind of entity.

    Attributes:
        path: Below ``/api/v2/``.
        type_name: Name in JSON-LD.
        permission: Permission that every request needs.
        properties: Names in the order of the answer, with the values of an entity that does not mention them.
        required: Property that must be sent, and the status without it.
    """

    path: str
    type_name: str
    permission: str
    properties: dict[str, Any]
    required: tuple[str, int]

    def add_to(self, table: Router) -> None:
        """Add the routes."""
        base = f"/api/v2/{self.path}"
        table.add("GET", base, self.list)
        table.add("POST", base, self.create)
        table.add("GET", base + "/{id}", self.get)
        table.add("PATCH|PUT", base + "/{id}", self.edit)
        table.add("DELETE", base + "/{id}", self.delete)

    async def list(self, context: RequestContext) -> Reply:
        """Answer with a page of entities; plain JSON is the bare list."""
        self._check(context, "view")
        rows = [self._entity(row, context) for row in context.table(self.path)]
        number = php.to_int(context.query.get("page", 1))
        if number < 1:
            raise UnhandledError
        members = rows[(number - 1) * PAGE : number * PAGE]
        if _media_type(context) == _JSON:
            return _reply(members, context)
        base = f"/api/v2/{self.path}"
        body = {"@context": f"/api/v2/contexts/{self.type_name}", "@id": base, "@type": "Collection"}
        last = max(1, -(-len(rows) // PAGE))
        whole: dict[str, Any] = body | {"totalItems": len(rows), "member": members}
        if last > 1:
            links = {"first": 1, "last": last}
            links |= {"previous": number - 1} if number > 1 else {}
            links |= {"next": number + 1} if number < last else {}
            view = {"@id": f"{base}?page={number}", "@type": "PartialCollectionView"}
            whole["view"] = view | {name: f"{base}?page={page}" for name, page in links.items()}
        return _reply(whole, context)

    async def get(self, context: RequestContext) -> Reply:
        """Answer with one entity."""
        self._check(context, "view")
        return self._single(self._row(context), context)

    async def create(self, context: RequestContext) -> Reply:
        """Store a new entity, whether there is one of the same name or not."""
        self._check(context, "create")
        values = self._values(context)
        await context.charge_row()
        row = {"id": None, "uuid": str(uuid.UUID(int=context.state.rng.getrandbits(128), version=4))}
        saved = context.table(self.path).save(row | self.properties | values)
        return self._single(saved, context, 201)

    async def edit(self, context: RequestContext) -> Reply:
        """Store an edit: PATCH keeps what is not sent, PUT drops it."""
        self._check(context, "edit")
        row, values = self._row(context), self._values(context)
        await context.charge_row()
        if context.request.method == "PUT":
            values = self.properties | {"uuid": None} | values
        return self._single(context.table(self.path).save(row | values), context)

    async def delete(self, context: RequestContext) -> Reply:
        """Delete the entity, and answer with nothing."""
        self._check(context, "delete")
        row = self._row(context)
        await context.charge_row()
        context.table(self.path).remove(row["id"])
        return Reply(b"", 204, has_version_header=False)

    def _check(self, context: RequestContext, verb: str) -> None:
        if _media_type(context) not in (_LD, _JSON):
            raise UnhandledError(406)
        if not context.user.may(self.permission, verb):
            raise UnhandledError(403)

    def _row(self, context: RequestContext) -> Row:
        row = context.table(self.path).get(context.path["id"])
        if row is None:
            raise UnhandledError(404, "Not Found")
        return row

    def _values(self, context: RequestContext) -> dict[str, Any]:
        method, sent_type = context.request.method, context.request.headers.get("content-type", "").partition(";")[0]
        if sent_type not in (("application/merge-patch+json",) if method == "PATCH" else (_LD, _JSON)):
            raise UnhandledError(415)
        values = {name: context.body[name] for name in self.properties if name in context.body}
        name, status = self.required
        if any(isinstance(value, (list, dict)) for value in values.values() if value):
            raise UnhandledError
        if not values.get(name) and (method != "PATCH" or name in values):
            raise UnhandledError(status)
        return values

    def _entity(self, row: Row, context: RequestContext) -> dict[str, Any]:
        head: dict[str, Any] = {}
        if _media_type(context) == _LD:
            head = {"@id": f"/api/v2/{self.path}/{row['id']}", "@type": self.type_name}
        shown = {name: row.get(name) for name in ("id", *self.properties, "uuid")}
        return head | {name: value for name, value in shown.items() if value is not None}

    def _single(self, row: Row, context: RequestContext, status: int = 200) -> Reply:
        is_ld = _media_type(context) == _LD
        head = {"@context": f"/api/v2/contexts/{self.type_name}"} if is_ld else {}
        reply = _reply(head | self._entity(row, context), context, status)
        place = f"/api/v2/{self.path}/{row['id']}"
        if status == 201:
            reply.location = place
        if context.request.method != "GET":
            reply.headers.append(("Content-Location", f"{place}.jsonld"))
        return reply


def _media_type(context: RequestContext) -> str:
    accepted = context.request.headers.get("accept", "*/*").partition(",")[0].partition(";")[0].strip()
    return _LD if accepted in ("*/*", "") else accepted


def _reply(body: Any, context: RequestContext, status: int = 200) -> Reply:
    media_type = f"{_media_type(context)}; charset=utf-8"
    return Reply(body, status, has_version_header=False, media_type=media_type, headers=[("Vary", "Accept")])


ENTITIES: Final = (
    Entity("tags", "Tag", "tagManager:tagManager", {"tag": None, "description": None}, ("tag", 500)),
    Entity(
        "projects",
        "Project",
        "project:project",
        {"description": None, "name": None, "properties": []},
        ("name", 422),
    ),
)
"""What can be written through v2 without harm; all else is left to v1."""


def routes(table: Router) -> None:
    """Add the routes."""
    for entity in ENTITIES:
        entity.add_to(table)
