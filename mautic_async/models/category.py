"""Categories."""

from __future__ import annotations

from attrs import define

from mautic_async.models._base import UNSET, Maybe, Published, Unset, as_entity


@define(kw_only=True)
class Category(Published):
    """A label for entities of one kind.

    Attributes:
        title: Required to create.
        alias: Made from the title if not given.
        description: For people.
        color: Six hexadecimal digits, without ``#``.
        bundle: What it is for: ``asset campaign email form global messages page point segment stage`` or a plugin's own
            word. Required to create.

    Mautic: REST API, Categories.
    """

    title: Maybe[str] = UNSET
    alias: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    color: Maybe[str] = UNSET
    bundle: Maybe[str] = UNSET


def as_category(value: Category | int | Unset | None) -> Category | Unset | None:
    """Take an id for the category itself."""
    return as_entity(Category, value)
