"""Functions written for each class, for what happens once an entity: making it of JSON, and writing it.

A contact has 55 attributes, of which an answer names a dozen and a request five. A loop that asks for each by its name
takes three times as long as lines that name them, since Python notes where each lies in the entity. So the lines are
put together as text and compiled once for each class, as attrs and cattrs do it. What goes into the text comes from
classes alone, never from a server: attributes, which are identifiers, and `repr` of keys.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import attrs
import cattrs

from mautic_async.codec.scalars import PLAIN
from mautic_async.models._base import UNSET

if TYPE_CHECKING:
    from mautic_async.codec.fields import Slot

Maker: TypeAlias = Callable[[Mapping[str, Any], dict[str, Any]], Any]
Reader: TypeAlias = Callable[[Any, Mapping[str, Any], dict[str, Any]], int]
Writer: TypeAlias = Callable[[Any], dict[str, Any]]

UNFIT: Final = (ValueError, TypeError, KeyError, AttributeError, ArithmeticError, cattrs.BaseValidationError)
_KNOWN: Final = {"UNSET": UNSET, "PLAIN": PLAIN, "UNFIT": UNFIT}


def _compiled(head: str, lines: Iterable[str], names: dict[str, Any]) -> Any:
    """The function with this *head* and these *lines*; *names* are what they speak of."""
    known = {**_KNOWN, **names}
    exec("\n    ".join([f"def function({head}):", *lines]), known)  # noqa: S102 - see above; no value is in the text
    return known["function"]


def maker(model: Any, slots: Collection[tuple[str, Slot]], elsewhere: Collection[str], *, bare: bool) -> Maker:
    """A function that makes of a JSON map what will be a *model*, and leaves in *extra* what belongs nowhere.

    What it makes is an entity with its defaults if it is *bare*, or else a map of arguments. The entity is of a class
    that stores attributes without asking anybody; the caller puts in what else there is and then says
    ``made.__class__ = model``, which Python allows since both lie in memory alike. For Contact the lines are

        made = new(twin)
        made.extra = extra
        made.points = made.tags = made.city = default_0
        made.color = made.date_added = default_1

    then those of `reader`, and at last

        if found != len(raw):
            gather(raw, known, extra)
        return made
    """
    names: dict[str, Any] = {"gather": gather, "known": frozenset({*elsewhere, *(slot.key for _, slot in slots)})}
    lines = _beginning(model, names) if bare else ["made = {}"]
    lines += _lines(slots, elsewhere, names)
    lines += ["if found != len(raw):", "    gather(raw, known, extra)", "return made"]
    make: Maker = _compiled("raw, extra", lines, names)
    return make


def _beginning(model: Any, names: dict[str, Any]) -> list[str]:
    twin = type(model)(model.__name__, (model,), {"__slots__": (), "__setattr__": object.__setattr__})
    names |= {"new": object.__new__, "twin": twin}
    lines = ["made = new(twin)", "made.extra = extra"]
    same: dict[int, list[str]] = {}
    for field in attrs.fields(model):
        if field.name == "extra" or field.default is attrs.NOTHING:
            continue
        if isinstance(field.default, attrs.Factory):  # type: ignore[arg-type]  # a class, though its stub is a function
            names[f"make_{field.name}"] = field.default.factory
            lines.append(f"made.{field.name} = make_{field.name}()")
        else:
            same.setdefault(id(field.default), []).append(field.name)
            names[f"default_{id(field.default)}"] = field.default
    return [*lines, *(f"made.{' = made.'.join(found)} = default_{default}" for default, found in same.items())]


def gather(raw: Mapping[str, Any], known: AbstractSet[str], extra: dict[str, Any]) -> None:
    """Add what is not *known* to *extra*, where what did not fit is already, in the order it came."""
    found = {key: value for key, value in raw.items() if key not in known or key in extra}
    extra.clear()
    extra.update(found)


def reader(slots: Collection[tuple[str, Slot]], elsewhere: Collection[str]) -> Reader:
    """A function that puts what a JSON map holds into what was made, and counts what belonged there.

    *slots* come with the place of each; keys that are read *elsewhere* only count. A value that does not fit goes to
    *extra* and does not count, so the caller sees by the count whether there is more. For ``date_added`` the lines are

        if 'dateAdded' in raw:
            found += 1
            value = raw['dateAdded']
            if value is None:
                made.date_added = value
            else:
                try:
                    made.date_added = convert_2(value)
                except UNFIT:
                    extra['dateAdded'] = value
                    found -= 1
    """
    names: dict[str, Any] = {}
    read: Reader = _compiled("made, raw, extra", [*_lines(slots, elsewhere, names), "return found"], names)
    return read


def _lines(slots: Iterable[tuple[str, Slot]], elsewhere: Iterable[str], names: dict[str, Any]) -> list[str]:
    lines = ["found = 0"]
    for key in elsewhere:
        lines += [f"if {key!r} in raw:", "    found += 1"]
    for number, (place, slot) in enumerate(slots):
        names[f"convert_{number}"] = slot.decode
        lines += [f"if {slot.key!r} in raw:", "    found += 1", *(f"    {line}" for line in _put(number, place, slot))]
    return lines


def _put(number: int, place: str, slot: Slot) -> list[str]:
    if slot.plain is object:
        return [f"{place} = raw[{slot.key!r}]"]
    fits = [f"type(value) is {slot.plain.__name__}"] if slot.plain is not types.NoneType else []
    if slot.nullable:
        fits.append("value is None")
    return [
        f"value = raw[{slot.key!r}]",
        f"if {' or '.join(fits) or False}:",
        f"    {place} = value",
        "else:" if slot.nullable else "elif value is not None:",
        "    try:",
        f"        {place} = convert_{number}(value)",
        "    except UNFIT:",
        f"        extra[{slot.key!r}] = value",
        "        found -= 1",
    ]


def writer(parts: Iterable[tuple[str, str, Callable[[Any], Any], bool]]) -> Writer:
    """A function that writes what is set of an entity.

    Each part is an attribute, its key, what to do with a value that is not yet JSON, and whether strings and numbers
    are. For ``points`` the lines are

        value = entity.points
        if value is not UNSET:
            body['points'] = value if value is None or type(value) in PLAIN else put_3(value)
    """
    names: dict[str, Any] = {}
    lines = ["body = {}"]
    for number, (name, key, put, plain) in enumerate(parts):
        names[f"put_{number}"] = put
        ready = "value is None or type(value) in PLAIN" if plain else "value is None"
        lines += [
            f"value = entity.{name}",
            "if value is not UNSET:",
            f"    body[{key!r}] = value if {ready} else put_{number}(value)",
        ]
    written: Writer = _compiled("entity", [*lines, "return body"], names)
    return written
