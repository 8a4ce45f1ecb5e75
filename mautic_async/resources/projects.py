"""Projects."""

from __future__ import annotations

from typing import ClassVar

from mautic_async.models import Project
from mautic_async.resources._jsonld import ReplaceableJsonLd


class Projects(ReplaceableJsonLd[Project]):
    """Groups of entities of all kinds: Mautic 7 or newer, with Basic authentication only.

    Entities are put into projects by their own `projects` property. Measured on 7.0.2: two projects may have one name.

    Mautic: API v2, projects.
    """

    needs: ClassVar[str] = "Mautic 7 or newer"
    path: ClassVar[str] = "v2/projects"
    model: ClassVar[type[Project]] = Project
