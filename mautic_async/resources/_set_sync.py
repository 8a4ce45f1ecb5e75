"""A set of contacts on the server made equal to a given one: the differences, and a report.

Mautic: REST API, Segments; List contacts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Collection, Coroutine, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from attrs import frozen

from mautic_async import where
from mautic_async.errors import ConfigurationError, MauticError, NotFound, Problem
from mautic_async.protocol import validate_id
from mautic_async.resources.contacts import validation

if TYPE_CHECKING:
    from mautic_async.bulk import Outcome
    from mautic_async.models import Contact
    from mautic_async.resources._base import ReadOnlyResource

Member: TypeAlias = int | str
"""A contact: its id or its e-mail address."""

PAGE: Final = 1000
"""Members a page when only their ids and addresses are asked for: about 400 bytes each."""

REMOVALS_AT_ONCE: Final = 64
"""Removals that wait for the rate limiter at once; how many are under way is the limiter's to say."""


@frozen
class SetReport:
    """Result of a sync of a set, or of its dry run.

    Attributes:
        added: Contacts that were not in the set.
        removed: Contacts that are not in it any more.
        kept: Contacts that were in it already.
        failed: Contacts that could not be added or removed, with the reason, by id.
        missing: Ids and addresses that Mautic does not have.
        dry_run: Nothing was changed.
    """

    added: int = 0
    removed: int = 0
    kept: int = 0
    failed: tuple[tuple[int, Problem], ...] = ()
    missing: tuple[Member, ...] = ()
    dry_run: bool = False

    @property
    def ok(self) -> bool:
        """True if the set is as it was given."""
        return not (self.failed or self.missing or self.dry_run)


class WantedContacts:
    """The contacts that a caller has given, by id and by address.

    Attributes:
        ids: Of those whose id is known.
    """

    def __init__(self, contacts: ReadOnlyResource[Any], members: Iterable[Member]) -> None:
        self.ids: set[int] = set()
        self._contacts = contacts
        self._addresses: dict[str, str] = {}
        for member in members:
            if isinstance(member, str) and member.strip():
                self._addresses[str(validation.collation_key(member))] = member.strip()
            elif isinstance(member, int):
                self.ids.add(validate_id(member))
            else:
                raise ConfigurationError(f"a contact must be given by its id or its e-mail address, not {member!r}")

    @property
    def missing(self) -> tuple[Member, ...]:
        """Addresses that no contact was found for."""
        return tuple(self._addresses.values())

    def claim(self, contact: Contact) -> bool:
        """Return True if *contact* is wanted, by its id or by its address."""
        key = str(validation.collation_key(contact.email)) if contact.email else ""
        if key in self._addresses:
            # The first contact takes the address; further ones with it are not wanted.
            del self._addresses[key]
            self.ids.add(contact.id)
        return contact.id in self.ids

    async def look_up_addresses(self) -> None:
        """Look up the addresses that belong to no contact seen so far."""
        for piece in where.url_sized_groups(list(self._addresses.values())):
            query = {"where": [where.in_or_eq("email", piece)], "select": ["id", "email"], "order_by": "id"}
            # Several contacts may have one address, hence more rows than addresses.
            page = await self._contacts._list({**query, "minimal": True, "limit": 5 * len(piece)})
            for contact in page.items:
                self.claim(contact)


async def compare(members: AsyncIterable[Contact], wanted: WantedContacts) -> tuple[set[int], list[int]]:
    """Return the ids of members that are wanted, and of those that are not."""
    kept: set[int] = set()
    surplus: list[int] = []
    async for member in members:
        if wanted.claim(member):
            kept.add(member.id)
        else:
            surplus.append(member.id)
    return kept, surplus


async def remove_each(ids: Sequence[int], remove: Callable[[int], Coroutine[Any, Any, None]]) -> None:
    """Remove contacts one by one, several at once; one that was deleted meanwhile is removed.

    Raises:
        MauticError: One of the requests failed; others may have been done.
    """

    async def remove_one(id: int) -> None:
        # A contact that was deleted meanwhile is no member any more.
        with suppress(NotFound):
            await remove(id)

    # In groups, so that a long list does not become as many tasks.
    for start in range(0, len(ids), REMOVALS_AT_ONCE):
        try:
            async with asyncio.TaskGroup() as group:
                for id in ids[start : start + REMOVALS_AT_ONCE]:
                    group.create_task(remove_one(id))
        except* MauticError as errors:
            # A TaskGroup raises groups, but callers expect one MauticError.
            raise _first(errors) from None


def report_of(
    outcomes: Sequence[Outcome[Any]],
    add: Sequence[int],
    remove: Collection[int] = (),
    *,
    kept: int,
    missing: tuple[Member, ...],
) -> SetReport:
    """Return the report of changes, first of contacts to add, then of contacts to remove."""
    ids = [*add, *remove]
    # A contact that was deleted meanwhile is missing, which is no failure of the sync.
    gone = [ids[outcome.index] for outcome in outcomes if any(problem.code == 404 for problem in outcome.problems)]
    failed = tuple(
        (ids[outcome.index], outcome.problems[0] if outcome.problems else Problem(f"its outcome is {outcome.status}"))
        for outcome in outcomes
        if not outcome.ok and ids[outcome.index] not in gone
    )
    done = {ids[outcome.index] for outcome in outcomes if outcome.ok}
    added = sum(id in done for id in add)
    return SetReport(added, sum(id in done for id in remove), kept, failed, (*missing, *gone))


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    error: BaseException = group
    # Groups may be nested, one in another.
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
