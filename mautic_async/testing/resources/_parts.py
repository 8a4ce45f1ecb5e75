"""Parts that several nouns share: aliases, UTM tags, translations and variants, references, revisions."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import php
from mautic_async.testing.resources._base import FakeResource
from mautic_async.testing.resources._properties import (
    InvalidChoice,
    InvalidValue,
    Property,
    plain_text,
    serialize_category,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mautic_async.testing.query import Predicate
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row, Table

NAME: Final = "A name is required."
TITLE: Final = "A title is required."
VALUE: Final = "A value is required."
NO_LIST: Final = "Either no list was selected or you do not have access to one of the lists that was selected."
URL: Final = re.compile(r"(https?|ftp)://[^\s/?#.]+(\.[^\s/?#.]+)*(:\d+)?([/?#]\S*)?", re.IGNORECASE)
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


def is_batch(context: RequestContext) -> bool:
    """Return True if the request is a batch, in which a controller's own refusals before the save are ignored."""
    return "/batch/" in context.request.path


def slugify(text: Any, space: str = "-", longest: int = 0) -> str:
    """Return an alias made of a name: latin letters, digits, and *space* between words."""
    latin = unicodedata.normalize("NFKD", php.to_string(text))
    plain_ = "".join(c for c in latin if not unicodedata.combining(c)).lower().strip()
    text_out = re.sub(r"[^a-z0-9_-]", "", re.sub(r"\s+", space, plain_))
    return text_out[:longest] if longest else text_out


def unique_alias(alias: str, id: int | None, table: Iterable[Row]) -> str:
    """*alias*, with a number if another row has it."""
    used = {row.get("alias") for row in table if row["id"] != id}
    candidate, number = alias, 1
    while candidate in used:
        candidate = f"{alias}{number}"
        number += 1
    return candidate


def next_number(context: RequestContext, table: str) -> int:
    """Return a new id for a part that is stored inside the row of another entity."""
    numbers = context.table(table)
    id: int = numbers.save({"id": None})["id"]
    numbers.remove(id)
    return id


def email(value: Any, context: RequestContext) -> Any:
    """Parse an e-mail address, or a token in its place."""
    text = plain_text(value, context)
    if text is not None and not _EMAIL.fullmatch(text) and not re.fullmatch(r"\{[^}]+\}", text):
        raise InvalidValue("A valid email is required.")
    return text


def url_or(message: str) -> Callable[[Any, RequestContext], Any]:
    """Return the parser of a URL that refuses other values with *message*."""

    def parse(value: Any, context: RequestContext) -> Any:
        text = plain_text(value, context)
        if text is not None and not URL.fullmatch(text):
            raise InvalidValue(message)
        return text

    return parse


# --- UTM tags ---------------------------------------------------------------------------------------------------------

_UTM: Final = ("utmSource", "utmMedium", "utmCampaign", "utmContent")


def _empty_tags() -> dict[str, Any]:
    return dict.fromkeys(_UTM)


def _parse_tags(value: Any, context: RequestContext) -> Any:
    if not isinstance(value, (dict, list)):
        raise InvalidValue
    sent_tags = value if isinstance(value, dict) else {}
    return {name: plain_text(sent_tags[name], context) for name in _UTM if name in sent_tags}


def utm_property() -> Property:
    """``utmTags``: four texts, always all four."""
    return Property("utmTags", _parse_tags, _serialize_tags, default=_empty_tags, value_on_put=None, minimal=False)


def _serialize_tags(value: Any, context: RequestContext) -> Any:
    del context
    return _empty_tags() | (value or {})


def merge_tags(draft: Row, row: Row | None, context: RequestContext) -> None:
    """PATCH changes the tags it names; others forget those they do not."""
    stored_tags = row.get("utmTags") if row is not None and context.request.method == "PATCH" else None
    draft["utmTags"] = _empty_tags() | (stored_tags or {}) | (draft.get("utmTags") or {})


# --- references -------------------------------------------------------------------------------------------------------


def pick(row: Row, *names: str) -> dict[str, Any]:
    """Return an entity inside another one: its authors, its id, and *names*."""
    entity = {"createdByUser": row["createdByUser"], "modifiedByUser": row["modifiedByUser"], "id": row["id"]}
    return entity | {name: row.get(name) for name in names}


def serialize_forms(ids: Any, context: RequestContext) -> list[Any]:
    """Return forms inside another entity."""
    rows = (context.table("forms").get(id) for id in ids or ())
    return [
        pick(row, "name", "alias") | {"category": serialize_category(row["category"], context)} for row in rows if row
    ]


