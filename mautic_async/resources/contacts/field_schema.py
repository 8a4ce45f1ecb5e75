"""The contact fields of one Mautic, by which contacts that it would refuse or store otherwise are refused here.

Mautic: REST API, Fields (GET /fields/contact).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from attrs import define, field

from mautic_async import protocol
from mautic_async.errors import NotFound, PermissionDenied, Problem, sanitize
from mautic_async.protocol import Call
from mautic_async.resources.contacts import validation

if TYPE_CHECKING:
    from mautic_async.pipeline import Pipeline

PAGE_SIZE: Final = 500
MAX_AGE_SECONDS: Final = 60.0
"""Age after which fields are asked for again before a single write is refused for a field that is not among them."""

_NOT_FIELDS: Final = frozenset({"points", "last_active", "attribution_date"})
_STANDARD_TEXTS: Final = frozenset(
    {
        *("title", "firstname", "lastname", "company", "position", "email", "mobile", "phone", "fax", "address1"),
        *("address2", "city", "state", "zipcode", "country", "preferred_locale", "timezone", "facebook", "foursquare"),
        *("instagram", "linkedin", "skype", "twitter", "points"),
    }
)
"""Standard fields that take any text, or whose values Mautic itself refuses with a reason."""


@define(eq=False)
class FieldSchema:
    """The definition of one contact field, as far as values are checked by it.

    Attributes:
        type: As in `Field.type`.
        options: The values of a select or multiselect field.
        length: Longest text, in characters.
        published: Whether Mautic takes values for it.
    """

    type: str
    options: frozenset[str] | None = None
    length: int | None = None
    published: bool = True


@define(eq=False)
class Preflight:
    """The contact fields of one Mautic, asked for once and kept for the client's life.

    Attributes:
        pipeline: Sends the calls.
        fields: By alias; None where they are not known, because they were not asked for or the role may not see them.
        unique: Aliases of the unique identifiers.
        types: Types by alias, those of standard fields also where `fields` are not known.
        checked_properties: Properties that are not fields and are checked nevertheless.
        existing_tags: Names of stored tags, as the database compares them; empty where they were not asked for.
    """

    pipeline: Pipeline
    fields: dict[str, FieldSchema] | None = None
    unique: tuple[str, ...] = ()
    types: Mapping[str, str] = validation.FIELD_TYPES
    checked_properties: frozenset[str] = frozenset()
    existing_tags: frozenset[str] = frozenset()
    _loaded_at: float | None = field(default=None, init=False)

    async def load(self, *, background: bool = True, max_age: float | None = None) -> None:
        """Ask for the fields, unless that has been done.

        Args:
            background: Whether interactive calls go first.
            max_age: Ask again if the last request is more seconds ago.
        """
        now = self.pipeline.clock.monotonic()
        if self._loaded_at is not None and (max_age is None or now - self._loaded_at <= max_age):
            return
        query = protocol.encode_query({"limit": PAGE_SIZE, "orderBy": "id"})
        try:
            body = (await self.pipeline.send(Call("GET", "fields/contact", query=query, background=background))).body
        except (PermissionDenied, NotFound):
            # A role without this right writes unchecked, rather than not at all.
            body = None
        rows = [row for row in php_objects(body.get("fields")) if "alias" in row] if isinstance(body, Mapping) else []
        if rows:  # a role that may see none of them gets an empty list, too
            self.set_fields(rows)
        # Also after a refusal, so that it is not asked for again with every write.
        self._loaded_at = now

    async def check_single(self, body: Mapping[str, Any]) -> list[Problem]:
        """Return the problems of the body of a single write, after asking for the fields where *body* needs that.

        A body that names only standard text fields needs no request. Before a field counts as unknown, fields that are
        older than a minute are asked for again: a user may have added it meanwhile.
        """
        aliases = {key for key, _ in validation.iter_fields(body)}
        # The common case costs no request.
        if aliases <= _STANDARD_TEXTS:
            return []
        await self.load(background=False)
        if self.fields is not None and not aliases - _NOT_FIELDS <= self.fields.keys():
            await self.load(background=False, max_age=MAX_AGE_SECONDS)
        return self.check(body)

    def set_fields(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Set the fields to those of an answer."""
        schemas = {str(row["alias"]): (_field_schema(row), _is_true(row.get("isUniqueIdentifier"))) for row in rows}
        self.fields = {alias: field for alias, (field, _) in schemas.items()}
        # An unpublished field takes no values, so that no contact is found by it.
        self.unique = tuple(alias for alias, (field, unique) in schemas.items() if unique and field.published)
        self.types = {**validation.FIELD_TYPES, **{alias: field.type for alias, field in self.fields.items()}}

    def check(self, body: Mapping[str, Any]) -> list[Problem]:
        """Return why Mautic would refuse *body*, or store something else, as far as its fields tell."""
        if self.fields is None:
            return []
        found: list[Problem] = []
        for key, value in validation.iter_fields(body):
            schema = self.fields.get(key)
            if schema is None or not schema.published:
                if key not in _NOT_FIELDS:
                    found.append(Problem(_NO_SUCH_FIELD if schema is None else _UNPUBLISHED, key))
            elif not validation.is_blank(value):
                found += _field_problems(key, value, schema)
        return found


