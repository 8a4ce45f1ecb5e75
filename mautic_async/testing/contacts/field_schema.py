"""Custom fields as contacts and companies use them: definitions, casts, and what a form refuses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import available_timezones

from mautic_async.testing import data, php
from mautic_async.testing.resources._properties import InvalidChoice, InvalidNumber, InvalidValue

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row, Store

MAX_TEXT: Final = 191
"""Characters of a text field."""
_DROPPED: Final = re.compile(r"[^A-Za-z0-9!#$%&'*+\-=?^_`{|}~@.\[\]]")
_EMAIL: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+@[A-Za-z0-9](?:[A-Za-z0-9-]*\.)+[A-Za-z0-9-]{2,}")
_WITH_PROTOCOL: Final = re.compile(r"[/.]|[\w+.-]+://|[^:/?@#]+@")
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
    """Return an e-mail address without the characters that the server drops, silently."""
    return _DROPPED.sub("", php.strip_text(php.to_string(value)))


class Schema:
    """The published fields of one kind of entity, with what is needed to show them quickly.

    Attributes:
        fields: Rows in the order of their ``order``.
        columns: The same in the order of the table's columns.
        by_alias: Row by alias.
        unique: Aliases of the unique identifiers.
        fields_with_default: Rows of the fields with a default value.
    """

    def __init__(self, store: Store, object: str) -> None:
        fields = [row for row in store["fields"] if row["object"] == object and row["isPublished"]]
        self.fields: list[Row] = sorted(fields, key=lambda row: (row["order"], row["id"]))
        positions = {alias: position for position, alias in enumerate(_FIRST)}
        self.columns: list[Row] = sorted(fields, key=lambda row: (positions.get(row["alias"], 99), row["id"]))
        self.by_alias: dict[Any, Row] = {row["alias"]: row for row in self.fields}
        self.unique: list[Any] = [row["alias"] for row in self.fields if row["isUniqueIdentifier"]]
        self.fields_with_default: list[Row] = [row for row in self.fields if row["defaultValue"] not in (None, "")]
        self.new_definitions: dict[Any, dict[str, Any]] = {row["alias"]: _new_definition(row) for row in self.fields}
        self.loaded_definitions: dict[Any, dict[str, Any]] = {
            row["alias"]: _loaded_definition(row) for row in self.fields
        }
        self.aliases: list[Any] = [row["alias"] for row in self.fields]
        self._empty: dict[tuple[bool, bool], tuple[dict[str, Any], dict[str, Any]]] = {}
        self.text_only: set[Any] = {row["alias"] for row in self.fields if row["type"] in _TEXTS}

    def empty(
        self, groups: tuple[str, ...], *, just_created: bool, in_list: bool
    ) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
        """Fields of a contact without any value, by group and all together. Copy them before a change.

        Args:
            groups: Those that are there even without a field.
            just_created: Whether the contact has just been created.
            in_list: Whether the fields come in the order of the columns.
        """
        cached = self._empty.get((just_created, in_list))
        if cached is None:
            groups_of_fields: dict[str, dict[str, Any]] = {group: {} for group in groups}
            for field in self.columns if in_list else self.fields:
                alias = field["alias"]
                definition = (self.new_definitions if just_created else self.loaded_definitions)[alias]
                groups_of_fields.setdefault(field["group"], {})[alias] = {
                    **definition,
                    "value": None,
                    "normalizedValue": "",
                }
            all_fields = {"id": None} | {alias: None for group in groups_of_fields.values() for alias in group}
            cached = self._empty[just_created, in_list] = (groups_of_fields, all_fields)
        return cached


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
    """Return the schema of ``lead`` or ``company`` as the fields stand now."""
    version = store["fields"].change_count
    cached: dict[str, tuple[int, Schema]] = store.__dict__.setdefault("schemas", {})
    schemas = cached.get(object)
    if schemas is None or schemas[0] != version:
        schemas = cached[object] = (version, Schema(store, object))
    return schemas[1]


def _new_definition(row: Row) -> dict[str, Any]:
    definition = {name: row[name] for name in ("id", "group", "label", "alias", "type")}
    return definition | {"properties": row["properties"] or []}


def _loaded_definition(row: Row) -> dict[str, Any]:
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


def parse_value(field: Row, value: Any, context: RequestContext) -> Any:
    """Return the value a form makes of what was sent: None when it is blank.

    Raises:
        InvalidValue: The form refuses it.
    """
    if value is None or value in ("", []):
        return None
    return _PARSERS.get(field["type"], _text)(field, value, context)


def _text(field: Row, value: Any, context: RequestContext) -> Any:
    if isinstance(value, (list, dict)):
        raise InvalidValue
    text = php.strip_text(php.to_string(value))
    is_own = not field["isFixed"] and context.is_7
    longest = (field.get("charLengthLimit") if is_own else None) or MAX_TEXT
    if field["type"] not in ("textarea", "html") and len(text) > longest:
        raise InvalidValue(f"This value is too long. It should have {longest} characters or less.")
    return text or None


def _html(field: Row, value: Any, context: RequestContext) -> Any:
    del field, context
    if isinstance(value, (list, dict)):
        raise InvalidValue
    return php.to_string(value)


def _email(field: Row, value: Any, context: RequestContext) -> Any:
    del field, context
    text = clean_email(value)
    if text and not _EMAIL.fullmatch(text):
        raise InvalidValue(f"{text} is invalid.")
    return text or None


def _url(field: Row, value: Any, context: RequestContext) -> Any:
    text = _text(field, value, context)
    if text and not _WITH_PROTOCOL.match(text):
        text = "http://" + text
    return text


def _number(field: Row, value: Any, context: RequestContext) -> Any:
    del context
    if isinstance(value, bool):
        return int(value)
    if not php.is_numeric(value):
        raise InvalidNumber
    number = float(value)
    decimals = php.to_int((field["properties"] or {}).get("scale"))
    number = round(number, decimals)
    return int(number) if number == int(number) else number


def _boolean(field: Row, value: Any, context: RequestContext) -> Any:
    del field, context
    return php.form_bool(value)


def _select(field: Row, value: Any, context: RequestContext) -> Any:
    del context
    text = php.to_string(value)
    if text not in options(field):
        raise InvalidChoice
    return text


def _multiselect(field: Row, value: Any, context: RequestContext) -> Any:
    del context
    texts = [php.to_string(text) for text in value] if isinstance(value, list) else php.to_string(value).split("|")
    allowed = options(field)
    if any(text not in allowed for text in texts):
        raise InvalidChoice
    return "|".join(text for text in allowed if text in texts)


def options(field: Row) -> dict[str, str]:
    """Return the options of a select: label by value."""
    labels = {}
    for option in php.array_values((field["properties"] or {}).get("list")):
        if isinstance(option, dict):
            labels[php.to_string(option.get("value"))] = php.to_string(option.get("label"))
        else:
            labels[php.to_string(option)] = php.to_string(option)
    return labels


def _country(field: Row, value: Any, context: RequestContext) -> Any:
    del field, context
    if value not in data.names("countries"):
        raise InvalidChoice
    return value


def _timezone(field: Row, value: Any, context: RequestContext) -> Any:
    del field, context
    if value not in available_timezones():
        raise InvalidChoice
    return value


def _locale(field: Row, value: Any, context: RequestContext) -> Any:
    del field, context
    if value not in data.names("locales"):
        raise InvalidChoice
    return value


def _datetime(field: Row, value: Any, context: RequestContext) -> Any:
    del field
    moment = php.strtotime(value, context.now)
    if moment is None:
        return None
    return php.sql_datetime(moment if context.is_7 else moment - moment % 60)


def _date(field: Row, value: Any, context: RequestContext) -> Any:
    del field
    moment = php.strtotime(value, context.now)
    return None if moment is None else php.sql_datetime(moment)[:10]


def _time(field: Row, value: Any, context: RequestContext) -> Any:
    del field
    moment = php.strtotime(value, context.now)
    return None if moment is None else php.sql_datetime(moment)[11:16] + ":00"


_PARSERS: Final = {
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


def serialize_value(field: Row, value: Any, *, stored: bool) -> Any:
    """Return a value as ``fields.<group>.<alias>.value`` shows it.

    Args:
        field: Its definition.
        value: As kept; an empty text stands for one that this request blanked.
        stored: Whether it comes from the database (booleans are 0 and 1 there).
    """
    if value is None:
        return None
    if field["type"] == "number":
        if value == "":
            return 0.0 if php.to_int((field["properties"] or {}).get("scale")) else 0
        return float(value) if php.to_int((field["properties"] or {}).get("scale")) else int(value)
    if field["type"] == "boolean" and stored:
        return int(value)
    return value


def normalized_value(field: Row, value: Any) -> Any:
    """Return a value as ``normalizedValue`` shows it: labels instead of values."""
    if value is None:
        return ""
    kind = field["type"]
    if kind == "boolean":
        return (field["properties"] or {}).get("yes" if value else "no", "")
    if kind == "select":
        return options(field).get(php.to_string(value), value)
    if kind == "multiselect" and isinstance(value, str):
        labels = options(field)
        return "|".join(labels.get(value_, value_) for value_ in value.split("|"))
    return value
