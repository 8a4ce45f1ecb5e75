"""What several nouns have in common: aliases, UTM tags, translations and variants, references, revisions."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import php
from mautic_async.testing.resources._base import Noun
from mautic_async.testing.resources._properties import Invalid, Prop, plain, show_category

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mautic_async.testing.query import Test
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.store import Row, Table

NAME: Final = "A name is required."
TITLE: Final = "A title is required."
VALUE: Final = "A value is required."
URL: Final = re.compile(r"(https?|ftp)://[^\s/?#.]+(\.[^\s/?#.]+)*(:\d+)?([/?#]\S*)?", re.IGNORECASE)
_MAIL: Final = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


def batch(ask: Ask) -> bool:
    """Whether the request is a batch: there a controller's own refusals before the save go unheard."""
    return "/batch/" in ask.request.path


def slug(text: Any, space: str = "-", longest: int = 0) -> str:
    """An alias made of a name: latin letters, digits, and *space* for what separates words."""
    latin = unicodedata.normalize("NFKD", php.text(text))
    plain_ = "".join(c for c in latin if not unicodedata.combining(c)).lower().strip()
    made = re.sub(r"[^a-z0-9_-]", "", re.sub(r"\s+", space, plain_))
    return made[:longest] if longest else made


def unique(alias: str, id: int | None, table: Iterable[Row]) -> str:
    """*alias*, with a number if another row has it."""
    taken = {row.get("alias") for row in table if row["id"] != id}
    made, number = alias, 1
    while made in taken:
        made = f"{alias}{number}"
        number += 1
    return made


def number(ask: Ask, table: str) -> int:
    """An id for something that lives inside the row of something else."""
    numbers = ask.table(table)
    id: int = numbers.save({"id": None})["id"]
    numbers.remove(id)
    return id


def mail(value: Any, ask: Ask) -> Any:
    """An e-mail address, or a token in its place."""
    text = plain(value, ask)
    if text is not None and not _MAIL.fullmatch(text) and not re.fullmatch(r"\{[^}]+\}", text):
        raise Invalid("A valid email is required.")
    return text


def address(message: str) -> Callable[[Any, Ask], Any]:
    """A URL, or *message*."""

    def take(value: Any, ask: Ask) -> Any:
        text = plain(value, ask)
        if text is not None and not URL.fullmatch(text):
            raise Invalid(message)
        return text

    return take


# --- UTM tags ---------------------------------------------------------------------------------------------------------

_UTM: Final = ("utmSource", "utmMedium", "utmCampaign", "utmContent")


def _no_tags() -> dict[str, Any]:
    return dict.fromkeys(_UTM)


def _take_tags(value: Any, ask: Ask) -> Any:
    if not isinstance(value, (dict, list)):
        raise Invalid
    given = value if isinstance(value, dict) else {}
    return {name: plain(given[name], ask) for name in _UTM if name in given}


def utm() -> Prop:
    """``utmTags``: four texts, always all four."""
    return Prop("utmTags", _take_tags, _show_tags, default=_no_tags, blank=None, minimal=False)


def _show_tags(value: Any, ask: Ask) -> Any:
    del ask
    return _no_tags() | (value or {})


def merge_tags(draft: Row, row: Row | None, ask: Ask) -> None:
    """PATCH changes the tags it names; others forget those they do not."""
    held = row.get("utmTags") if row is not None and ask.request.method == "PATCH" else None
    draft["utmTags"] = _no_tags() | (held or {}) | (draft.get("utmTags") or {})


# --- references -------------------------------------------------------------------------------------------------------


def named(row: Row, *names: str) -> dict[str, Any]:
    """An entity inside another one: who wrote it, its id, and *names*."""
    shown = {"createdByUser": row["createdByUser"], "modifiedByUser": row["modifiedByUser"], "id": row["id"]}
    return shown | {name: row.get(name) for name in names}


def show_forms(ids: Any, ask: Ask) -> list[Any]:
    """Forms inside another entity."""
    rows = (ask.table("forms").get(id) for id in ids or ())
    return [named(row, "name", "alias") | {"category": show_category(row["category"], ask)} for row in rows if row]


