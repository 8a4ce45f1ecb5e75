"""What all entities share: the three states of a property, the id, and whatever the class does not name."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

from attrs import Factory, define

T = TypeVar("T")

JSON: TypeAlias = "Mapping[str, JSON] | Sequence[JSON] | str | int | float | bool | None"
"""What a JSON text can hold."""


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


class Direction(enum.Enum):
    """Marks in a property's annotation."""

    READ_ONLY = "read-only"
    BY_ID = "by-id"
    WRITE_ONLY = "write-only"


Maybe = T | None | Unset
"""A value; None, known to be empty (sent: it clears); `UNSET`, never mentioned (not sent)."""

FromServer = Annotated[T | None, Direction.READ_ONLY]
"""Read, never sent."""

ToServer = Annotated[T | None | Unset, Direction.WRITE_ONLY]
"""Sent, never in an answer."""

Ref = Annotated[T, Direction.BY_ID]
"""Read as an object, sent as its id: write ``category=Category(id=3)``, or just the id."""


@define(kw_only=True)
class Entity:
    """Something that Mautic stores under an id.

    Attributes:
        id: 0 until Mautic has given one. Never sent; calls name the id themselves.
        extra: What an answer held and the class does not name, under its original names, in the order it came.
    """

    id: int = 0
    extra: Mapping[str, JSON] = Factory(dict)


@define(kw_only=True)
class Published(Entity):
    """An entity with Mautic's publish block.

    Mautic: REST API, every resource's properties.
    """

    is_published: Maybe[bool] = UNSET
    date_added: FromServer[datetime] = None
    created_by: FromServer[int] = None
    created_by_user: FromServer[str] = None
    date_modified: FromServer[datetime] = None
    modified_by: FromServer[int] = None
    modified_by_user: FromServer[str] = None