def serialize_segments(ids: Any, context: RequestContext) -> list[Any]:
    """Return segments inside another entity."""
    rows = (context.table("segments").get(id) for id in ids or ())
    names = ("name", "publicName", "alias", "description")
    return [pick(row, *names) | {"category": serialize_category(row.get("category"), context)} for row in rows if row]


def serialize_assets(ids: Any, context: RequestContext) -> list[Any]:
    """Return assets inside another entity."""
    rows = (context.table("assets").get(id) for id in ids or ())
    entities = []
    for row in rows:
        if row:
            asset = pick(row, "title", "alias")
            entities.append(
                asset | {"category": serialize_category(row["category"], context), "description": row["description"]}
            )
    return entities


def id_list_of(table: str) -> Callable[[Any, RequestContext], Any]:
    """Return the parser of a list of ids that exist; other values are no choice of the form."""

    def parse(value: Any, context: RequestContext) -> Any:
        ids = []
        for one in php.array_values(value):
            id = 0 if isinstance(one, (dict, list)) or not php.is_numeric(one) else php.to_int(one)
            if context.table(table).get(id) is None:
                raise InvalidChoice
            ids.append(id)
        return list(dict.fromkeys(ids))

    return parse


def id_of(table: str) -> Callable[[Any, RequestContext], Any]:
    """Return the parser of the id of an entity that exists; 0 is none."""

    def parse(value: Any, context: RequestContext) -> Any:
        if isinstance(value, (dict, list)) or not php.is_numeric(value):
            raise InvalidChoice
        id = php.to_int(value)
        if id and context.table(table).get(id) is None:
            raise InvalidChoice
        return id or None

    return parse


def projects() -> Property:
    """Return the property ``projects`` of Mautic 7: ids go in, names come out."""
    return Property(
        "projects", _parse_projects, _serialize_projects, default=list, value_on_put=[], minimal=False, only_in_7=True
    )


def _parse_projects(value: Any, context: RequestContext) -> Any:
    return id_list_of("projects")(value, context)


def _serialize_projects(ids: Any, context: RequestContext) -> list[dict[str, Any]]:
    rows = (context.table("projects").get(id) for id in ids or ())
    return [{"id": row["id"], "name": row["name"]} for row in rows if row]


# --- families ---------------------------------------------------------------------------------------------------------


class VariantFamily(FakeResource):
    """A noun whose entities have translations and A/B variants."""

    parents: ClassVar[tuple[str, ...]] = ("variantParent", "translationParent")
    """Which relations it has, in the order in which their inverse is looked for."""

    def children(self, row: Row, parent: str, context: RequestContext) -> list[Row]:
        """Return the rows that name this one as their *parent*.

        A deleted entity has no id any more, so the server finds those without any parent.
        """
        table: Table = self.table(context)
        if row["id"] is None:
            return [one for one in table if one.get(parent) is None and one["id"] != row.get("_was")]
        return [one for one in table if one.get(parent) == row["id"]]

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """Return the entity with its parents and children."""
        entity = super().serialize(row, context, minimal=minimal, just_created=just_created)
        if minimal:
            return entity
        last = self.parents[-1]
        for parent in self.parents:
            children = parent.replace("Parent", "Children")
            above = self.table(context).get(row[parent]) if row[parent] else None
            entity[parent] = None if above is None else self.family_member(above, context, without=children)
            below = self.children(row, parent, context) if row["id"] is not None or parent == last else []
            entity[children] = [self.family_member(child, context, without=parent) for child in below]
        return entity

    def family_member(self, row: Row, context: RequestContext, *, without: str) -> dict[str, Any]:
        """Return a member of the family inside another one; the way back is left out."""
        entity = {"createdByUser": row["createdByUser"], "modifiedByUser": row["modifiedByUser"]}
        for property_ in self.visible_properties:
            if property_.name == without:
                continue
            family = (
                property_.name.endswith("Children") and property_.name.replace("Children", "Parent") in self.parents
            )
            if property_.name in self.parents:
                entity[property_.name] = None
            else:
                entity[property_.name] = [] if family else property_.serialize(row.get(property_.name), context)
        return entity

    def deleted_view(self, row: Row) -> Row:
        """Return the entity without its id, so that its children are not found either."""
        return row | {"id": None, "_was": row["id"]}

    def delete(self, row: Row, context: RequestContext) -> None:
        """Delete the entity; its children become independent."""
        super().delete(row, context)
        for parent in self.parents:
            for one in self.table(context):
                if one.get(parent) == row["id"]:
                    one[parent] = None
                    self.table(context).save(one)


def without_parents(*parents: str) -> list[Predicate]:
    """Return the filter that hides variants or translations in a list."""
    return [lambda row, parent=parent: row.get(parent) is None for parent in parents]  # type: ignore[misc]