def show_segments(ids: Any, ask: Ask) -> list[Any]:
    """Segments inside another entity."""
    rows = (ask.table("segments").get(id) for id in ids or ())
    names = ("name", "publicName", "alias", "description")
    return [named(row, *names) | {"category": show_category(row.get("category"), ask)} for row in rows if row]


def show_assets(ids: Any, ask: Ask) -> list[Any]:
    """Assets inside another entity."""
    rows = (ask.table("assets").get(id) for id in ids or ())
    shown = []
    for row in rows:
        if row:
            one = named(row, "title", "alias")
            shown.append(one | {"category": show_category(row["category"], ask), "description": row["description"]})
    return shown


def references(table: str) -> Callable[[Any, Ask], Any]:
    """A list of ids that exist; anything else is no choice of the form."""

    def take(value: Any, ask: Ask) -> Any:
        ids = []
        for one in php.values(value):
            id = 0 if isinstance(one, (dict, list)) or not php.numeric(one) else php.integer(one)
            if ask.table(table).get(id) is None:
                raise Invalid
            ids.append(id)
        return list(dict.fromkeys(ids))

    return take


def reference(table: str) -> Callable[[Any, Ask], Any]:
    """The id of an entity that exists; 0 is none."""

    def take(value: Any, ask: Ask) -> Any:
        if isinstance(value, (dict, list)) or not php.numeric(value):
            raise Invalid
        id = php.integer(value)
        if id and ask.table(table).get(id) is None:
            raise Invalid
        return id or None

    return take


# --- families ---------------------------------------------------------------------------------------------------------


class Family(Noun):
    """A noun whose entities have translations and A/B variants."""

    parents: ClassVar[tuple[str, ...]] = ("variantParent", "translationParent")
    """Which relations it has, in the order in which their inverse is looked for."""

    def children(self, row: Row, parent: str, ask: Ask) -> list[Row]:
        """The rows that name this one as their *parent*.

        A deleted entity has no id any more, so the server finds those without any parent.
        """
        table: Table = self.table(ask)
        if row["id"] is None:
            return [one for one in table if one.get(parent) is None and one["id"] != row.get("_was")]
        return [one for one in table if one.get(parent) == row["id"]]

    def show(self, row: Row, ask: Ask, *, minimal: bool = False, fresh: bool = False) -> Any:
        """With parents and children."""
        shown = super().show(row, ask, minimal=minimal, fresh=fresh)
        if minimal:
            return shown
        last = self.parents[-1]
        for parent in self.parents:
            children = parent.replace("Parent", "Children")
            above = self.table(ask).get(row[parent]) if row[parent] else None
            shown[parent] = None if above is None else self.relative(above, ask, without=children)
            below = self.children(row, parent, ask) if row["id"] is not None or parent == last else []
            shown[children] = [self.relative(one, ask, without=parent) for one in below]
        return shown

    def relative(self, row: Row, ask: Ask, *, without: str) -> dict[str, Any]:
        """A member of the family inside another one; the way back is left out."""
        shown = {"createdByUser": row["createdByUser"], "modifiedByUser": row["modifiedByUser"]}
        for prop in self.shown:
            if prop.name == without:
                continue
            family = prop.name.endswith("Children") and prop.name.replace("Children", "Parent") in self.parents
            if prop.name in self.parents:
                shown[prop.name] = None
            else:
                shown[prop.name] = [] if family else prop.show(row.get(prop.name), ask)
        return shown

    def gone(self, row: Row) -> Row:
        """Without its id, which its children are then looked for by."""
        return row | {"id": None, "_was": row["id"]}

    def delete(self, row: Row, ask: Ask) -> None:
        """Its children become independent."""
        super().delete(row, ask)
        for parent in self.parents:
            for one in self.table(ask):
                if one.get(parent) == row["id"]:
                    one[parent] = None
                    self.table(ask).save(one)


def alone(*parents: str) -> list[Test]:
    """What hides variants or translations in a list."""
    return [lambda row, parent=parent: row.get(parent) is None for parent in parents]  # type: ignore[misc]
