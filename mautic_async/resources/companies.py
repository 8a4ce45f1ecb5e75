"""Companies."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, Unpack

from mautic_async import protocol
from mautic_async.bulk import Outcome
from mautic_async.errors import ConfigurationError, sanitize
from mautic_async.models import Company, Contact
from mautic_async.protocol import Call, Effect
from mautic_async.resources import _responses
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources._changes import EntityIterator
from mautic_async.resources._membership import Membership, assign_in_chunks
from mautic_async.resources._sync_job import new_job
from mautic_async.resources.bulk_adapters.companies import CompanyUpserts
from mautic_async.resources.contacts import validation
from mautic_async.resources.contacts.contacts import Contacts
from mautic_async.resources.contacts.query import MemberQuery

if TYPE_CHECKING:
    from os import PathLike

    from mautic_async.bulk import BulkJob, BulkOptions
    from mautic_async.journal.records import JobJournal
    from mautic_async.sync import SyncState

C = TypeVar("C", bound=Company)
D = TypeVar("D", bound=Company)


class Companies(Resource[C], Membership[C]):
    """Companies that contacts belong to. Unlike in contacts, None, ``""`` and 0 are stored as they are.

    No answer shows whether a company is published.

    Mautic: REST API, Companies.
    """

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "companies", one="company", many="companies", model=Company, date_columns=("date_added", "date_modified")
    )

    def of(self, model: type[D]) -> Companies[D]:
        """Return the same namespace with a subclass that types your own fields."""
        return Companies(self._pipeline, model)

    async def find(self, **unique: str) -> C | None:
        """Return the company that has this value of a field, or None: ``find(companyname="Acme")``.

        Values are compared as the database does, without case and accents. Of several companies, the one with the
        lowest id is returned.

        Raises:
            ConfigurationError: Not exactly one field was named, or its value is empty.

        Mautic: REST API, Companies, List (GET /companies with ``where``).
        """
        if len(unique) != 1 or not all(unique.values()):
            raise ConfigurationError('find() takes one field and its value: find(companyname="Acme")')
        ((alias, value),) = unique.items()
        wanted = validation.collation_key(value)
        return await self._find_first(
            alias, value, lambda found: validation.collation_key(_responses.field_value(found, alias)) == wanted
        )

    async def _check_columns(self, query: Mapping[str, Any]) -> None:
        """Do not check: which columns are custom fields of companies is not known without another request."""

    async def create(self, entity: C) -> C:
        """Store a new company, after looking its name up.

        Mautic takes a creation with a known name for that company, and wipes every field that is not sent.

        Raises:
            ConfigurationError: The name is known: `edit` that company, or `upsert` this one. Nothing was written.
            Rejected: Mautic refused a value.
            ValueNotKept: It is stored without the values that the error names.
            OutcomeUnknown: It may have been stored; look with `find`.

        Mautic: REST API, Companies, Create (POST /companies/new).
        """
        body = self._create_body(entity)
        # Another client may create the name after this look-up; Mautic has no call that does both.
        existing = await self.find(companyname=entity.companyname) if entity.companyname else None
        if existing is not None:
            raise ConfigurationError(
                f"companies.create: not sent: {sanitize(str(entity.companyname), 80)!r} is company {existing.id}, of"
                f" which Mautic would wipe what is not sent; use edit({existing.id}, ...), or upsert()"
            )
        return await self._write(self._build_call("POST", Effect.NON_IDEMPOTENT, "new", body=body))

    def bulk_upsert(
        self,
        rows: Iterable[C] | AsyncIterable[C],
        *,
        unique: str = "companyname",
        journal: JobJournal | str | PathLike[str] | None = None,
        state: SyncState | None = None,
        options: BulkOptions | None = None,
    ) -> BulkJob[C, C]:
        """Edit the companies that have these names and create the others, any number; every row gets one outcome.

        Mautic has no safe upsert of companies, so each batch is looked up first: two requests instead of one.

        Args:
            rows: Companies, each with a name; one with an id is an edit of that company.
            unique: The field by which this Mautic tells companies apart.
            journal: Makes a killed job resumable; a path stands for a `Journal` in that file.
            state: Sends only the rows that differ from what the last job with this state has stored.
            options: Bounds of batch size, concurrency and waiting.

        Mautic: REST API, Companies, List, Batch create and Batch edit.
        """
        adapter = CompanyUpserts(self, unique=unique)
        return new_job(self, adapter, rows, journal=journal, state=state, options=options)

    async def upsert(self, company: C) -> C:
        """Edit the company with this id or name, or create one: a look-up, then an edit or a creation.

        Never have two upserts of one name in flight at once: both look-ups would find nothing.

        Raises:
            ConfigurationError: It is no `Company`, or has no `companyname`; nothing was sent.
            Rejected: Mautic refused a value.
            ValueNotKept: It is stored without the values that the error names.
            OutcomeUnknown: It may have been created; the same upsert may then be sent again.

        Mautic: REST API, Companies (PATCH /companies/ID/edit or POST /companies/new).
        """
        if not isinstance(company, Company):
            raise ConfigurationError(
                f'companies.upsert takes a Company, not a {type(company).__name__}: upsert(Company(companyname="Acme"))'
            )
        # An id names the company for good, whatever its name is now.
        if company.id:
            return await self.edit(company.id, company)
        if not company.companyname or not company.companyname.strip():
            raise ConfigurationError("companies.upsert: a company is found by its companyname, which is not set")
        existing = await self.find(companyname=company.companyname)
        if existing is not None:
            return await self.edit(existing.id, company)
        body = self._create_body(company)
        return await self._write(self._build_call("POST", Effect.NON_IDEMPOTENT, "new", body=body))

    async def add_contacts(self, id: int, contact_ids: Iterable[int]) -> list[Outcome[Contact]]:
        """Add several contacts to a company, 200 a request. Mautic 8 or newer: neither 5.1.1 nor 7.0.2 has this route.

        Returns:
            One outcome for each, in order: ``updated``, or ``rejected`` with Mautic's reason.

        Raises:
            NotFound: The server is older.

        Mautic: REST API, Companies, Batch add contacts (POST /companies/batch/addcontacts).
        """
        company = protocol.validate_id(id)

        async def send(chunk: list[int]) -> tuple[Call, Any]:
            body = {"assignments": [{"contactId": contact, "companyId": company} for contact in chunk]}
            call = self._build_call(
                "POST", Effect.IDEMPOTENT, "batch", "addcontacts", body=body, row_count=len(chunk), is_batch=True
            )
            return call, (await self._send(call, needs="Mautic 8 or newer")).body

        return await assign_in_chunks([protocol.validate_id(contact) for contact in contact_ids], send)

    def contacts(
        self, id: int, *, changed_since: datetime | None = None, read_ahead: bool = False, **query: Unpack[MemberQuery]
    ) -> EntityIterator[Contact]:
        """Iterate the contacts of a company, each once, in the order of ids; none if the company does not exist.

        Args:
            id: Of the company.
            changed_since: Only contacts that were added to Mautic or changed since then; not when they joined.
            read_ahead: Fetch the next page while the caller works on this one.
            **query: As for ``contacts.iterate``, without a search.

        Mautic: REST API, List contacts (GET /contacts with ``search=company_id:ID``).
        """
        company = protocol.validate_id(id)

        async def search() -> str:
            return f"company_id:{company}"

        contacts: Contacts[Contact] = Contacts(self._pipeline)
        return contacts._iterate_found(search, query, changed_since=changed_since, read_ahead=read_ahead)
