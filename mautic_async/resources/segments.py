"""Segments."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any, ClassVar, Unpack

from attrs import evolve

from mautic_async import protocol
from mautic_async.bulk import Outcome
from mautic_async.models import Contact, Segment
from mautic_async.protocol import Effect
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources._changes import EntityIterator
from mautic_async.resources._membership import Membership, add_in_chunks
from mautic_async.resources._set_sync import PAGE, Member, SetReport, WantedContacts, compare, remove_each, report_of
from mautic_async.resources.contacts.contacts import Contacts
from mautic_async.resources.contacts.query import MemberQuery


class Segments(Resource[Segment], Membership[Segment]):
    """Segments, which payloads call lists. Mautic: REST API, Segments."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint("segments", one="list", many="lists", model=Segment)

    async def add_contacts(self, id: int, contact_ids: Iterable[int]) -> list[Outcome[Contact]]:
        """Add several contacts, 200 a request.

        Returns:
            One outcome for each, in order: ``updated`` (it is a member now), or ``rejected`` (no contact has this id).

        Raises:
            NotFound: The segment does not exist.
            PermissionDenied: Not allowed, or the segment is not published.

        Mautic: REST API, Segments, Add contacts (POST /segments/ID/contacts/add).
        """
        ids = [protocol.validate_id(contact) for contact in contact_ids]
        return await add_in_chunks(
            self,
            ids,
            lambda chunk: self._build_call(
                "POST", Effect.IDEMPOTENT, protocol.validate_id(id), "contacts", "add", body={"ids": chunk}
            ),
        )

    def contacts(
        self, id: int, *, changed_since: datetime | None = None, read_ahead: bool = False, **query: Unpack[MemberQuery]
    ) -> EntityIterator[Contact]:
        """Iterate the members of a segment, each once, in the order of ids.

        Args:
            id: Of the segment.
            changed_since: Only members that were added to Mautic or changed since then; not when they joined.
            read_ahead: Fetch the next page while the caller works on this one.
            **query: As for ``contacts.iterate``, without a search.

        Raises:
            NotFound: The segment does not exist.

        Mautic: REST API, List contacts (GET /contacts with ``search=segment:ALIAS``).
        """

        async def search() -> str:
            # The search takes an alias, which only the segment itself tells.
            return f"segment:{(await self.get(id)).alias}"

        contacts: Contacts[Contact] = Contacts(self._pipeline)
        return contacts._iterate_found(search, query, changed_since=changed_since, read_ahead=read_ahead)

    async def sync_contacts(
        self, id: int, contacts: Iterable[Member], *, remove: bool = True, dry_run: bool = False
    ) -> SetReport:
        """Make the members of a segment equal to a given set, with as few calls as Mautic allows.

        One call for the segment, one for each 1,000 members, one for each 200 contacts to add and one for each contact
        to remove: Mautic removes them one by one. E-mail addresses that are no member's cost one more call for about
        150. So 50,000 members of which 250 leave and 250 come, by address, take at most 51 + 2 + 2 + 250 calls.

        A filter of the segment may bring contacts back that it matches, but not those that were removed by hand.

        Args:
            id: Of the segment; it must be published.
            contacts: Ids or e-mail addresses; they are held in memory, about 100 bytes each. An address that several
                contacts have stands for the one with the lowest id, or for those that are members.
            remove: Take out members that are not in the set.
            dry_run: Only report what would be done.

        Raises:
            NotFound: The segment does not exist.
            PermissionDenied: Not allowed, or the segment is not published.
            MauticError: A request failed. Those before it are done, and to call this again is safe.

        Mautic: REST API, Segments, Add contacts, Remove contact; List contacts.
        """
        wanted = WantedContacts(Contacts(self._pipeline), contacts)
        kept, others = await compare(self.contacts(id, select=["id", "email"], minimal=True, limit=PAGE), wanted)
        await wanted.look_up_addresses()
        add = sorted(wanted.ids - kept)
        # A member that did not match at first may have been named by an address that was looked up since.
        surplus = sorted(set(others) - wanted.ids) if remove else []
        if dry_run:
            return SetReport(len(add), len(surplus), len(kept), missing=wanted.missing, dry_run=True)
        # Contacts are added first: a failure in between leaves too many members, not too few.
        report = report_of(await self.add_contacts(id, add), add, kept=len(kept), missing=wanted.missing)
        await remove_each(surplus, partial(self._remove_in_background, id))
        return evolve(report, removed=len(surplus))

    async def _remove_in_background(self, id: int, contact_id: int) -> None:
        path = (protocol.validate_id(id), "contact", contact_id, "remove")
        await self._send(self._build_call("POST", Effect.IDEMPOTENT, *path, background=True))
