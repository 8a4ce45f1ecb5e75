"""Looks up contacts and compares them with the rows whose answer was lost.

Mautic: REST API, List contacts (GET /contacts with ``where``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from attrs import define, field

from mautic_async import codec, protocol, where
from mautic_async.models import Contact, CustomItem
from mautic_async.protocol import Call, Effect, Response
from mautic_async.resources import _responses
from mautic_async.resources.contacts import item_identity, validation

if TYPE_CHECKING:
    from mautic_async.pipeline import Pipeline
    from mautic_async.protocol import Payload
    from mautic_async.resources.contacts.item_identity import ItemMatching


@define(eq=False)
class ClockOffset:
    """Bounds, learned from answers, for the seconds by which the server's clock is ahead of this machine's."""

    low: float = 0.0
    high: float | None = None

    def update(self, payload: Payload, sent_at: float, received_at: float) -> None:
        """Learn from an answer. Its ``Date``, in whole seconds, was written between *sent_at* and *received_at*."""
        date = protocol.parse_date(Response(payload.status, payload.headers))
        if date is not None:
            # The header has whole seconds, so the server's time lies between *date* and *date* + 1.
            self.low, self.high = date - received_at, date + 1 - sent_at

    def maybe_after(self, moment: float | None, since: float) -> bool:
        """Return True if *moment*, whole seconds of the server's clock, may be at or after *since* of ours."""
        return moment is not None and since > 0 and moment + 1 > since + self.low

    def surely_after(self, moment: float | None, since: float) -> bool:
        """Return True if *moment* must be at or after *since*."""
        return moment is not None and since > 0 and self.high is not None and moment >= since + self.high


C = TypeVar("C", bound=Contact)


@define(eq=False)
class Match(Generic[C]):
    """A stored contact, compared with a row.

    Attributes:
        contact: As it is stored.
        made_by_this_job: It was created since the row was first sent.
        maybe_changed: It may have been changed since then: a write that changes nothing leaves no date.
        made_by_last_request: It was created by the row's last request.
        matches_row: It has all values that the row names.
        facts: The ids to remember.
        items_complete: All new items of the row are stored as the row has them.
        items_distinguishable: Each new item of the row is either visible or surely missing. For an item without an
            identity the dates tell: if no item of its object was added since the row was first sent, it is missing.
    """

    contact: C
    made_by_this_job: bool
    maybe_changed: bool
    made_by_last_request: bool
    matches_row: bool
    facts: dict[str, Any]
    items_complete: bool
    items_distinguishable: bool


