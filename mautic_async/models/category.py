"""Categories."""

from __future__ import annotations

from attrs import define

from mautic_async.models._base import UNSET, Maybe, Published, Unset, as_entity


@define(kw_only=True)
class Category(Published):
    """Label for entities of one kind. Answers never show `is_published`.

    Attributes:
        title: Required to create.
        alias: Derived from the title if not given.
        description: Text for users of Mautic.
        color: Six hexadecimal digits, without ``#``.
        bundle: Kind of entity: ``asset campaign email form global messages page plugin:focus point segment stage``,
            or another plugin's word. ``global`` is for all kinds, also for those that have no bundle. Required to
            create.

    Mautic: REST API, Categories.
    """

    title: Maybe[str] = UNSET
    alias: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    color: Maybe[str] = UNSET
    bundle: Maybe[str] = UNSET


def as_category(value: Category | int | Unset | None) -> Category | Unset | None:
    """Return the category itself for an id."""
    return as_entity(Category, value)
