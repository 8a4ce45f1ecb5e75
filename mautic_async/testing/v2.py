"""``/api/v2`` of the Custom Objects plugin: JSON-LD, as in builds of Mautic that carry API Platform."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import custom_items, item_values, php
from mautic_async.testing.replies import ControllerError, Reply
from mautic_async.testing.resources._base import PUBLISH_BLOCK
from mautic_async.testing.resources.fields import slugify

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

PAGE: Final = 30
"""Entities of a list page."""
_TYPE: Final = "application/ld+json; charset=utf-8"
_TYPES: Final = (
    "text",
    "textarea",
    "int",
    "date",
    "datetime",
    "select",
    "multiselect",
    "radio_group",
    "checkbox_group",
    "country",
    "url",
    "email",
    "phone",
    "hidden",
)


class HydraError(ControllerError):
    """An error in Hydra's words."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)

    def to_reply(self) -> Reply:
        """Return the error as an answer."""
        body = {
            "@context": "/api/v2/contexts/Error",
            "@type": "hydra:Error",
            "hydra:title": "An error occurred",
            "hydra:description": self.message,
        }
        return Reply(body, self.status, has_version_header=False, media_type=_TYPE)


def routes(table: Router) -> None:
    """Add the three resources."""
    for resource in (Objects(), Fields(), Items()):
        resource.add_to(table)