@define(eq=False)
class ContactLookup(Generic[C]):
    """Contacts looked up by their unique values.

    Attributes:
        requests: The number of requests so far.
    """

    pipeline: Pipeline
    model: type[C]
    unique: Sequence[str]
    match_items: ItemMatching
    clock_offset: ClockOffset = field(factory=ClockOffset)
    requests: int = 0
    _stored: dict[tuple[str, str], C] = field(factory=dict)

    async def fetch(self, rows: Sequence[Contact]) -> None:
        """Fetch the contacts that have the ids of *rows*, or their unique values."""
        with_items = any(row.custom_items for row in rows)
        values_by_name: dict[str, list[str]] = {}
        for name, value in (pair for row in rows for pair in self._lookup_values(row)):
            values_by_name.setdefault(name, []).append(value)
        for name, values in values_by_name.items():
            # Conditions travel in the URL, whose length servers limit.
            for piece in where.url_sized_groups(values):
                for contact in await self._find(name, piece, with_items=with_items):
                    # The list is in the order of ids, so the oldest contact with the value wins.
                    self._stored.setdefault(
                        (name, validation.collation_key(_responses.field_value(contact, name))), contact
                    )

    def _lookup_values(self, row: Contact) -> list[tuple[str, str]]:
        if row.id:
            return [("id", str(row.id))]
        values = ((name, str(_responses.field_value(row, name)).strip()) for name in self.unique)
        return [(name, value) for name, value in values if value]

    async def _find(self, name: str, values: Sequence[str], *, with_items: bool) -> list[C]:
        query: dict[str, object] = {
            "where": [where.in_or_eq(name, values).parameters()],
            # Several contacts may share a value, so a limit of one each could hide the right one.
            "limit": 5 * len(values),
            "orderBy": "id",
        }
        if with_items:
            query["includeCustomObjects"] = "true"
        call = Call("GET", "contacts", Effect.READ, query=protocol.encode_query(query), background=True)
        wall = self.pipeline.clock.wall_time
        self.requests += 1
        sent_at = wall()
        payload = await self.pipeline.send(call)
        self.clock_offset.update(payload, sent_at, wall())
        return _responses.decode_entities(call, payload.body, "contacts", self.model)

    def match(self, row: Contact, body: Mapping[str, Any], *, first_sent_at: float, sent_at: float) -> Match[C] | None:
        """Compare *row*, whose fields are *body*, with its contact; return None if there is none."""
        keys = [(name, validation.collation_key(value)) for name, value in self._lookup_values(row)]
        found = next((self._stored[key] for key in keys if key in self._stored), None)
        if found is None:
            return None
        created = found.date_added.timestamp() if found.date_added is not None else None
        changed = found.date_modified.timestamp() if found.date_modified is not None else None
        new_by_key, stored_by_key = (
            item_identity.new_items(self.match_items, row.custom_items),
            item_identity.stored_items(self.match_items, found.custom_items),
        )
        ids = item_identity.matched_ids(new_by_key, stored_by_key)
        new = [item for item in row.custom_items or () if not item.id]
        named = len(new_by_key) == len(new)
        return Match(
            found,
            made_by_this_job=self.clock_offset.maybe_after(created, first_sent_at),
            maybe_changed=any(self.clock_offset.maybe_after(moment, first_sent_at) for moment in (created, changed)),
            made_by_last_request=self.clock_offset.surely_after(created, sent_at),
            matches_row=_matches_row(found, body) and len(new) == len(row.custom_items or ()),
            facts={"id": found.id, **({"items": ids} if ids else {})},
            items_complete=all(
                name in stored_by_key and item_identity.matches(stored_by_key[name], item)
                for name, item in new_by_key.items()
            )
            and (
                named or self._all_stored(found, [item for item in new if not self._identity_key(item)], first_sent_at)
            ),
            items_distinguishable=not any(self._may_be_stored(found, item, first_sent_at, ids) for item in new),
        )

    def _identity_key(self, item: CustomItem) -> str:
        return item_identity.identity_key(item_identity.identify(self.match_items, item))

    def _all_stored(self, found: Contact, items: Sequence[CustomItem], first_sent_at: float) -> bool:
        """Return True if each of *items*, which have no identity, has its equal among those added since then."""
        recent = [
            one for one in found.custom_items or () if self.clock_offset.maybe_after(_created_at(one), first_sent_at)
        ]
        for item in items:
            match = next(
                (one for one in recent if item_identity.is_of_object(one, item) and item_identity.matches(one, item)),
                None,
            )
            if match is None:
                return False
            # Each stored item stands for one item of the row, since the row may bring two equal ones.
            recent.remove(match)
        return True

    def _may_be_stored(self, found: Contact, item: CustomItem, first_sent_at: float, ids: Mapping[str, int]) -> bool:
        """Return True if the item may be stored without being recognised.

        The server shows the newest few items of each object; an item without an identity is known by its date alone.
        """
        name = self._identity_key(item)
        # An item with an identity is recognised, or is missing from a list that shows all items.
        if name in ids or (name and not found.custom_items_truncated):
            return False
        beside = [_created_at(one) for one in found.custom_items or () if item_identity.is_of_object(one, item)]
        recent = any(moment is None or self.clock_offset.maybe_after(moment, first_sent_at) for moment in beside)
        return recent or (bool(found.custom_items_truncated) and not beside)


def _created_at(item: CustomItem) -> float | None:
    return item.date_added.timestamp() if item.date_added is not None else None


_NOT_COMPARED: Final = frozenset({"id", codec.CUSTOM_OBJECTS, "overwriteWithBlank"})


def _matches_row(found: Contact, body: Mapping[str, Any]) -> bool:
    # Equal values prove that the row is stored. Different values prove nothing, since Mautic cleans text.
    have = codec.encode(found)
    return all(
        key in have and _values_match(have[key], value) for key, value in body.items() if key not in _NOT_COMPARED
    )


def _values_match(have: Any, want: Any) -> bool:
    if isinstance(want, list) and isinstance(have, list):
        # A subset, since a write of tags or choices may add to those that are stored.
        return set(map(str, want)) <= set(map(str, have))
    if validation.is_blank(want):
        return validation.is_blank(have)
    if isinstance(want, str) and isinstance(have, str):
        return want.strip() == have.strip()
    return bool(have == want)
