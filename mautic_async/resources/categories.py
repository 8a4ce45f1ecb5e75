"""Categories."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Category
from mautic_async.resources._base import Endpoint, Resource


class Categories(Resource[Category]):
    """Categories of other entities; no answer shows whether one is published. Mautic: REST API, Categories."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint("categories", one="category", many="categories", model=Category)