class Resource:
    """Five or six operations on one table."""

    path: str
    type_name: str
    table: str
    permission: str
    supports_put = True

    def add_to(self, table: Router) -> None:
        """Route it."""
        base = f"/api/v2/{self.path}"
        table.add("GET", base, self._catch_errors("view", self.list))
        table.add("POST", base, self._catch_errors("create", self.create))
        table.add("GET", base + "/{id}", self._catch_errors("view", self.get))
        table.add("PATCH", base + "/{id}", self._catch_errors("edit", self.edit))
        table.add("DELETE", base + "/{id}", self._catch_errors("delete", self.delete))
        if self.supports_put:
            table.add("PUT", base + "/{id}", self._catch_errors("edit", self.edit))

    def _catch_errors(
        self, verb: str, action: Callable[[RequestContext], Awaitable[Reply]]
    ) -> Callable[[RequestContext], Awaitable[Reply]]:
        async def guarded_action(context: RequestContext) -> Reply:
            if not context.user.may(self.permission, verb):
                raise HydraError(403, "Access Denied.")
            return await action(context)

        return guarded_action

    def serialize(self, row: Row, context: RequestContext) -> dict[str, Any]:
        """Return the entity without the JSON-LD around it."""
        raise NotImplementedError

    def validate(self, row: Row | None, values: dict[str, Any], context: RequestContext) -> Row:
        """Return a row made of the values sent."""
        raise NotImplementedError

    def matches_filter(self, row: Row, context: RequestContext) -> bool:
        """Return True if a list's filter lets a row pass."""
        del row, context
        return True

    def _entity(self, row: Row, context: RequestContext, *, with_context: bool = False) -> dict[str, Any]:
        head: dict[str, Any] = {"@context": f"/api/v2/contexts/{self.type_name}"} if with_context else {}
        head |= {"@id": f"/api/v2/{self.path}/{row['id']}", "@type": self.type_name, "id": row["id"]}
        return head | self.serialize(row, context)

    def _entity_reply(self, row: Row, context: RequestContext, status: int = 200) -> Reply:
        return Reply(self._entity(row, context, with_context=True), status, has_version_header=False, media_type=_TYPE)

    def require(self, context: RequestContext) -> Row:
        """Return the row of the path."""
        row = context.table(self.table).get(context.path["id"])
        if row is None:
            raise HydraError(404, "Not Found")
        return row

    async def list(self, context: RequestContext) -> Reply:
        """Answer with a page of thirty."""
        rows = [row for row in context.table(self.table) if self.matches_filter(row, context)]
        page = max(1, php.to_int(context.query.get("page", 1)))
        base = f"/api/v2/{self.path}"
        body: dict[str, Any] = {
            "@context": f"/api/v2/contexts/{self.type_name}",
            "@id": base,
            "@type": "hydra:Collection",
            "hydra:member": [self._entity(row, context) for row in rows[(page - 1) * PAGE : page * PAGE]],
            "hydra:totalItems": len(rows),
        }
        last = -(-len(rows) // PAGE)
        if last > 1:
            view = {"@id": f"{base}?page={page}", "@type": "hydra:PartialCollectionView"}
            view |= {"hydra:first": f"{base}?page=1", "hydra:last": f"{base}?page={last}"}
            if page < last:
                view["hydra:next"] = f"{base}?page={page + 1}"
            if page > 1:
                view["hydra:previous"] = f"{base}?page={page - 1}"
            body["hydra:view"] = view
        return Reply(body, has_version_header=False, media_type=_TYPE)

    async def get(self, context: RequestContext) -> Reply:
        """One."""
        return self._entity_reply(self.require(context), context)

    async def create(self, context: RequestContext) -> Reply:
        """Create an entity: 201."""
        row = self.validate(None, _request_body(context), context)
        await context.charge_row()
        saved = context.table(self.table).save(row)
        return self._entity_reply(saved, context, 201)

    async def edit(self, context: RequestContext) -> Reply:
        """PATCH changes what is sent, PUT resets the rest."""
        row = self.require(context)
        draft = self.validate(row, _request_body(context), context)
        await context.charge_row()
        row.update(draft)
        return self._entity_reply(context.table(self.table).save(row), context)

    async def delete(self, context: RequestContext) -> Reply:
        """Gone: 204."""
        row = self.require(context)
        await context.charge_row()
        self.remove(row, context)
        return Reply(b"", 204, has_version_header=False, media_type=_TYPE)

    def remove(self, row: Row, context: RequestContext) -> None:
        """Delete it with what hangs on it."""
        context.table(self.table).remove(row["id"])


def _request_body(context: RequestContext) -> dict[str, Any]:
    if not isinstance(context.body, dict):
        raise HydraError(400, "Syntax error")
    return context.body


def _iri(value: Any, path: str, table: str, context: RequestContext) -> Row:
    match = re.fullmatch(rf"/api/v2/{path}/(\d+)", value) if isinstance(value, str) else None
    row = context.table(table).get(int(match[1])) if match else None
    if row is None:
        raise HydraError(
            400, f'Item not found for "{php.to_string(value)}".' if match else f'Invalid IRI "{php.to_string(value)}".'
        )
    return row


class Objects(Resource):
    """Custom objects; there is no PUT."""

    path: str = "custom_objects"
    type_name: str = "CustomObject"
    table: str = "custom_objects"
    permission = "custom_objects:custom_objects"
    supports_put = False

    def serialize(self, row: Row, context: RequestContext) -> dict[str, Any]:
        """Return the object with its fields."""
        fields = Fields()
        inside = [fields._entity(one, context) for one in context.table("custom_fields").where(object=row["id"])]  # noqa: SLF001 - a sister
        return {
            "alias": row["alias"],
            "nameSingular": row["nameSingular"],
            "namePlural": row["namePlural"],
            "description": row.get("description"),
            "language": row.get("language"),
            "category": None,
            "type": row.get("type", 0),
            "customFields": inside,
        }

    def validate(self, row: Row | None, values: dict[str, Any], context: RequestContext) -> Row:
        """Check that the names are there."""
        draft: Row = dict(row) if row else {"id": None, "isPublished": True, **dict.fromkeys(PUBLISH_BLOCK[1:])}
        for name in ("alias", "nameSingular", "namePlural", "description", "language"):
            if name in values:
                draft[name] = php.to_string(values[name]) or None
        for name in ("nameSingular", "namePlural"):
            if not draft.get(name):
                raise HydraError(422, f"{name}: This value should not be blank.")
        draft["alias"] = draft.get("alias") or slugify(draft["namePlural"]).replace("_", "-")
        draft["type"] = php.to_int(values.get("type", draft.get("type", 0)))
        others = (one for one in context.table(self.table) if row is None or one["id"] != row["id"])
        if any(one["alias"] == draft["alias"] for one in others):
            raise HydraError(422, "alias: This alias is already in use.")
        return draft

    def remove(self, row: Row, context: RequestContext) -> None:
        """Remove the object with its fields and items."""
        for name in ("custom_fields", "custom_items"):
            for one in list(context.table(name).where(object=row["id"])):
                context.table(name).remove(one["id"])
        super().remove(row, context)


class Fields(Resource):
    """Fields of custom objects; a list can be filtered by a part of the alias."""

    path: str = "custom_fields"
    type_name: str = "CustomField"
    table: str = "custom_fields"
    permission = "custom_objects:custom_fields"

    def matches_filter(self, row: Row, context: RequestContext) -> bool:
        """``?alias=`` finds a part."""
        return php.to_string(context.query.get("alias")).lower() in row["alias"].lower()

    def serialize(self, row: Row, context: RequestContext) -> dict[str, Any]:
        """Return a definition."""
        del context
        return {
            "label": row["label"],
            "alias": row["alias"],
            "type": row["type"],
            "customObject": f"/api/v2/custom_objects/{row['object']}",
            "order": row["order"],
            "required": row["required"],
            "defaultValue": row["default"],
            "options": [{"order": place, **one} for place, one in enumerate(row["options"])],
            "params": row.get("params") or [],
            "isPublished": row["isPublished"],
        }

    def validate(self, row: Row | None, values: dict[str, Any], context: RequestContext) -> Row:
        """Check the definition: the type never changes, and aliases are unique over all objects."""
        draft: Row = dict(row) if row else {"id": None, "unique": False, "isPublished": True, "options": [], "order": 0}
        if row is None:
            draft["object"] = _iri(values.get("customObject"), "custom_objects", "custom_objects", context)["id"]
            if values.get("type") not in _TYPES:
                raise HydraError(422, "type: This value should not be blank.")
            draft["type"] = values["type"]
        draft["label"] = php.to_string(values.get("label", draft.get("label")))
        if not draft["label"]:
            raise HydraError(422, "label: This value should not be blank.")
        requested = php.to_string(values.get("alias") or draft.get("alias")) or slugify(php.to_string(draft["label"]))
        draft["alias"] = self._alias(requested, row, context)
        draft["required"] = php.is_truthy(values.get("required", draft.get("required")))
        draft["default"] = values.get("defaultValue", draft.get("default"))
        draft["order"] = php.to_int(values.get("order", draft["order"]))
        draft["params"] = values.get("params", draft.get("params"))
        draft["isPublished"] = php.is_truthy(values.get("isPublished", draft["isPublished"]))
        if "isUniqueIdentifier" in values:
            draft["unique"] = php.is_truthy(values["isUniqueIdentifier"])
        if "options" in values:
            draft["options"] = [
                {"label": php.to_string(one.get("label")), "value": php.to_string(one.get("value"))}
                for one in php.array_values(values["options"])
            ]
        return draft

    def _alias(self, requested: str, row: Row | None, context: RequestContext) -> str:
        used = {one["alias"] for one in context.table(self.table) if row is None or one["id"] != row["id"]}
        alias, number = requested, 1
        while alias in used:
            alias, number = f"{requested}{number}", number + 1
        return alias


class Items(Resource):
    """Custom items; the same save as through contacts, so unique values upsert."""

    path: str = "custom_items"
    type_name: str = "CustomItem"
    table: str = "custom_items"
    permission = "custom_objects:custom_items"

    def serialize(self, row: Row, context: RequestContext) -> dict[str, Any]:
        """Return the item with its values by field."""
        fields = custom_items.fields_of(row["object"], context.store)
        values = [
            {
                "id": f"/api/v2/custom_fields/{field['id']}",
                "value": item_values.serialize(field, row["values"].get(alias)),
            }
            for alias, field in fields.items()
        ]
        return {
            "name": row["name"],
            "customObject": f"/api/v2/custom_objects/{row['object']}",
            "language": row["language"],
            "category": None,
            "fieldValues": values,
        }

    def validate(self, row: Row | None, values: dict[str, Any], context: RequestContext) -> Row:
        """Check the values before anything is stored."""
        if row is None:
            object = _iri(values.get("customObject"), "custom_objects", "custom_objects", context)["id"]
            draft = {"id": None, "object": object, "isPublished": True, "dateAdded": context.now, "dateModified": None}
            draft |= dict.fromkeys(PUBLISH_BLOCK[3:]) | {
                "createdBy": context.user.id,
                "createdByUser": context.user.name,
            }
            draft |= {"values": {}, "hash": None, "language": None, "category": None, "name": ""}
        else:
            draft = dict(row) | {"dateModified": context.now}
        draft["name"] = php.to_string(values.get("name", draft["name"]))
        if not draft["name"]:
            raise HydraError(422, "name: Custom Item name cannot be empty.")
        self._values(draft, row, values, context)
        return draft

    def _values(self, draft: Row, row: Row | None, request_values: dict[str, Any], context: RequestContext) -> None:
        fields = custom_items.fields_of(draft["object"], context.store)
        sent_values: dict[str, Any] = {}
        for one in php.array_values(request_values.get("fieldValues")):
            field = _iri(one.get("id") if isinstance(one, dict) else one, "custom_fields", "custom_fields", context)
            sent_values[field["alias"]] = one.get("value")
        complete = row is None or context.request.method == "PUT"
        values = {} if complete else dict(draft["values"])
        try:
            for alias, field in fields.items():
                if alias in sent_values or complete:
                    item_values.check_date(field, sent_values.get(alias), context)
                    values[alias] = item_values.parse(field, sent_values.get(alias, field["default"]), context)
                if field["required"] and values.get(alias) in (None, "", []):
                    raise HydraError(422, f"The value for field {field['label']} is required.")
        except ControllerError as why:
            raise HydraError(422, why.message) from None
        draft["values"] = values
        unique = [alias for alias, field in fields.items() if field["unique"]]
        if unique:
            draft["hash"] = custom_items.unique_hash({alias: php.to_string(values.get(alias)) for alias in unique})
            existing = context.table(self.table).find("hash", draft["hash"])
            if row is None and existing:
                draft["id"] = existing[0]["id"]

    def remove(self, row: Row, context: RequestContext) -> None:
        """Remove the item with its links."""
        for link in list(context.table("item_contacts").where(item=row["id"])):
            context.table("item_contacts").remove(link["id"])
        super().remove(row, context)
