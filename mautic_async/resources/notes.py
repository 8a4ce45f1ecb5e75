"""Notes."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Note
from mautic_async.resources._base import Endpoint, Resource


class Notes(Resource[Note]):
    """Notes on contacts. Mautic: REST API, Notes."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "notes", one="note", many="notes", model=Note, create_requires=("lead",)
    )
