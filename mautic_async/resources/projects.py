"""Projects."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Project
from mautic_async.resources._base import Endpoint, Resource


class Projects(Resource[Project]):
    """What belongs together. Mautic 7 or newer; not tried on a live server. Mautic: REST API, Projects."""

    needs: ClassVar[str] = "Mautic 7 or newer"
    endpoint: ClassVar[Endpoint[Any]] = Endpoint("projects", one="project", many="projects", model=Project)
