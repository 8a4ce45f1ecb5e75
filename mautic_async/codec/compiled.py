"""Functions generated for each class: one reads its JSON into constructor arguments, one writes it as JSON.

A contact has 55 attributes, of which an answer names a dozen and a request five. A loop over them takes three times as
long as lines that name each key, as attrs and cattrs generate them, too. The text of these functions comes from classes
alone, never from a server: attribute names are identifiers, and keys go in as their `repr`.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, TypeAlias

import cattrs

from mautic_async.codec.fields import JSONField
from mautic_async.codec.scalars import JSON_SCALARS, copy_json
from mautic_async.models._base import UNSET

Convert: TypeAlias = Callable[[Any], Any]
Updater: TypeAlias = Callable[[Mapping[str, Any], dict[str, Any], dict[str, Any]], int]
Encoder: TypeAlias = Callable[[Any], dict[str, Any]]

DECODE_ERRORS: Final = (
    *(ValueError, TypeError, KeyError, AttributeError, ArithmeticError),
    cattrs.BaseValidationError,
)
"""The errors of a conversion for a value that does not fit its annotation."""

_GLOBALS: Final = {"UNSET": UNSET, "PLAIN": JSON_SCALARS, "DECODE_ERRORS": DECODE_ERRORS, "copy_json": copy_json}


def compile_reader(fields: Iterable[tuple[JSONField, Convert]], elsewhere: Collection[str] = ()) -> Updater:
    """Return a function that puts the values of a JSON object into constructor arguments.

    The function returns how many keys of the object it handled. A value that its conversion refuses goes to *extra*,
    and its key does not count. So the caller sees by the count whether the object holds more. For ``date_added`` the
    generated lines are

        if 'dateAdded' in raw:
            handled += 1
            value = raw['dateAdded']
            if value is None:
                values['date_added'] = value
            else:
                try:
                    values['date_added'] = convert_2(value)
                except DECODE_ERRORS:
                    extra['dateAdded'] = value
                    handled -= 1

    Args:
        fields: Each with the conversion of values that are not plain. Of two with one key, the later one counts.
        elsewhere: Keys that the caller reads itself; they only count.
    """
    lines = ["handled = 0"]
    for key in elsewhere:
        lines += [f"if {key!r} in raw:", "    handled += 1"]
    # One line for each key: two attributes may read the same one.
    by_key = {field.key: (field, convert) for field, convert in fields}
    converts: dict[str, Any] = {}
    for number, (field, convert) in enumerate(by_key.values()):
        converts[f"convert_{number}"] = convert
        lines += [f"if {field.key!r} in raw:", "    handled += 1"]
        lines += [f"    {line}" for line in _assignment(field, f"convert_{number}")]
    read: Updater = _compile("raw, values, extra", [*lines, "return handled"], converts)
    return read


def _assignment(field: JSONField, convert: str) -> list[str]:
    target, source = f"values[{field.argument!r}]", f"raw[{field.key!r}]"
    # The value may be a list or map, which the caller may change: the answer has to stay as it was.
    if field.plain is object:
        return [f"{target} = copy_json({source})"]
    # The exact type, since True is an int for `isinstance` and must be converted.
    conditions = [f"type(value) is {field.plain.__name__}"] if field.plain is not types.NoneType else []
    if field.nullable:
        conditions.append("value is None")
    # PHP sends "" for a number or date without a value; for a text it is a value.
    empty = "" if field.plain is str else " and value != ''"
    return [
        f"value = {source}",
        f"if {' or '.join(conditions) or False}:",
        f"    {target} = value",
        "else:" if field.nullable else f"elif value is not None{empty}:",
        "    try:",
        f"        {target} = {convert}(value)",
        "    except DECODE_ERRORS:",
        f"        extra[{field.key!r}] = value",
        "        handled -= 1",
    ]


def collect_extra(raw: Mapping[str, Any], known: AbstractSet[str], extra: dict[str, Any]) -> None:
    """Add the keys that are not *known* to *extra*, which has the values that did not fit, in the order of *raw*."""
    found = {key: value for key, value in raw.items() if key not in known or key in extra}
    extra.clear()
    extra.update(found)


def compile_writer(parts: Iterable[tuple[str, str, Convert, bool]]) -> Encoder:
    """Return a function that writes the attributes of an entity that are set.

    For ``points`` the generated lines are

        value = entity.points
        if value is not UNSET:
            body['points'] = value if value is None or type(value) in PLAIN else convert_3(value)

    Args:
        parts: Of each attribute its name, its key, the conversion, and whether plain values need none.
    """
    converts: dict[str, Any] = {}
    lines = ["body = {}"]
    for number, (name, key, convert, plain) in enumerate(parts):
        converts[f"convert_{number}"] = convert
        # None is sent as it is: it clears the property.
        ready = "value is None or type(value) in PLAIN" if plain else "value is None"
        lines += [
            f"value = entity.{name}",
            "if value is not UNSET:",
            f"    body[{key!r}] = value if {ready} else convert_{number}(value)",
        ]
    write: Encoder = _compile("entity", [*lines, "return body"], converts)
    return write


def _compile(parameters: str, lines: Iterable[str], names: dict[str, Any]) -> Any:
    known = {**_GLOBALS, **names}
    exec("\n    ".join([f"def function({parameters}):", *lines]), known)  # noqa: S102 - no value is in the text
    return known["function"]
