"""Projects, which other entities can belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import define

from mautic_async.models._base import JSON, UNSET, Maybe, Published, Unset, as_entities


@define(kw_only=True)
class Project(Published):
    """What belongs together, over all kinds of entities. Mautic 7 or newer; not tried on a live server.

    Attributes:
        name: Required to create; unique, in any case of letters.
        description: For people.
        properties: Whatever its makers keep there.

    Mautic: REST API, Projects.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    properties: Maybe[Mapping[str, JSON]] = UNSET


def as_projects(values: Iterable[Project | int] | Unset | None) -> list[Project] | Unset | None:
    """Take ids for the projects themselves."""
    return as_entities(Project, values)
