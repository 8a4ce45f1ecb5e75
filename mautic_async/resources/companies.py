"""Companies."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from mautic_async.models import Company
from mautic_async.resources import _streams
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources._membership import Membership

if TYPE_CHECKING:
    from mautic_async.bulk import Plan, Run
    from mautic_async.ledger import Ledger

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

    def upserting(
        self,
        rows: Iterable[C] | AsyncIterable[C],
        *,
        unique: str = "companyname",
        journal: Ledger | None = None,
        plan: Plan | None = None,
    ) -> Run[C, C]:
        """Edit the companies that have these names and create the others; any number, every row gets one outcome.

        Mautic has no safe upsert of companies, so each batch is looked up first: two requests instead of one.

        Args:
            rows: Companies, each with a name; one with an id is an edit of that company.
            unique: The field by which this Mautic tells companies apart.
            journal: Makes a killed job resumable.
            plan: Bounds of batch size, concurrency and waiting.

        Mautic: REST API, List companies; Batch create companies; Batch edit companies.
        """
        courier = _streams.CompanyCourier(self, unique=unique)
        return _streams.start(courier, rows, journal, plan)