_NO_SUCH_FIELD: Final = "this Mautic has no such contact field, and would ignore the value"
_UNPUBLISHED: Final = "this contact field is not published, and Mautic would ignore the value"


def php_objects(container: Any) -> list[Mapping[str, Any]]:
    """The objects in a PHP array, which is a list or a map."""
    rows = container.values() if isinstance(container, Mapping) else container if isinstance(container, list) else ()
    return [row for row in rows if isinstance(row, Mapping)]


def _is_true(value: object) -> bool:
    return value in {True, "1", "true"}


def _field_schema(row: Mapping[str, Any]) -> FieldSchema:
    kind = str(row.get("type") or "text")
    properties = row.get("properties")
    choices = properties.get("list") if isinstance(properties, Mapping) else None
    # Options of other types, such as a lookup, are only suggestions.
    options = frozenset(str(item["value"]) for item in php_objects(choices) if "value" in item)
    length = row.get("charLengthLimit")
    return FieldSchema(
        kind,
        options if options and kind in {"select", "multiselect"} else None,
        length if isinstance(length, int) and length > 0 else None,
        published=row.get("isPublished") not in {False, "0"},
    )


def _field_problems(key: str, value: Any, schema: FieldSchema) -> list[Problem]:
    if schema.type == "number":
        return _number_problems(key, value)
    # The address itself is checked in every write, whether the fields are known or not.
    if schema.type == "email" and key != "email":
        return validation.check_email({key: value}, key)
    if schema.type == "url" and isinstance(value, str) and " " in value.strip():
        return [Problem("not a URL: it has a space", key)]
    if schema.type in _DATE_CHECKS and isinstance(value, str) and not _DATE_CHECKS[schema.type](value.strip()):
        return [Problem(f"not a {schema.type}, and Mautic would store nothing: write {_FORMATS[schema.type]}", key)]
    if schema.type == "boolean" and isinstance(value, str) and value.strip().lower() not in _BOOLEANS:
        return [Problem("neither yes nor no: write true, false, 1 or 0", key)]
    if schema.options is not None:
        return _option_problems(key, value, schema.options, several=schema.type == "multiselect")
    if schema.length is not None and isinstance(value, str) and len(value) > schema.length:
        return [Problem(f"{len(value)} characters, of {schema.length} that the field takes", key)]
    return []


def _number_problems(key: str, value: Any) -> list[Problem]:
    try:
        float(value)
    except (TypeError, ValueError):
        return [Problem("not a number", key)]
    return []


def _option_problems(key: str, value: Any, options: frozenset[str], *, several: bool) -> list[Problem]:
    chosen = value if isinstance(value, (list, tuple)) else str(value).split("|") if several else [value]
    odd = [item for item in map(str, chosen) if item not in options]
    return [Problem(f"not among the options: {sanitize(', '.join(odd[:5]), 200)}", key)] if odd else []


_BOOLEANS: Final = frozenset({"0", "1", "true", "false", "yes", "no", "on", "off"})
_FORMATS: Final = {"date": "YYYY-MM-DD", "datetime": "YYYY-MM-DD HH:MM", "time": "HH:MM"}
_DATE: Final = re.compile(r"(\d{1,4})([-./])(\d{1,2})\2(\d{1,4})(?:[T ]+(.*))?")
_TIME: Final = re.compile(
    r"([01]?\d|2[0-4]):[0-5]\d(:[0-5]\d(\.\d+)?)?( ?[ap]m)?( ?(Z|UTC|[+-]\d{2}:?\d{2}))?", re.IGNORECASE
)


def _is_date(text: str) -> bool:
    """Return True if PHP reads *text* as a date, perhaps with a time: an ISO one, or one with other separators."""
    found = _DATE.fullmatch(text)
    if found is None:
        return False
    first, separator, second, third, clock = found.groups()
    if clock and not _is_time(clock):
        return False
    # PHP takes a first part of four digits for the year, and otherwise the last part.
    year, month, day = (first, second, third) if len(first) == 4 else (third, second, first)
    if separator == "/" and len(first) < 3:
        month, day = first, second  # the American way
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def _is_time(text: str) -> bool:
    return _TIME.fullmatch(text) is not None


_DATE_CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {"date": _is_date, "datetime": _is_date, "time": _is_time}
"""Types of fields that are stored empty, with a success, where PHP does not understand the text."""
