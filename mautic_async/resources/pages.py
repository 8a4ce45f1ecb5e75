"""Pages."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Page
from mautic_async.resources._base import Endpoint, Resource


class Pages(Resource[Page]):
    """Landing pages; `list` and `iterate` leave out A/B variants and translations. Mautic: REST API, Pages."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "pages", one="page", many="pages", model=Page, keyset=False, replace_requires=("language",)
    )
