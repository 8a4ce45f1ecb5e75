"""Contacts: the standard verbs with what Mautic's contacts need, upserts, and bulk upserts.

Mautic: REST API, Contacts; Custom Objects plugin, contacts API.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar, Unpack

from mautic_async.errors import ConfigurationError
from mautic_async.models import Contact
from mautic_async.protocol import Effect, validate_id
from mautic_async.resources import _responses
from mautic_async.resources._base import Endpoint, ResultPage
from mautic_async.resources._changes import EntityIterator
from mautic_async.resources._sync_job import new_job
from mautic_async.resources.bulk_adapters.contact_job import UpsertOptions
from mautic_async.resources.bulk_adapters.contacts import ContactUpserts
from mautic_async.resources.contacts import validation
from mautic_async.resources.contacts.bodies import Zeros
from mautic_async.resources.contacts.details import ContactDetails
from mautic_async.resources.contacts.do_not_contact import DoNotContactLists
from mautic_async.resources.contacts.full_preflight import FullPreflight
from mautic_async.resources.contacts.query import ContactQuery, MemberQuery
from mautic_async.resources.contacts.writes import INCLUDE_ITEMS, ContactWrites

if TYPE_CHECKING:
    from os import PathLike

    from mautic_async.bulk import BulkJob, BulkOptions
    from mautic_async.journal.records import JobJournal
    from mautic_async.resources.contacts.item_identity import ItemMatching
    from mautic_async.sync import SyncState

C = TypeVar("C", bound=Contact)
D = TypeVar("D", bound=Contact)


class Contacts(ContactDetails[C], DoNotContactLists[C], ContactWrites[C]):
    """People. Mautic: REST API, Contacts."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        *("contacts", "contact", "contacts", Contact), date_columns=("date_added", "date_modified")
    )

    def of(self, model: type[D]) -> Contacts[D]:
        """Return the same namespace with a subclass that types your own fields.

        Example:
            ``customers = mautic.contacts.of(Customer)``
        """
        return Contacts(self._pipeline, model)

    # --- reading ---------------------------------------------------------------------------------------------------

    async def get(self, id: int, *, include_custom_objects: bool = False) -> C:
        """Return the contact with this id, or the contact into which Mautic has merged it: compare its `id`.

        Args:
            id: Of the contact.
            include_custom_objects: Fill `Contact.custom_items`: the newest ten of each object.

        Raises:
            NotFound: Nothing has this id.

        Mautic: REST API, Get contact (GET /contacts/ID).
        """
        query = (INCLUDE_ITEMS,) if include_custom_objects else ()
        return self._decode_one(await self._send(self._build_call("GET", Effect.READ, validate_id(id), query=query)))

    async def list(self, **query: Unpack[ContactQuery]) -> ResultPage[C]:
        """Return one page of contacts.

        Args:
            **query: All optional.

                - ``search`` (str): Mautic's search syntax, such as ``"segment:vip"`` (the alias of a segment),
                  ``"tag:customer"``, ``"owner:me"``, ``"email:*@example.com"``, ``"is:anonymous"`` or
                  ``"!is:anonymous"``; several are tied by ``AND`` and ``OR``.
                - ``where``: conditions of `mautic_async.where`, one or a list, such as
                  ``where.gte("date_modified", since)``. Columns have the database's names (``date_added``), fields
                  their aliases. Conditions lift the restriction of a limited user to contacts of that user.
                - ``order_by`` (str), a column, and ``order_by_dir`` (``"asc"`` or ``"desc"``).
                - ``start`` (int, from 0) and ``limit`` (int, from 1): the page. Mautic's own limit is 30.
                - ``include_custom_objects`` (bool): fill `Contact.custom_items`.
                - ``minimal`` (bool): leave out related entities.
                - ``select`` (list of str): the columns to fill. The others keep their defaults.
                - ``published`` (bool): only published contacts, which are all of them.

        Raises:
            ConfigurationError: Mautic would ignore a parameter, or answer it with a 500.

        Example:
            ``page = await mautic.contacts.list(search="segment:vip", order_by="last_active", limit=50)``

        Mautic: REST API, List contacts (GET /contacts).
        """
        return await self._list(query)

    def iterate(
        self, *, changed_since: datetime | None = None, read_ahead: bool = False, **query: Unpack[ContactQuery]
    ) -> EntityIterator[C]:
        """Yield every contact exactly once, also while others are added or deleted; one page is in memory.

        Args:
            changed_since: Only contacts added or changed since then, with a time zone: the `EntityIterator.watermark`
                of the run before. Deleted ones are not told.
            read_ahead: Fetch the next page while the caller works on this one; then two pages are in memory.
            **query: As for `list`, without ``start``. ``limit`` is the size of a page, 100 by default. Without
                ``order_by`` the order is by id.

        Mautic: REST API, List contacts (GET /contacts).
        """
        return self._iterate(query, changed_since=changed_since, read_ahead=read_ahead)

    def _iterate_found(
        self,
        search: Callable[[], Awaitable[str]],
        query: MemberQuery,
        *,
        changed_since: datetime | None,
        read_ahead: bool,
    ) -> EntityIterator[C]:
        """Iterate the contacts of a search, which is made when the first of them is asked for."""

        async def items() -> AsyncIterator[C]:
            found: dict[str, Any] = {**query, "search": await search()}
            # A caller that leaves early must also end the inner iteration, and the request that reads ahead.
            async with aclosing(self._iterate(found, changed_since=changed_since, read_ahead=read_ahead)) as contacts:
                async for contact in contacts:
                    yield contact

        return EntityIterator(items(), self._pipeline.clock)

    async def find(self, *, include_custom_objects: bool = False, **unique: str) -> C | None:
        """Return the contact that has this value of a field, or None: ``find(email="ada@example.com")``.

        Values are compared as the database does, without case and accents. Of several contacts, the one with the lowest
        id is returned.

        Args:
            include_custom_objects: Fill `Contact.custom_items`: the newest ten of each object.
            **unique: One field and its value.

        Raises:
            ConfigurationError: Not exactly one field was named, or its value is empty.

        Mautic: REST API, List contacts (GET /contacts with ``where``).
        """
        if len(unique) != 1 or not all(unique.values()):
            raise ConfigurationError('find() takes one field and its value: find(email="ada@example.com")')
        ((alias, value),) = unique.items()
        wanted = validation.collation_key(value)
        return await self._find_first(
            alias,
            value,
            lambda found: validation.collation_key(_responses.field_value(found, alias)) == wanted,
            include_custom_objects=include_custom_objects,
        )

    # --- bulk --------------------------------------------------------------------------------------------------------

    def bulk_upsert(
        self,
        rows: Iterable[C] | AsyncIterable[C],
        *,
        journal: JobJournal | str | PathLike[str] | None = None,
        state: SyncState | None = None,
        unique: Sequence[str] | None = None,
        match_items: ItemMatching = None,
        without_key: Literal["refuse", "create"] = "refuse",
        clear: Literal["refuse", "patch"] = "refuse",
        zeros: Zeros = "refuse",
        returning: Literal["ids", "contacts"] = "ids",
        resend: Literal["never", "always"] = "never",
        preflight: Literal["fields", "all", "none"] = "fields",
        options: BulkOptions | None = None,
    ) -> BulkJob[C, C]:
        """Upsert any number of contacts, with their custom items, in concurrent batches; every row gets one outcome.

        No two rows with a common unique value are in flight at once, nor two that bring the same new tag or company,
        which Mautic would create twice; rows of one contact go in the order of the input. A batch whose answer is lost
        is not sent again blindly: its rows wait until Mautic can no longer be working on them, are looked up, and only
        what is missing is sent again. Memory holds a few batches, however long the input is.

        Rows may name one contact by different keys (its e-mail, its id, another unique field). Only the answers tell
        that: from then on such rows queue together, and a newer row that an older one may have overwritten meanwhile is
        sent again. So the newest row wins in the end, but Mautic may hold the older values for a moment. A row that
        Mautic refused is not compared.

        Args:
            rows: Contacts. One with an `id` is an edit of that contact.
            journal: Makes a killed job resumable, and keeps ids for its next run; a path stands for a `Journal` there.
            state: Sends only the rows that differ from what the last job with this state has stored; the others get the
                outcome ``unchanged``.
            unique: Fields that this Mautic marks as unique identifiers; None: ask it (without a preflight: the e-mail).
            match_items: How new custom items are recognised when an answer was lost; see `UniqueField` and
                `LookupField`. Without it a row with new items is never sent twice: it is reported as ``unknown``.
            without_key: Treatment of a row without any unique value. ``create`` makes a contact each time it is sent.
            clear: Treatment of None and empty values: refuse the row, or clear them.
            zeros: ``drop`` leaves zeros out of number fields; neither POST nor PATCH stores them.
            returning: What `Outcome.contact` holds: nothing, or the contact as stored.
            resend: ``always`` sends rows with an unknown outcome again even where that may double their items.
            preflight: Ask for the contact fields first (one request, kept), and refuse rows that do not fit them; with
                ``all`` also for stages, owners, tags and, where there is ``/api/v2``, custom objects (a request each).
            options: Bounds of batch size, concurrency and waiting, and the file for rows that were not stored.

        Example:
            ::

                async with mautic.contacts.bulk_upsert(rows) as job:
                    async for outcome in job:
                        print(outcome.index, outcome.status, outcome.id)
                print(job.report)

        Mautic: REST API, Batch create contacts (POST /contacts/batch/new).
        """
        upserts = UpsertOptions(
            model=self._model,
            unique=unique,
            match_items=match_items,
            keyless=without_key == "create",
            clear=clear,
            zeros=zeros,
            returning=returning,
            resend=resend,
        )
        schema = None if preflight == "none" else self._full_preflight if preflight == "all" else self._preflight
        adapter = ContactUpserts(self._pipeline, upserts, schema)
        return new_job(self, adapter, rows, journal=journal, state=state, options=options)

    @cached_property
    def _full_preflight(self) -> FullPreflight:
        return FullPreflight(self._pipeline)
