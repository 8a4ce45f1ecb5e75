"""Assets."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Asset
from mautic_async.resources._base import Endpoint, Resource


class Assets(Resource[Asset]):
    """Assets: files that visitors can download. Mautic: REST API, Assets."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "assets", one="asset", many="assets", model=Asset, replace_requires=("file", "language")
    )
