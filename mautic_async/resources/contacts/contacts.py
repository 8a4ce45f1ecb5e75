"""Contacts: the standard verbs with what Mautic's contacts need, upserts, and bulk upserts.

Mautic: REST API, Contacts; Custom Objects plugin, contacts API.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, Unpack

from mautic_async import codec
from mautic_async.bulk import BulkJob, BulkOptions
from mautic_async.errors import ConfigurationError, OutcomeUnknown, Problem
from mautic_async.models import Contact
from mautic_async.protocol import Effect, validate_id
from mautic_async.resources import _responses
from mautic_async.resources._base import Endpoint, Query, Resource, ResultPage
from mautic_async.resources._changes import EntityIterator
from mautic_async.resources._company_link import CompanyLinks, company_name
from mautic_async.resources._sync_job import new_job
from mautic_async.resources.bulk_adapters.contacts import ContactUpserts
from mautic_async.resources.contacts import item_identity, validation
from mautic_async.resources.contacts.details import ContactDetails
from mautic_async.resources.contacts.field_schema import Preflight
from mautic_async.resources.contacts.full_preflight import FullPreflight
from mautic_async.where import in_or_eq

if TYPE_CHECKING:
    from mautic_async.journal.records import JobJournal
    from mautic_async.resources.contacts.item_identity import ItemMatching
    from mautic_async.sync import SyncState

C = TypeVar("C", bound=Contact)
D = TypeVar("D", bound=Contact)

INCLUDE_ITEMS = ("includeCustomObjects", "true")
"""The only value that is safe: any text counts as yes, ``false`` too."""


class ContactQuery(Query, total=False):
    """What lists of contacts take beside `Query`.

    Attributes:
        include_custom_objects: Fill `Contact.custom_items`: the newest ten of each object.
    """

    include_custom_objects: bool


class Contacts(ContactDetails[C], Resource[C]):
    """People. Mautic: REST API, Contacts."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "contacts",
        one="contact",
        many="contacts",
        model=Contact,
        filters_published=True,
        date_columns=("date_added", "date_modified"),
    )

    def of(self, model: type[D]) -> Contacts[D]:
        """The same namespace with a subclass that types your own fields.

        Example:
            ``customers = mautic.contacts.of(Customer)``
        """
        return Contacts(self._pipeline, model)

    # --- reading ---------------------------------------------------------------------------------------------------

    async def get(self, id: int, *, include_custom_objects: bool = False) -> C:
        """The contact with this id.

        The answer may be another contact, into which Mautic merged the one asked for: compare `id`.

        Raises:
            NotFound: Nothing has this id.

        Mautic: REST API, Get contact (GET /contacts/ID).
        """
        query = (INCLUDE_ITEMS,) if include_custom_objects else ()
        return self._decode_one(await self._send(self._build_call("GET", Effect.READ, validate_id(id), query=query)))

    async def list(self, **query: Unpack[ContactQuery]) -> ResultPage[C]:
        """One page of contacts; see `Reading.list`. Mautic: REST API, List contacts (GET /contacts)."""
        return await self._list(query)

    def iterate(
        self, *, changed_since: datetime | None = None, read_ahead: bool = False, **query: Unpack[ContactQuery]
    ) -> EntityIterator[C]:
        """Every contact, or each that was changed, exactly once; see `ReadOnlyResource.iterate`.

        Mautic: REST API, List contacts (GET /contacts).
        """
        return self._iterate(query, changed_since=changed_since, read_ahead=read_ahead)

    async def find(self, *, include_custom_objects: bool = False, **unique: str) -> C | None:
        """The contact that really has this value of a field, or None: ``find(email="ada@example.com")``.

        Compared as the database does: without case and accents. If several have it, the one with the lowest id.

        Raises:
            ConfigurationError: Not exactly one field was named, or its value is empty.

        Mautic: REST API, List contacts (GET /contacts with ``where``).
        """
        if len(unique) != 1 or not all(unique.values()):
            raise ConfigurationError('find() takes one field and its value: find(email="ada@example.com")')
        ((alias, value),) = unique.items()
        page = await self._list(
            {
                "where": [in_or_eq(alias, [value.strip()])],
                "order_by": "id",
                "limit": 5,
                "include_custom_objects": include_custom_objects,
            }
        )
        key = validation.collation_key(value)
        candidates = ((item, _responses.field_value(item, alias)) for item in page.items)
        return next((item for item, value in candidates if validation.collation_key(value) == key), None)

    # --- writing ---------------------------------------------------------------------------------------------------

    async def create(self, entity: C) -> C:
        """Store a contact. One with a known e-mail is not new: Mautic updates the contact that holds it.

        Custom items come back with their ids.

        Raises:
            ConfigurationError: It names nothing, or holds what Mautic would drop (a zero) or fall over; nothing was
                sent.
            Rejected: Mautic refused a value.
            OutcomeUnknown: It may have been stored.

        Mautic: REST API, Create contact (POST /contacts/new).
        """
        call = self._build_call(
            "POST", self._create_effect(entity), "new", body=self._create_body(entity), query=_include_items(entity)
        )
        return self._decode_one(await self._send(call))

    async def edit(self, id: int, changes: C) -> C:
        """Change what *changes* names; None, ``""`` and ``[]`` clear a field.

        Raises:
            ConfigurationError: It names nothing, or a zero, which Mautic would drop: see `replace` and
                `subtract_points`.
            NotFound: Nothing has this id.
            Rejected: Mautic refused a value; 422 where another contact holds a unique one.

        Mautic: REST API, Edit contact (PATCH /contacts/ID/edit).
        """
        effect = self._edit_effect(changes)
        body = self._edit_body(changes)
        call = self._build_call("PATCH", effect, validate_id(id), "edit", body=body, query=_include_items(changes))
        payload = await self._send(call)
        stored = self._decode_one(payload)
        if payload.attempts > 1 and (company := company_name(body)):
            # An earlier attempt may have stored the company's name without its link, which this one did not make then.
            problem = await CompanyLinks(self._pipeline, background=False).ensure_linked(stored.id, company)
            if problem is not None:
                raise OutcomeUnknown(
                    f"{call}: the contact is stored, but {problem.message}", call=str(call), may_still_run=False
                )
        return stored

    async def replace(self, id: int, entity: C) -> C:
        """Replace all fields: what *entity* does not name is wiped, the e-mail too; tags, owner and stage stay.

        The one way to store a 0 in a number field. Where nothing has this *id*, Mautic makes a contact with another.

        Raises:
            Rejected: Mautic refused a value.
            OutcomeUnknown: It may have been done.

        Mautic: REST API, Edit contact (PUT /contacts/ID/edit).
        """
        call = self._build_call(
            "PUT",
            Effect.NON_IDEMPOTENT,
            validate_id(id),
            "edit",
            body=self._replace_body(entity),
            query=_include_items(entity),
        )
        return self._decode_one(await self._send(call))

    async def upsert(
        self,
        contact: C,
        *,
        unique: Sequence[str] = ("email",),
        match_items: ItemMatching = None,
        without_key: Literal["refuse", "create"] = "refuse",
        clear: Literal["refuse", "patch"] = "refuse",
    ) -> C:
        """Update the contact that has the same unique value, or create one.

        Never have two upserts of one contact under way at once: Mautic looks, then inserts, and would make two.

        Args:
            contact: With a value for at least one unique field; with an `id` it is an edit of that contact.
            unique: Fields that this Mautic marks as unique identifiers.
            match_items: How new custom items are recognised; see `UniqueField` and `LookupField`.
            without_key: What to do with a contact without any unique value.
            clear: What to do with None and empty values: refuse them, or clear them by a second request.

        Returns:
            The contact as Mautic stored it, custom items with their ids.

        Raises:
            ConfigurationError: It holds what Mautic would drop, wipe with, or fall over; nothing was sent.
            Rejected: Mautic refused a value; 422 where two contacts already share a unique one.
            OutcomeUnknown: It may have been stored: look with `find`, then decide.

        Mautic: REST API, Create contact (POST /contacts/new).
        """
        problems = self.check(contact, unique=unique, match_items=match_items, without_key=without_key, clear=clear)
        validation.raise_for(problems, "contacts.upsert")
        if contact.id:
            return await self.edit(contact.id, contact)
        body = codec.encode(contact)
        cleared = [key for key, value in validation.iter_fields(body) if validation.is_blank(value)]
        sent = {key: value for key, value in body.items() if key not in cleared}
        has_key = any(not validation.is_blank(body.get(name)) for name in unique)
        effect = (
            Effect.UPSERT
            if has_key and item_identity.is_idempotent(match_items, _items(contact))
            else Effect.NON_IDEMPOTENT
        )
        call = self._build_call("POST", effect, "new", body=sent, query=_include_items(contact))
        stored = self._decode_one(await self._send(call))
        if not cleared:
            return stored
        blank = {key: body[key] for key in cleared}
        clearing = self._build_call(
            "PATCH",
            Effect.IDEMPOTENT,
            stored.id,
            "edit",
            body={**blank, "overwriteWithBlank": True},
            query=_include_items(contact),
        )
        return self._decode_one(await self._send(clearing))

    @staticmethod
    def check(
        contact: Contact,
        *,
        unique: Sequence[str] = ("email",),
        match_items: ItemMatching = None,
        without_key: Literal["refuse", "create"] = "refuse",
        clear: Literal["refuse", "patch"] = "refuse",
    ) -> Sequence[Problem]:
        """Why an upsert of *contact* would be refused before it is sent; empty if it would not. Asks nobody.

        Mautic: REST API, Create contact (POST /contacts/new).
        """
        try:
            body = codec.encode(contact)
        except ConfigurationError as error:
            return [Problem(str(error))]
        by_id, keyless, clearing = bool(contact.id), without_key == "create", clear == "patch"
        problems = validation.check_upsert(body, tuple(unique), by_id=by_id, keyless=keyless, clearing=clearing)
        return problems + item_identity.check_items(match_items, _items(contact))

    # --- bulk ------------------------------------------------------------------------------------------------------

    def bulk_upsert(
        self,
        rows: Iterable[C] | AsyncIterable[C],
        *,
        journal: JobJournal | None = None,
        state: SyncState | None = None,
        unique: Sequence[str] | None = None,
        match_items: ItemMatching = None,
        without_key: Literal["refuse", "create"] = "refuse",
        clear: Literal["refuse", "patch"] = "refuse",
        returning: Literal["ids", "contacts"] = "ids",
        resend: Literal["never", "always"] = "never",
        preflight: Literal["fields", "all", "none"] = "fields",
        options: BulkOptions | None = None,
    ) -> BulkJob[C, C]:
        """Upsert any number of contacts, with their custom items, in concurrent batches; every row gets one outcome.

        No two rows with a common unique value are under way at once, nor two that bring the same new tag or company,
        which Mautic would make twice; rows of one contact go in the order of the input. A batch whose answer is lost
        is not sent again blindly: its rows wait until Mautic can no longer be at work on them, then it is looked what
        is there, and only what is missing goes again. Memory holds a few batches, however long the input is.

        Rows may name one contact by different keys (its e-mail, its id, another unique field). Only the answers tell
        that: from then on such rows queue together, and a newer row that an older one may have overwritten meanwhile is
        sent again. So the newest row wins in the end, but Mautic may hold the older values for a moment; a row that
        Mautic refused is not compared.

        Args:
            rows: Contacts. One with an `id` is an edit of that contact.
            journal: Makes a killed job resumable, and keeps ids for its next run.
            state: Sends only the rows that differ from what the last job with this state has stored; the others get the
                outcome ``unchanged``.
            unique: Fields that this Mautic marks as unique identifiers; None: ask it (without a preflight: the e-mail).
            match_items: How new custom items are recognised when an answer was lost; see `UniqueField` and
                `LookupField`. Without it a row with new items whose fate is unknown is reported as ``unknown``, never
                doubled.
            without_key: What to do with a row without any unique value. ``create`` makes a contact each time it is
                    sent.
            clear: What to do with None and empty values: refuse the row, or clear them by a second request.
            returning: What `Outcome.contact` holds: nothing, or the contact as stored.
            resend: ``always`` sends rows of unknown fate again even where that may double their items.
            preflight: Ask for the contact fields first (one request, kept), and refuse rows that do not fit them; with
                ``all`` also for stages, owners, tags and, where there is ``/api/v2``, custom objects (a request each).
            options: Bounds of batch size, concurrency and waiting, and the file for rows that were not stored.

        Example:
            ::

                async with mautic.contacts.upserting(rows) as run:
                    async for outcome in run:
                        print(outcome.index, outcome.status, outcome.id)
                print(run.report)

        Mautic: REST API, Batch create contacts (POST /contacts/batch/new).
        """
        adapter = ContactUpserts(
            pipeline=self._pipeline,
            model=self._model,
            unique=None if unique is None else tuple(unique),
            match_items=match_items,
            keyless=without_key == "create",
            clear=clear,
            returning=returning,
            resend=resend,
            preflight=None if preflight == "none" else self._full_preflight if preflight == "all" else self._preflight,
        )
        return new_job(self, adapter, rows, journal=journal, state=state, options=options)

    @cached_property
    def _preflight(self) -> Preflight:
        return Preflight(self._pipeline)

    @cached_property
    def _full_preflight(self) -> FullPreflight:
        return FullPreflight(self._pipeline)

    # --- what is special about contacts ----------------------------------------------------------------------------

    def _create_effect(self, entity: C) -> Effect:
        has_key = bool(entity.email)
        return Effect.UPSERT if has_key and item_identity.is_idempotent(None, _items(entity)) else Effect.NON_IDEMPOTENT

    def _edit_effect(self, changes: C) -> Effect:
        return Effect.IDEMPOTENT if item_identity.is_idempotent(None, _items(changes)) else Effect.NON_IDEMPOTENT

    def _retry_hazards(self, row: C) -> Sequence[Problem]:
        how = "new items could be doubled; upserting() takes rows with an id, and items= says how items are recognised"
        return [] if self._edit_effect(row) is Effect.IDEMPOTENT else [Problem(how, "custom_items")]

    def _create_body(self, entity: C) -> dict[str, Any]:
        body = self._require_any(codec.encode(entity))
        validation.raise_for(
            validation.check_zeros(body) + validation.check_crashers(body, new=True) + validation.check_email(body),
            "contacts.create",
        )
        return {key: value for key, value in body.items() if not (key == "tags" and value is None)}

    def _edit_body(self, entity: C) -> dict[str, Any]:
        body = self._require_any(codec.encode(entity))
        validation.raise_for(
            validation.check_zeros(body) + validation.check_crashers(body, new=False) + validation.check_email(body),
            "contacts.edit",
        )
        if any(validation.is_blank(value) for _, value in validation.iter_fields(body)):
            body["overwriteWithBlank"] = True  # without it Mautic answers 200 and keeps the old value
        return body

    def _replace_body(self, entity: C) -> dict[str, Any]:
        body = self._require_any(codec.encode(entity))
        validation.raise_for(
            validation.check_crashers(body, new=False) + validation.check_email(body), "contacts.replace"
        )
        return body


def _items(contact: Contact) -> Sequence[Any]:
    return contact.custom_items or ()


def _include_items(contact: Contact) -> tuple[tuple[str, str], ...]:
    return (INCLUDE_ITEMS,) if contact.custom_items else ()
