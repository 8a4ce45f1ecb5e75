"""``/api/v2`` of the Custom Objects plugin: JSON-LD, as in builds of Mautic that carry API Platform."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import custom_items, item_values, php
from mautic_async.testing.replies import Refused, Said
from mautic_async.testing.resources._base import BLOCK
from mautic_async.testing.resources.fields import slug

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
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


class Problem(Refused):
    """An error in Hydra's words."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)

    def said(self) -> Said:
        """As the answer."""
        body = {
            "@context": "/api/v2/contexts/Error",
            "@type": "hydra:Error",
            "hydra:title": "An error occurred",
            "hydra:description": self.message,
        }
        return Said(body, self.status, versioned=False, media_type=_TYPE)


def routes(table: Routes) -> None:
    """Add the three resources."""
    for made in (Objects(), Fields(), Items()):
        made.add_to(table)


class Resource:
    """Five or six operations on one table."""

    path: str
    kind: str
    table: str
    permission: str
    replaces = True

    def add_to(self, table: Routes) -> None:
        """Route it."""
        base = f"/api/v2/{self.path}"
        table.add("GET", base, self._guarded("view", self.list))
        table.add("POST", base, self._guarded("create", self.create))
        table.add("GET", base + "/{id}", self._guarded("view", self.get))
        table.add("PATCH", base + "/{id}", self._guarded("edit", self.edit))
        table.add("DELETE", base + "/{id}", self._guarded("delete", self.delete))
        if self.replaces:
            table.add("PUT", base + "/{id}", self._guarded("edit", self.edit))

    def _guarded(self, verb: str, action: Callable[[Ask], Awaitable[Said]]) -> Callable[[Ask], Awaitable[Said]]:
        async def guarded(ask: Ask) -> Said:
            if not ask.actor.may(self.permission, verb):
                raise Problem(403, "Access Denied.")
            return await action(ask)

        return guarded

    def show(self, row: Row, ask: Ask) -> dict[str, Any]:
        """The entity without the JSON-LD around it."""
        raise NotImplementedError

    def bind(self, row: Row | None, sent: dict[str, Any], ask: Ask) -> Row:
        """A row from what was sent."""
        raise NotImplementedError

    def kept(self, row: Row, ask: Ask) -> bool:
        """Whether a list's filter lets a row pass."""
        del row, ask
        return True

    def _entity(self, row: Row, ask: Ask, *, context: bool = False) -> dict[str, Any]:
        head: dict[str, Any] = {"@context": f"/api/v2/contexts/{self.kind}"} if context else {}
        head |= {"@id": f"/api/v2/{self.path}/{row['id']}", "@type": self.kind, "id": row["id"]}
        return head | self.show(row, ask)

    def _said(self, row: Row, ask: Ask, status: int = 200) -> Said:
        return Said(self._entity(row, ask, context=True), status, versioned=False, media_type=_TYPE)

    def found(self, ask: Ask) -> Row:
        """The row of the path."""
        row = ask.table(self.table).get(ask.path["id"])
        if row is None:
            raise Problem(404, "Not Found")
        return row

    async def list(self, ask: Ask) -> Said:
        """A page of thirty."""
        rows = [row for row in ask.table(self.table) if self.kept(row, ask)]
        page = max(1, php.integer(ask.query.get("page", 1)))
        base = f"/api/v2/{self.path}"
        body: dict[str, Any] = {
            "@context": f"/api/v2/contexts/{self.kind}",
            "@id": base,
            "@type": "hydra:Collection",
            "hydra:member": [self._entity(row, ask) for row in rows[(page - 1) * PAGE : page * PAGE]],
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
        return Said(body, versioned=False, media_type=_TYPE)

    async def get(self, ask: Ask) -> Said:
        """One."""
        return self._said(self.found(ask), ask)

    async def create(self, ask: Ask) -> Said:
        """A new one: 201."""
        row = self.bind(None, _sent(ask), ask)
        await ask.row()
        saved = ask.table(self.table).save(row)
        return self._said(saved, ask, 201)

    async def edit(self, ask: Ask) -> Said:
        """PATCH changes what is sent, PUT resets the rest."""
        row = self.found(ask)
        draft = self.bind(row, _sent(ask), ask)
        await ask.row()
        row.update(draft)
        return self._said(ask.table(self.table).save(row), ask)

    async def delete(self, ask: Ask) -> Said:
        """Gone: 204."""
        row = self.found(ask)
        await ask.row()
        self.remove(row, ask)
        return Said(b"", 204, versioned=False, media_type=_TYPE)

    def remove(self, row: Row, ask: Ask) -> None:
        """Delete it with what hangs on it."""
        ask.table(self.table).remove(row["id"])


def _sent(ask: Ask) -> dict[str, Any]:
    if not isinstance(ask.body, dict):
        raise Problem(400, "Syntax error")
    return ask.body


def _iri(value: Any, path: str, table: str, ask: Ask) -> Row:
    match = re.fullmatch(rf"/api/v2/{path}/(\d+)", value) if isinstance(value, str) else None
    row = ask.table(table).get(int(match[1])) if match else None
    if row is None:
        raise Problem(400, f'Item not found for "{php.text(value)}".' if match else f'Invalid IRI "{php.text(value)}".')
    return row


class Objects(Resource):
    """Custom objects; there is no PUT."""

    path, kind, table = "custom_objects", "CustomObject", "custom_objects"
    permission = "custom_objects:custom_objects"
    replaces = False

    def show(self, row: Row, ask: Ask) -> dict[str, Any]:
        """With its fields inside."""
        fields = Fields()
        inside = [fields._entity(one, ask) for one in ask.table("custom_fields").where(object=row["id"])]  # noqa: SLF001 - a sister
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

    def bind(self, row: Row | None, sent: dict[str, Any], ask: Ask) -> Row:
        """Names are needed."""
        draft: Row = dict(row) if row else {"id": None, "isPublished": True, **dict.fromkeys(BLOCK[1:])}
        for name in ("alias", "nameSingular", "namePlural", "description", "language"):
            if name in sent:
                draft[name] = php.text(sent[name]) or None
        for name in ("nameSingular", "namePlural"):
            if not draft.get(name):
                raise Problem(422, f"{name}: This value should not be blank.")
        draft["alias"] = draft.get("alias") or slug(draft["namePlural"]).replace("_", "-")
        draft["type"] = php.integer(sent.get("type", draft.get("type", 0)))
        others = (one for one in ask.table(self.table) if row is None or one["id"] != row["id"])
        if any(one["alias"] == draft["alias"] for one in others):
            raise Problem(422, "alias: This alias is already in use.")
        return draft

    def remove(self, row: Row, ask: Ask) -> None:
        """With its fields and items."""
        for name in ("custom_fields", "custom_items"):
            for one in list(ask.table(name).where(object=row["id"])):
                ask.table(name).remove(one["id"])
        super().remove(row, ask)


class Fields(Resource):
    """Fields of custom objects; a list can be filtered by a part of the alias."""

    path, kind, table = "custom_fields", "CustomField", "custom_fields"
    permission = "custom_objects:custom_fields"

    def kept(self, row: Row, ask: Ask) -> bool:
        """``?alias=`` finds a part."""
        return php.text(ask.query.get("alias")).lower() in row["alias"].lower()

    def show(self, row: Row, ask: Ask) -> dict[str, Any]:
        """A definition."""
        del ask
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

    def bind(self, row: Row | None, sent: dict[str, Any], ask: Ask) -> Row:
        """The type is for ever; aliases are unique over all objects."""
        draft: Row = dict(row) if row else {"id": None, "unique": False, "isPublished": True, "options": [], "order": 0}
        if row is None:
            draft["object"] = _iri(sent.get("customObject"), "custom_objects", "custom_objects", ask)["id"]
            if sent.get("type") not in _TYPES:
                raise Problem(422, "type: This value should not be blank.")
            draft["type"] = sent["type"]
        draft["label"] = php.text(sent.get("label", draft.get("label")))
        if not draft["label"]:
            raise Problem(422, "label: This value should not be blank.")
        wanted = php.text(sent.get("alias") or draft.get("alias")) or slug(php.text(draft["label"]))
        draft["alias"] = self._alias(wanted, row, ask)
        draft["required"] = php.truthy(sent.get("required", draft.get("required")))
        draft["default"] = sent.get("defaultValue", draft.get("default"))
        draft["order"] = php.integer(sent.get("order", draft["order"]))
        draft["params"] = sent.get("params", draft.get("params"))
        draft["isPublished"] = php.truthy(sent.get("isPublished", draft["isPublished"]))
        if "isUniqueIdentifier" in sent:
            draft["unique"] = php.truthy(sent["isUniqueIdentifier"])
        if "options" in sent:
            draft["options"] = [
                {"label": php.text(one.get("label")), "value": php.text(one.get("value"))}
                for one in php.values(sent["options"])
            ]
        return draft

    def _alias(self, wanted: str, row: Row | None, ask: Ask) -> str:
        taken = {one["alias"] for one in ask.table(self.table) if row is None or one["id"] != row["id"]}
        made, number = wanted, 1
        while made in taken:
            made, number = f"{wanted}{number}", number + 1
        return made


class Items(Resource):
    """Custom items; the same save as through contacts, so unique values upsert."""

    path, kind, table = "custom_items", "CustomItem", "custom_items"
    permission = "custom_objects:custom_items"

    def show(self, row: Row, ask: Ask) -> dict[str, Any]:
        """With its values, by field."""
        known = custom_items.fields_of(row["object"], ask.store)
        values = [
            {"id": f"/api/v2/custom_fields/{field['id']}", "value": item_values.show(field, row["values"].get(alias))}
            for alias, field in known.items()
        ]
        return {
            "name": row["name"],
            "customObject": f"/api/v2/custom_objects/{row['object']}",
            "language": row["language"],
            "category": None,
            "fieldValues": values,
        }

    def bind(self, row: Row | None, sent: dict[str, Any], ask: Ask) -> Row:
        """Values are checked before anything is stored, here."""
        if row is None:
            object = _iri(sent.get("customObject"), "custom_objects", "custom_objects", ask)["id"]
            draft = {"id": None, "object": object, "isPublished": True, "dateAdded": ask.now, "dateModified": None}
            draft |= dict.fromkeys(BLOCK[3:]) | {"createdBy": ask.actor.id, "createdByUser": ask.actor.name}
            draft |= {"values": {}, "hash": None, "language": None, "category": None, "name": ""}
        else:
            draft = dict(row) | {"dateModified": ask.now}
        draft["name"] = php.text(sent.get("name", draft["name"]))
        if not draft["name"]:
            raise Problem(422, "name: Custom Item name cannot be empty.")
        self._values(draft, row, sent, ask)
        return draft

    def _values(self, draft: Row, row: Row | None, sent: dict[str, Any], ask: Ask) -> None:
        known = custom_items.fields_of(draft["object"], ask.store)
        given: dict[str, Any] = {}
        for one in php.values(sent.get("fieldValues")):
            field = _iri(one.get("id") if isinstance(one, dict) else one, "custom_fields", "custom_fields", ask)
            given[field["alias"]] = one.get("value")
        whole = row is None or ask.request.method == "PUT"
        values = {} if whole else dict(draft["values"])
        try:
            for alias, field in known.items():
                if alias in given or whole:
                    item_values.check_date(field, given.get(alias), ask)
                    values[alias] = item_values.take(field, given.get(alias, field["default"]), ask)
                if field["required"] and values.get(alias) in (None, "", []):
                    raise Problem(422, f"The value for field {field['label']} is required.")
        except Refused as why:
            raise Problem(422, why.message) from None
        draft["values"] = values
        unique = [alias for alias, field in known.items() if field["unique"]]
        if unique:
            draft["hash"] = custom_items.hashed({alias: php.text(values.get(alias)) for alias in unique})
            held = ask.table(self.table).find("hash", draft["hash"])
            if row is None and held:
                draft["id"] = held[0]["id"]

    def remove(self, row: Row, ask: Ask) -> None:
        """With its links."""
        for link in list(ask.table("item_contacts").where(item=row["id"])):
            ask.table("item_contacts").remove(link["id"])
        super().remove(row, ask)
