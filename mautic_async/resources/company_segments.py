"""Company segments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from mautic_async import protocol
from mautic_async.bulk import Outcome
from mautic_async.models import Company, CompanySegment
from mautic_async.protocol import Effect
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources._membership import add_in_chunks


class CompanySegments(Resource[CompanySegment]):
    """Lists of companies. Mautic 8 or newer, or a plugin: neither 5.1.1 nor 7.0.2 has these routes.

    Mautic: REST API, Company segments.
    """

    needs: ClassVar[str] = "Mautic 8 or newer, or the plugin Company Segments"
    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "companysegments", one="companysegment", many="companysegments", model=CompanySegment
    )

    async def add_company(self, id: int, company_id: int) -> None:
        """Add a company; nothing changes if it is a member already.

        Raises:
            NotFound: The segment or the company does not exist, or the server is older.

        Mautic: REST API, Company segments, Add company (POST /companysegments/ID/company/COMPANY_ID/add).
        """
        await self._send(self._member_call(id, "company", company_id, "add"))

    async def remove_company(self, id: int, company_id: int) -> None:
        """Remove a company; nothing changes if it is no member.

        Raises:
            NotFound: The segment or the company does not exist, or the server is older.

        Mautic: REST API, Company segments, Remove company (POST /companysegments/ID/company/COMPANY_ID/remove).
        """
        await self._send(self._member_call(id, "company", company_id, "remove"))

    async def add_companies(self, id: int, company_ids: Iterable[int]) -> list[Outcome[Company]]:
        """Add several companies, 200 a request.

        Returns:
            One outcome for each, in order: ``updated`` (it is a member now), or ``rejected`` (no company has this id).

        Raises:
            NotFound: The segment does not exist, or the server is older.

        Mautic: REST API, Company segments, Add companies (POST /companysegments/ID/companies/add).
        """
        ids = [protocol.validate_id(company) for company in company_ids]
        return await add_in_chunks(
            self,
            ids,
            lambda chunk: self._build_call(
                "POST", Effect.IDEMPOTENT, protocol.validate_id(id), "companies", "add", body={"ids": chunk}
            ),
        )
