"""Base classes and annotations of all entities.

A property has one of three states: a value, None (empty), or `UNSET` (not mentioned). Its annotation says whether it is
read, written, or both.

How a property is named in JSON follows from its name (`is_published` is ``isPublished``). Where Mautic breaks its own
rule, the attribute's ``metadata`` says so. The possible keys are:

- ``json``: the name in JSON. ``json_write``: the name in requests, if it differs; empty: never sent.
- ``form``: ``"minutes"`` sends a time as ``YYYY-MM-DD HH:MM``; ``"id-object"`` sends entities as ``{"id": 1}``;
  ``"segment-filters"`` and ``"content-filters"`` send filters with their values where segments, or dynamic contents,
  take them; ``"labels"`` sends a map as a list of labels and values.
- ``item``: only this property of each object in the list is read; the list is sent as it is.
- ``keyed``: a list is sent as a map, keyed by this property.
- ``sent``: an ``id`` is sent with its object, unless it is 0.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias, TypeVar

from attrs import define, field, fields

from mautic_async.models._plain import pydantic_schema, short_repr, to_plain

T = TypeVar("T")

if TYPE_CHECKING:
    JSON: TypeAlias = "Mapping[str, JSON] | Sequence[JSON] | str | int | float | bool | None"
    """Any JSON value."""
else:
    JSON = Any  # at run time the codec reads the annotations, and an alias of itself would not resolve in other modules

FieldValue: TypeAlias = str | int | float | bool | date | time | Sequence[str] | None
"""Value of a custom field. Dates and lists can be written; answers hold them as text."""


class Unset(enum.Enum):
    """The type of `UNSET`."""

    UNSET = "UNSET"

    def __bool__(self) -> Literal[False]:
        """Return False; the type lets checkers narrow ``if contact.email:`` to `str`."""
        return False

    def __repr__(self) -> str:
        """Return the name."""
        return "UNSET"


UNSET: Final = Unset.UNSET
"""Not mentioned: absent from the answer, and not sent."""


class PropertyMarker(enum.Enum):
    """Direction markers in the annotation of a property."""

    READ_ONLY = "read-only"
    BY_ID = "by-id"
    WRITE_ONLY = "write-only"


Maybe: TypeAlias = T | Unset | None
"""Read and sent: a value, None (empty; sent, it clears the property), or `UNSET` (not sent)."""

FromServer: TypeAlias = Annotated[T | None, PropertyMarker.READ_ONLY]
"""Read, never sent."""

ToServer: TypeAlias = Annotated[T | Unset | None, PropertyMarker.WRITE_ONLY]
"""Sent, never read."""

Ref: TypeAlias = Annotated[T, PropertyMarker.BY_ID]
"""Read as an object, sent as its id. Assign ``Category(id=3)`` or the id 3."""


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
    """Base class of objects that Mautic nests in other objects.

    Attributes:
        extra: Keys of the answer that the class does not name, or whose values do not fit, as they came.
    """

    extra: Mapping[str, JSON] = field(factory=dict, repr=False)

    def __repr__(self) -> str:
        """Return the class and the properties that hold something. Long values are shortened, secrets masked."""
        hidden = {a.name for a in fields(type(self)) if not a.repr}
        return short_repr(type(self).__name__, ((name, v) for name, v in self._set_values() if name not in hidden))

    def to_dict(self) -> dict[str, JSON]:
        """Return the properties that are set as plain JSON data, by the names of the attributes.

        None stays; `UNSET` is left out, and so is a read-only property that is None. Dates are ISO 8601 texts, nested
        objects dictionaries, secrets ``***``. Custom fields of contacts and companies stand beside the properties, by
        alias. What the class does not name is under ``extra``.
        """
        # `field_groups` repeats the custom fields with their definitions.
        left_out = {"field_groups"} if self.extra else {"field_groups", "extra"}
        return {name: to_plain(value) for name, value in self._set_values() if name not in left_out}

    def _set_values(self) -> Iterator[tuple[str, Any]]:
        """Yield name and value of the attributes that differ from their defaults."""
        named = ((a.name, getattr(self, a.name), a.default) for a in fields(type(self)))
        return ((name, value) for name, value, default in named if value != default)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> Any:
        """Let pydantic, and so FastAPI, take entities in models and responses; see `to_dict`."""
        return pydantic_schema(cls)

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        """Keep the short repr where attrs would generate the long one, in users' subclasses too."""
        # attrs compiles its methods under a file name of its own; a repr that the user wrote is left alone.
        if cls.__repr__.__code__.co_filename.startswith("<attrs"):
            cls.__repr__ = Nested.__repr__  # type: ignore[method-assign] # the point of the hook


@define(kw_only=True)
class Entity(Nested):
    """Base class of objects that Mautic stores under an id.

    Attributes:
        id: 0 until Mautic has assigned one. Never sent: calls take the id as an argument.
    """

    id: int = 0


E = TypeVar("E", bound=Entity)


def as_entity(model: type[E], value: E | int | Unset | None) -> E | Unset | None:
    """Take an id for the entity itself.

    Models that are referred to have it as a function of their own, since mypy understands no other converter.
    """
    return model(id=value) if isinstance(value, int) else value


def as_entities(model: type[E], values: Iterable[E | int] | Unset | None) -> list[E] | Unset | None:
    """Return the entities themselves for ids."""
    if values is None or isinstance(values, Unset):
        return values
    return [model(id=value) if isinstance(value, int) else value for value in values]


@define(kw_only=True)
class Published(Entity):
    """Entity that can be published, with the dates and users of its changes.

    Attributes:
        is_published: In use; unpublished entities are kept but do nothing.
        date_added: Time of creation. Read only.
        created_by: Id of the user who created it; None for OAuth2 client credentials. Read only.
        created_by_user: Name of that user or OAuth2 client. Read only.
        date_modified: Time of the last change; Mautic 5 leaves it None at creation. Read only.
        modified_by: Id of the user of the last change. Read only.
        modified_by_user: Name of that user or OAuth2 client. Read only.

    Mautic: REST API, every resource's properties.
    """

    is_published: Maybe[bool] = UNSET
    date_added: FromServer[datetime] = None
    created_by: FromServer[int] = field(default=None, repr=False)
    created_by_user: FromServer[str] = field(default=None, repr=False)
    date_modified: FromServer[datetime] = None
    modified_by: FromServer[int] = field(default=None, repr=False)
    modified_by_user: FromServer[str] = field(default=None, repr=False)


@define(kw_only=True)
class Scheduled(Published):
    """Published entity with a start and an end.

    Attributes:
        publish_up: Start of use; Mautic drops the seconds.
        publish_down: End of use; Mautic drops the seconds.

    Mautic: REST API, every resource's properties.
    """

    publish_up: Maybe[datetime] = field(default=UNSET, metadata={"form": "minutes"})
    publish_down: Maybe[datetime] = field(default=UNSET, metadata={"form": "minutes"})
