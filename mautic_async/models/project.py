"""Projects, which group entities of all kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import define

from mautic_async.models._base import JSON, UNSET, Maybe, Published, Unset, as_entities


@define(kw_only=True)
class Project(Published):
    """Group of entities of all kinds. Mautic 7 or newer.

    Attributes:
        name: Required to create; unique, in any case of letters.
        description: Text for users of Mautic.
        properties: Additional data, as a map.

    Mautic: REST API, Projects.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    properties: Maybe[Mapping[str, JSON]] = UNSET


def as_projects(values: Iterable[Project | int] | Unset | None) -> list[Project] | Unset | None:
    """Return the projects themselves for ids."""
    return as_entities(Project, values)
