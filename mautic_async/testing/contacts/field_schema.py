"""Custom fields as contacts and companies use them: definitions, casts, and what a form refuses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import available_timezones

from mautic_async.testing import php
from mautic_async.testing.contacts.countries import COUNTRIES
from mautic_async.testing.resources._properties import Invalid

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.store import Row, Store

LONGEST: Final = 191
"""Characters of a text field."""
_DROPPED: Final = re.compile(r"[^A-Za-z0-9!#$%&'*+\-=?^_`{|}~@.\[\]]")
_EMAIL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+@[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+[A-Za-z0-9-]{2,}")
_LOCALE: Final = re.compile(r"[a-z]{2,3}(_[A-Za-z]{2,4}){0,2}")
_FIRST: Final = [
    "points",
    "last_active",
    "title",
    "firstname",
    "lastname",
    "company",
    "position",
    "email",
    "phone",
    "mobile",
    "address1",
    "address2",
    "city",
    "state",
    "zipcode",
    "timezone",
    "country",
    "fax",
    "preferred_locale",
    "attribution_date",
    "attribution",
    "website",
]


def clean_email(value: Any) -> str:
    """An e-mail address without the characters that the server drops, silently."""
    return _DROPPED.sub("", php.clean(php.text(value)))


class Schema:
    """The published fields of one kind of entity, with what is needed to show them quickly.

    Attributes:
        fields: Rows in the order of their ``order``.
        columns: The same in the order of the table's columns.
        by_alias: Row by alias.
        unique: Aliases of the unique identifiers.
        defaulted: Rows of the fields with a default value.
    """

    def __init__(self, store: Store, object: str) -> None:
        found = [row for row in store["fields"] if row["object"] == object and row["isPublished"]]
        self.fields = sorted(found, key=lambda row: (row["order"], row["id"]))
        places = {alias: place for place, alias in enumerate(_FIRST)}
        self.columns = sorted(found, key=lambda row: (places.get(row["alias"], 99), row["id"]))
        self.by_alias = {row["alias"]: row for row in self.fields}
        self.unique = [row["alias"] for row in self.fields if row["isUniqueIdentifier"]]
        self.defaulted = [row for row in self.fields if row["defaultValue"] not in (None, "")]
        self.fresh = {row["alias"]: _fresh(row) for row in self.fields}
        self.loaded = {row["alias"]: _loaded(row) for row in self.fields}
        self.aliases = [row["alias"] for row in self.fields]
        self._empty: dict[tuple[bool, bool], tuple[dict[str, Any], dict[str, Any]]] = {}
        self.text_only = {row["alias"] for row in self.fields if row["type"] in _TEXTS}

    def empty(
        self, groups: tuple[str, ...], *, fresh: bool, listed: bool
    ) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
        """The fields of a contact without any value, by group, and all together; to be copied, not changed.

        Args:
            groups: Those that are there even without a field.
            fresh: Whether the contact has just been created.
            listed: Whether the fields come in the order of the columns.
        """
        known = self._empty.get((fresh, listed))
        if known is None:
            made: dict[str, dict[str, Any]] = {group: {} for group in groups}
            for field in self.columns if listed else self.fields:
                alias = field["alias"]
                definition = (self.fresh if fresh else self.loaded)[alias]
                made.setdefault(field["group"], {})[alias] = {**definition, "value": None, "normalizedValue": ""}
            every = {"id": None} | {alias: None for group in made.values() for alias in group}
            known = self._empty[fresh, listed] = (made, every)
        return known


_TEXTS: Final = frozenset(
    [
        "text",
        "textarea",
        "html",
        "email",
        "tel",
        "url",
        "date",
        "datetime",
        "time",
        "lookup",
        "country",
        "region",
        "timezone",
        "locale",
    ]
)


def schema(store: Store, object: str) -> Schema:
    """The schema of ``lead`` or ``company`` as the fields stand now."""
    version = store["fields"].version
    kept: dict[str, tuple[int, Schema]] = store.__dict__.setdefault("schemas", {})
    known = kept.get(object)
    if known is None or known[0] != version:
        known = kept[object] = (version, Schema(store, object))
    return known[1]


def _fresh(row: Row) -> dict[str, Any]:
    shown = {name: row[name] for name in ("id", "group", "label", "alias", "type")}
    return shown | {"properties": row["properties"] or []}


def _loaded(row: Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "label": row["label"],
        "alias": row["alias"],
        "type": row["type"],
        "group": row["group"],
        "object": row["object"],
        "is_fixed": "1" if row["isFixed"] else "0",
        "properties": php.serialized(row["properties"] or []),
        "default_value": row["defaultValue"],
    }


# --- what a form makes of a value ----------------------------------------------------------------------------------


def take(field: Row, value: Any, ask: Ask) -> Any:
    """The value a form makes of what was sent: None when it is blank.

    Raises:
        Invalid: The form refuses it.
    """
    if value is None or value in ("", []):
        return None
    return _TAKERS.get(field["type"], _text)(field, value, ask)


def _text(field: Row, value: Any, ask: Ask) -> Any:
    del ask
    if isinstance(value, (list, dict)):
        raise Invalid
    text = php.clean(php.text(value))
    longest = field.get("charLengthLimit") or LONGEST
    if field["type"] not in ("textarea", "html") and len(text) > longest:
        raise Invalid(f"This value is too long. It should have {longest} characters or less.")
    return text or None


def _html(field: Row, value: Any, ask: Ask) -> Any:
    del field, ask
    if isinstance(value, (list, dict)):
        raise Invalid
    return php.text(value)


def _email(field: Row, value: Any, ask: Ask) -> Any:
    del field, ask
    text = clean_email(value)
    if text and not _EMAIL.fullmatch(text):
        raise Invalid(f"{text} is invalid.")
    return text or None


def _url(field: Row, value: Any, ask: Ask) -> Any:
    text = _text(field, value, ask)
    if text and not re.match(r"[a-z][a-z0-9+.-]*://", text, re.IGNORECASE):
        text = "http://" + text
    if text and not re.fullmatch(r"[a-z]+://[^\s/]+\.[^\s]*|[a-z]+://localhost[^\s]*", text, re.IGNORECASE):
        raise Invalid("This value is not a valid URL.")
    return text


def _number(field: Row, value: Any, ask: Ask) -> Any:
    del ask
    if isinstance(value, bool):
        return int(value)
    if not php.numeric(value):
        raise Invalid
    number = float(value)
    places = php.integer((field["properties"] or {}).get("scale"))
    number = round(number, places)
    return int(number) if number == int(number) else number


def _boolean(field: Row, value: Any, ask: Ask) -> Any:
    del field, ask
    return php.yes(value)


def _select(field: Row, value: Any, ask: Ask) -> Any:
    del ask
    text = php.text(value)
    if text not in options(field):
        raise Invalid
    return text


def _multiselect(field: Row, value: Any, ask: Ask) -> Any:
    del ask
    listed = [php.text(one) for one in value] if isinstance(value, list) else php.text(value).split("|")
    known = options(field)
    if any(one not in known for one in listed):
        raise Invalid
    return "|".join(one for one in known if one in listed)


def options(field: Row) -> dict[str, str]:
    """The options of a select: label by value."""
    found = {}
    for one in php.values((field["properties"] or {}).get("list")):
        if isinstance(one, dict):
            found[php.text(one.get("value"))] = php.text(one.get("label"))
        else:
            found[php.text(one)] = php.text(one)
    return found


def _country(field: Row, value: Any, ask: Ask) -> Any:
    del field, ask
    if value not in COUNTRIES:
        raise Invalid
    return value


def _timezone(field: Row, value: Any, ask: Ask) -> Any:
    del field, ask
    if value not in available_timezones():
        raise Invalid
    return value


def _locale(field: Row, value: Any, ask: Ask) -> Any:
    del field, ask
    if not isinstance(value, str) or not _LOCALE.fullmatch(value):
        raise Invalid
    return value


def _datetime(field: Row, value: Any, ask: Ask) -> Any:
    del field
    moment = php.strtotime(value, ask.now)
    return None if moment is None else php.stamp(moment - moment % 60)


def _date(field: Row, value: Any, ask: Ask) -> Any:
    del field
    moment = php.strtotime(value, ask.now)
    return None if moment is None else php.stamp(moment)[:10]


def _time(field: Row, value: Any, ask: Ask) -> Any:
    del field
    moment = php.strtotime(value, ask.now)
    return None if moment is None else php.stamp(moment)[11:16] + ":00"


_TAKERS: Final = {
    "html": _html,
    "email": _email,
    "url": _url,
    "number": _number,
    "boolean": _boolean,
    "select": _select,
    "multiselect": _multiselect,
    "country": _country,
    "timezone": _timezone,
    "locale": _locale,
    "datetime": _datetime,
    "date": _date,
    "time": _time,
}


# --- how a value is shown ------------------------------------------------------------------------------------------


def shown(field: Row, value: Any, *, stored: bool) -> Any:
    """A value in ``fields.<group>.<alias>.value``.

    Args:
        field: Its definition.
        value: As kept; an empty text stands for one that this request blanked.
        stored: Whether it comes from the database (booleans are 0 and 1 there).
    """
    if value is None:
        return None
    if field["type"] == "number":
        if value == "":
            return 0.0
        return float(value) if php.integer((field["properties"] or {}).get("scale")) else int(value)
    if field["type"] == "boolean" and stored:
        return int(value)
    return value


def normalized(field: Row, value: Any) -> Any:
    """A shown value in ``normalizedValue``: labels instead of values."""
    if value is None:
        return ""
    kind = field["type"]
    if kind == "boolean":
        return (field["properties"] or {}).get("yes" if value else "no", "")
    if kind == "select":
        return options(field).get(php.text(value), value)
    if kind == "multiselect" and isinstance(value, str):
        known = options(field)
        return "|".join(known.get(one, one) for one in value.split("|"))
    return value
