"""The link between a contact and the company that it names.

Mautic saves a contact in three steps: its own columns with the company's name as text, its custom columns, and the row
that links it to the company. If the request dies in between, the name is stored without the link. Sending the same name
again changes nothing, so Mautic never adds the link. `CompanyLinks.ensure_linked` adds it.

Mautic: REST API, Contacts (GET /contacts/ID/companies); Companies (POST /companies/ID/contact/ID/add).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from attrs import define, frozen

from mautic_async import protocol, where
from mautic_async.errors import NotFound, PermissionDenied, Problem, sanitize
from mautic_async.protocol import Call, Effect
from mautic_async.resources.contacts import validation

if TYPE_CHECKING:
    from mautic_async.pipeline import Pipeline

COMPANY: Final = "company"
"""The property of a contact that names its company."""


def company_name(body: Mapping[str, Any]) -> str:
    """Return the company that a contact's *body* names, or ""."""
    name = body.get(COMPANY)
    return name.strip() if isinstance(name, str) else ""


@frozen
class LinkResult:
    """The result of `link_all`.

    Attributes:
        problems: For each contact None, or the reason why the link is not known to exist.
        requests: Number of calls.
        seconds: Time that the server took for them.
    """

    problems: Sequence[Problem | None]
    requests: int
    seconds: float


async def link_all(pipeline: Pipeline, contacts: Iterable[tuple[int, str]]) -> LinkResult:
    """Ensure the links of contacts, given by id and company name, one after another.

    Raises:
        MauticError: As `CompanyLinks.ensure_linked`; it may be repeated as a whole.
    """
    links = CompanyLinks(pipeline)
    problems = [await links.ensure_linked(contact, company) for contact, company in contacts]
    return LinkResult(problems, links.requests, links.seconds)


@define
class CompanyLinks:
    """Links between contacts and companies: looked up, and added where they are missing.

    Attributes:
        pipeline: Sends the calls.
        background: Whether interactive calls go first.
        requests: Number of calls so far.
        seconds: Time that the server took for those that it answered.
    """

    pipeline: Pipeline
    background: bool = True
    requests: int = 0
    seconds: float = 0.0

    async def ensure_linked(self, contact: int, company: str) -> Problem | None:
        """Ensure that *contact* belongs to the company of that name, as its primary one.

        This is safe to repeat. A missing company is created, so no two tasks may do this for one name at once.

        Returns:
            None if the link exists now, or the reason why that is not known.

        Raises:
            MauticError: A call failed for another reason than a missing right or a deleted contact.
        """
        try:
            # The name is stored already, so that only the link can be missing.
            if company and not await self._is_linked(contact, company):
                id = await self._find(company) or await self._create(company)
                await self._send("POST", f"companies/{id}/contact/{contact}/add", Effect.IDEMPOTENT)
        except (NotFound, PermissionDenied) as error:
            return Problem(f"whether the contact is linked to the company it names is not known: {error}", COMPANY)
        return None

    async def _is_linked(self, contact: int, company: str) -> bool:
        rows = _rows(await self._send("GET", f"contacts/{contact}/companies"), "companies")
        same = validation.collation_key(company)
        # A secondary company of the same name is not the one that the contact names.
        primary = [row for row in rows if str(row.get("is_primary")) == "1"]
        return any(validation.collation_key(row.get("companyname")) == same for row in primary)

    async def _find(self, company: str) -> int:
        query = {"where": [where.in_or_eq("companyname", [company]).parameters()], "limit": 5, "orderBy": "id"}
        rows = _rows(await self._send("GET", "companies", query=protocol.encode_query(query)), "companies")
        return min((int(row["id"]) for row in rows if row.get("id")), default=0)

    async def _create(self, company: str) -> int:
        # UPSERT: Mautic takes a known name for that company, so a repetition makes no second one.
        body = await self._send("POST", "companies/new", Effect.UPSERT, body={"companyname": company})
        created = body.get(COMPANY) if isinstance(body, Mapping) else None
        id = created.get("id") if isinstance(created, Mapping) else None
        if not isinstance(id, int):
            raise NotFound(f"company {sanitize(company, 80)!r} could not be created", status=404)
        return id

    async def _send(self, method: str, path: str, effect: Effect = Effect.READ, **more: Any) -> Any:
        self.requests += 1
        call = Call(method, path, effect, background=self.background, **more)
        payload = await self.pipeline.send(call)
        self.seconds += payload.seconds
        return payload.body


def _rows(body: Any, key: str) -> Sequence[Mapping[str, Any]]:
    # PHP encodes an array as a list if its keys are 0, 1, 2, and as a map otherwise.
    rows = body.get(key) if isinstance(body, Mapping) else None
    found = list(rows.values()) if isinstance(rows, Mapping) else rows
    return [row for row in found or () if isinstance(row, Mapping)] if isinstance(found, list) else []
