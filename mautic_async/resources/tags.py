"""Tags."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Tag
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.wire import Effect


class Tags(Resource[Tag]):
    """Tags; creating one that exists gives that one. Mautic: REST API, Tags."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "tags", one="tag", many="tags", model=Tag, creating=Effect.SET, filters=False
    )
