"""Dynamic content."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import DynamicContent
from mautic_async.resources._base import Endpoint, Resource


class DynamicContents(Resource[DynamicContent]):
    """Parts of web pages that differ from visitor to visitor. Mautic: REST API, Dynamic content."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "dynamiccontents",
        "dynamicContent",
        "dynamicContents",
        DynamicContent,
        replace_requires=("language", "isCampaignBased"),
    )
