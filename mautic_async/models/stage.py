"""Stages of contacts; a contact is in one at most."""

from __future__ import annotations

from attrs import define, field

from mautic_async.models._base import UNSET, Maybe, Ref, Scheduled, Unset, as_entity
from mautic_async.models.category import Category, as_category
from mautic_async.models.project import Project, as_projects


@define(kw_only=True)
class Stage(Scheduled):
    """Stage of contacts on their way to a customer.

    Attributes:
        name: Required to create.
        description: Text for users of Mautic.
        weight: Rank; stage actions move contacts only to stages of greater weight.
        category: Category of bundle ``stage``.
        projects: Projects that it belongs to. Mautic 7 or newer.

    Mautic: REST API, Stages.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    weight: Maybe[int] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)


def as_stage(value: Stage | int | Unset | None) -> Stage | Unset | None:
    """Return the stage itself for an id."""
    return as_entity(Stage, value)
