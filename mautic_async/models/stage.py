"""Stages, one of which a contact can be in."""

from __future__ import annotations

from attrs import define, field

from mautic_async.models._base import UNSET, Maybe, Ref, Scheduled, Unset, as_entity
from mautic_async.models.category import Category, as_category
from mautic_async.models.project import Project, as_projects


@define(kw_only=True)
class Stage(Scheduled):
    """How far a contact has come.

    Attributes:
        name: Required to create.
        description: For people.
        weight: Contacts only move to a heavier stage by themselves.
        category: Of bundle ``stage``.
        projects: Mautic 7 or newer.

    Mautic: REST API, Stages.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    weight: Maybe[int] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)


def as_stage(value: Stage | int | Unset | None) -> Stage | Unset | None:
    """Take an id for the stage itself."""
    return as_entity(Stage, value)
