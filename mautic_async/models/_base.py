"""What all entities share: the three states of a property, its direction, the id, whatever is not named.

How a property is named in JSON follows from its name (`is_published` is ``isPublished``). Where Mautic breaks its own
rule, the attribute's ``metadata`` says so; these are all the words there are:

- ``json``: the name in JSON. ``json_write``: the name when writing, if it differs; empty: left out.
- ``form``: ``"minutes"``, a time sent as ``YYYY-MM-DD HH:MM``; ``"id-object"``, entities sent as ``{"id": 1}``.
- ``item``: read of each object in the list only this property; written as it is.
- ``keyed``: a list sent as a map, by the value of this property.
- ``sent``: an ``id`` that goes with its object, unless it is 0.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, TypeVar

from attrs import define, field, fields

T = TypeVar("T")

if TYPE_CHECKING:
    JSON: TypeAlias = "Mapping[str, JSON] | Sequence[JSON] | str | int | float | bool | None"
    """What a JSON text can hold."""
else:
    JSON = Any  # at run time the codec reads the annotations, and an alias of itself would not resolve in other modules

FieldValue: TypeAlias = str | int | float | bool | date | time | Sequence[str] | None
"""What a custom field can hold: dates and lists are for writing, answers have them as text."""


class Unset(enum.Enum):
    """The type of `UNSET`."""

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        """Falsy, and typed so: ``if contact.email:`` leaves only `str`."""
        return False

    def __repr__(self) -> str:
        """Its name."""
        return "UNSET"


UNSET: Final = Unset.UNSET
"""Never mentioned: not sent, and not in the answer."""


class PropertyMarker(enum.Enum):
    """Marks in a property's annotation."""

    READ_ONLY = "read-only"
    BY_ID = "by-id"
    WRITE_ONLY = "write-only"


Maybe: TypeAlias = T | Unset | None
"""A value; None, known to be empty (sent: it clears); `UNSET`, never mentioned (not sent)."""

FromServer: TypeAlias = Annotated[T | None, PropertyMarker.READ_ONLY]
"""Read, never sent."""

ToServer: TypeAlias = Annotated[T | Unset | None, PropertyMarker.WRITE_ONLY]
"""Sent, never in an answer."""

Ref: TypeAlias = Annotated[T, PropertyMarker.BY_ID]
"""Read as an object, sent as its id: write ``category=Category(id=3)``, or just the id."""


class _Readable:
    """The slot of an entity for the answer that it was read from, so that an edit can send only what has changed.

    It is not an attrs attribute: constructors, comparisons, `repr` and `attrs.evolve` do not see it. A copy of an
    entity therefore counts as one that was not read.
    """

    __slots__ = ("_answer",)

    _answer: Mapping[str, Any]


def set_answer(entity: object, answer: Mapping[str, Any]) -> None:
    """Note that *entity* was read from *answer*, one entity of a response."""
    if isinstance(entity, _Readable):
        entity._answer = answer  # noqa: SLF001 - the slot is written here and read below, nowhere else


def answer_of(entity: object) -> Mapping[str, Any] | None:
    """Return what *entity* was read from, or None where it is the caller's own."""
    answer: Mapping[str, Any] | None = getattr(entity, "_answer", None)
    return answer


@define(kw_only=True)
class Nested(_Readable):
    """Something that Mautic shows inside something else.

    Attributes:
        extra: What an answer held and the class does not name, under its original names, in the order it came.
    """

    extra: Mapping[str, JSON] = field(factory=dict, repr=False)

    def __repr__(self) -> str:
        """What is named; most of an entity is usually not. Addresses and secrets stay out."""
        named = ((a.name, getattr(self, a.name), a.default) for a in fields(type(self)) if a.repr)
        inside = ", ".join(f"{name}={value!r}" for name, value, default in named if value != default)
        return f"{type(self).__name__}({inside})"

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        """Keep the short repr where attrs would generate the long one, in users' subclasses too."""
        if cls.__repr__.__code__.co_filename.startswith("<attrs"):
            cls.__repr__ = Nested.__repr__  # type: ignore[method-assign] # the point of the hook


@define(kw_only=True)
class Entity(Nested):
    """Something that Mautic stores under an id.

    Attributes:
        id: 0 until Mautic has given one. Never sent; calls name the id themselves.
    """

    id: int = 0


E = TypeVar("E", bound=Entity)


def as_entity(model: type[E], value: E | int | Unset | None) -> E | Unset | None:
    """Take an id for the entity itself.

    Models that are referred to have it as a function of their own, since mypy understands no other converter.
    """
    return model(id=value) if isinstance(value, int) else value


def as_entities(model: type[E], values: Iterable[E | int] | Unset | None) -> list[E] | Unset | None:
    """Take ids for the entities themselves."""
    if values is None or isinstance(values, Unset):
        return values
    return [model(id=value) if isinstance(value, int) else value for value in values]


@define(kw_only=True)
class Published(Entity):
    """An entity with Mautic's publish block.

    Attributes:
        is_published: Whether it is in use.
        date_added: Read only.
        created_by: Id of a user; None if an OAuth2 client of its own right did it. Read only.
        created_by_user: Name of that user or client. Read only.
        date_modified: Read only.
        modified_by: Id of a user. Read only.
        modified_by_user: Name of that user or client. Read only.

    Mautic: REST API, every resource's properties.
    """

    is_published: Maybe[bool] = UNSET
    date_added: FromServer[datetime] = None
    created_by: FromServer[int] = None
    created_by_user: FromServer[str] = None
    date_modified: FromServer[datetime] = None
    modified_by: FromServer[int] = None
    modified_by_user: FromServer[str] = None


@define(kw_only=True)
class Scheduled(Published):
    """A published entity that can begin and end by the clock.

    Attributes:
        publish_up: In use from then on. Seconds are not kept.
        publish_down: In use until then. Seconds are not kept.

    Mautic: REST API, every resource's properties.
    """

    publish_up: Maybe[datetime] = field(default=UNSET, metadata={"form": "minutes"})
    publish_down: Maybe[datetime] = field(default=UNSET, metadata={"form": "minutes"})
