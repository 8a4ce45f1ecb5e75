"""Companies."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from mautic_async.models import Company
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources._membership import Membership

C = TypeVar("C", bound=Company)
D = TypeVar("D", bound=Company)


class Companies(Resource[C], Membership[C]):
    """Companies that contacts belong to.

    Creating one with a known name answers 200 and wipes every field that is not sent: look up, then edit.

    Mautic: REST API, Companies.
    """

    endpoint: ClassVar[Endpoint[Any]] = Endpoint("companies", one="company", many="companies", model=Company)

    def of(self, model: type[D]) -> Companies[D]:
        """The same namespace with a subclass that types your own fields."""
        return Companies(self._pipeline, model)
