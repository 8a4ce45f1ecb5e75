"""Projects."""

from __future__ import annotations

from typing import ClassVar

from mautic_async.models import Project
from mautic_async.resources._jsonld import ReplaceableJsonLd


class Projects(ReplaceableJsonLd[Project]):
    """Groups of entities of all kinds: Mautic 7, with Basic authentication only. Mautic: API v2, projects.

    Entities name their projects in their own `projects` property. Two projects may have one name.
    """

    needs: ClassVar[str] = "Mautic 7 or newer"
    path: ClassVar[str] = "v2/projects"
    model: ClassVar[type[Project]] = Project
