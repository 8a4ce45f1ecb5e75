"""Do-not-contact entries: one by one, as a list, and in step with a set of your own.

Mautic: REST API, Contacts; Stats, table ``lead_donotcontact``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from mautic_async import where
from mautic_async.models import Contact, DoNotContact, DoNotContactEntry
from mautic_async.resources import _stat_rows
from mautic_async.resources._base import Resource
from mautic_async.resources._changes import EntityIterator, since_clause
from mautic_async.resources._set_sync import Member, SetReport, WantedContacts, report_of
from mautic_async.resources.stats import Stats

if TYPE_CHECKING:
    from mautic_async.where import Where

C = TypeVar("C", bound=Contact)

BY_HAND = 3
"""Reason of an entry that a person or a program has made, not the contact."""


class DoNotContactLists(Resource[C]):
    """Lists of do-not-contact entries. Mautic: REST API, Contacts, Do Not Contact."""

    def read_do_not_contact(
        self, channel: str | None = "email", *, since: datetime | None = None
    ) -> EntityIterator[DoNotContactEntry]:
        """Iterate the do-not-contact entries, in the order of their ids: contacts that have unsubscribed, for instance.

        An entry that was removed leaves no trace: contacts that may be contacted again are not told.

        Args:
            channel: ``email``, ``sms``, ...; None for all.
            since: Only entries that were made, or got another reason, since then, with a time zone: the
                `EntityIterator.watermark` of the run before.

        Raises:
            PermissionDenied: The user may not read tables of statistics.

        Mautic: REST API, Stats, Get stats from table (GET /stats/lead_donotcontact).
        """
        clauses: list[Where] = [where.eq("channel", channel)] if channel is not None else []
        if since is not None:
            clauses.append(since_clause(since, "date_added"))
        return EntityIterator(self._entries(clauses), self._pipeline.clock)

    async def _entries(self, clauses: Sequence[Where]) -> AsyncIterator[DoNotContactEntry]:
        rows = Stats(self._pipeline).iterate("lead_donotcontact", where=clauses, limit=_stat_rows.PAGE_ROWS)
        async for row in rows:
            yield _stat_rows.do_not_contact_entry(row)

    async def sync_do_not_contact(
        self,
        channel: str,
        contacts: Iterable[Member],
        *,
        reason: int = BY_HAND,
        remove: Collection[int] = (),
        dry_run: bool = False,
    ) -> SetReport:
        """Make sure that the given contacts are not contacted on a channel, and release others if that is wanted.

        One call for each 5,000 entries that there are, one for about 150 e-mail addresses, and one for each 200
        contacts that change. A contact that has an entry for the channel keeps it, whatever its reason.

        Args:
            channel: ``email``, ``sms``, ...
            contacts: Ids or e-mail addresses; they are held in memory.
            reason: Of new entries: 1 unsubscribed, 2 bounced, 3 by hand.
            remove: Reasons of entries to remove where the contact is not in *contacts*, such as ``(3,)``. None by
                default: a contact who has unsubscribed must not be contacted because a list of yours lacks it.
            dry_run: Only report what would be done.

        Raises:
            PermissionDenied: The user may not read tables of statistics, or not edit contacts.
            MauticError: A request failed. Those before it are done, and to call this again is safe.

        Mautic: REST API, Contacts, Batch edit (PATCH /contacts/batch/edit); Stats.
        """
        wanted = WantedContacts(self, contacts)
        # First, because entries name contacts by their ids only.
        await wanted.look_up_addresses()
        kept: set[int] = set()
        release: list[int] = []
        async for entry in self.read_do_not_contact(channel):
            if entry.contact_id in wanted.ids:
                kept.add(entry.contact_id)
            elif entry.contact_id and entry.reason in remove:
                release.append(entry.contact_id)
        add = sorted(wanted.ids - kept)
        if dry_run:
            return SetReport(len(add), len(release), len(kept), missing=wanted.missing, dry_run=True)
        # Reason 0 removes an entry.
        changes = [*((id, reason) for id in add), *((id, 0) for id in release)]
        rows = [self._model(id=id, do_not_contact=[DoNotContact(channel=channel, reason=why)]) for id, why in changes]
        async with self.bulk_edit(rows) as job:
            # Outcomes come as batches end; the report goes by the order of the rows.
            outcomes = sorted([outcome async for outcome in job], key=lambda outcome: outcome.index)
        return report_of(outcomes, add, release, kept=len(kept), missing=wanted.missing)
