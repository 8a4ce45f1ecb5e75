"""What the server holds of contact rows whose answer was lost.

Mautic: REST API, List contacts (GET /contacts with ``where``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from attrs import define, field

from mautic_async import codec, protocol, where
from mautic_async.models import Contact, CustomItem
from mautic_async.protocol import Answer, Call, Effect
from mautic_async.resources import _responses
from mautic_async.resources.contacts import item_identity, validation

if TYPE_CHECKING:
    from mautic_async.pipeline import Pipeline
    from mautic_async.protocol import Payload
    from mautic_async.resources.contacts.item_identity import Items


@define(eq=False)
class Clocks:
    """By how many seconds the server's clock is ahead of ours: between two numbers, as far as answers tell."""

    least: float = 0.0
    most: float | None = None

    def learn(self, payload: Payload, asked: float, answered: float) -> None:
        """Its ``Date`` is in whole seconds, and was told somewhere between the question and the answer."""
        date = protocol.date_of(Answer(payload.status, payload.headers))
        if date is not None:
            self.least, self.most = date - answered, date + 1 - asked

    def perhaps_since(self, moment: float | None, since: float) -> bool:
        """Whether the server may have written *moment*, of whole seconds, at or after our *since*."""
        return moment is not None and since > 0 and moment + 1 > since + self.least

    def surely_since(self, moment: float | None, since: float) -> bool:
        """Whether it must have."""
        return moment is not None and since > 0 and self.most is not None and moment >= since + self.most


C = TypeVar("C", bound=Contact)


@define(eq=False)
class Seen(Generic[C]):
    """A stored contact beside the row that asked for it.

    Attributes:
        contact: As it is stored.
        created: It was made since the row first left.
        touched: It may have been changed since then: a write that changes nothing leaves no date.
        fresh: It was made by the row's last request.
        holds: It shows all that the row names.
        known: The ids to remember.
        whole: All new items of the row are there, as they should be.
        told_apart: Each new item of the row is either seen or surely missing. Of an item that nothing identifies the
            dates tell: if no item of its object was added since the row first left, it is missing.
    """

    contact: C
    created: bool
    touched: bool
    fresh: bool
    holds: bool
    known: dict[str, Any]
    whole: bool
    told_apart: bool


@define(eq=False)
class Look(Generic[C]):
    """Asks for contacts by their unique values."""

    pipeline: Pipeline
    model: type[C]
    unique: Sequence[str]
    items: Items
    clocks: Clocks = field(factory=Clocks)
    requests: int = 0
    _stored: dict[tuple[str, str], C] = field(factory=dict)

    async def at(self, rows: Sequence[Contact]) -> None:
        """Fetch what is stored under the ids of *rows*, or under their unique values."""
        with_items = any(row.custom_items for row in rows)
        wanted: dict[str, list[str]] = {}
        for name, value in (pair for row in rows for pair in self._names(row)):
            wanted.setdefault(name, []).append(value)
        for name, values in wanted.items():
            for piece in where.pieces(values):
                for contact in await self._find(name, piece, with_items=with_items):
                    self._stored.setdefault(
                        (name, validation.same_for_database(_responses.held(contact, name))), contact
                    )

    def _names(self, row: Contact) -> list[tuple[str, str]]:
        if row.id:
            return [("id", str(row.id))]
        values = ((name, str(_responses.held(row, name)).strip()) for name in self.unique)
        return [(name, value) for name, value in values if value]

    async def _find(self, name: str, values: Sequence[str], *, with_items: bool) -> list[C]:
        query: dict[str, object] = {
            "where": [where.one_of(name, values).parameters()],
            "limit": 5 * len(values),
            "orderBy": "id",
        }
        if with_items:
            query["includeCustomObjects"] = "true"
        call = Call("GET", "contacts", Effect.READ, query=protocol.pairs(query), background=True)
        wall = self.pipeline.clock.wall
        self.requests += 1
        asked = wall()
        payload = await self.pipeline.send(call)
        self.clocks.learn(payload, asked, wall())
        return _responses.entities(call, payload.body, "contacts", self.model)

    def seen(self, row: Contact, body: Mapping[str, Any], *, since: float, sent_at: float) -> Seen[C] | None:
        """The contact of *row*, whose fields are *body*; None if there is none."""
        keys = [(name, validation.same_for_database(value)) for name, value in self._names(row)]
        found = next((self._stored[key] for key in keys if key in self._stored), None)
        if found is None:
            return None
        made = found.date_added.timestamp() if found.date_added is not None else None
        changed = found.date_modified.timestamp() if found.date_modified is not None else None
        wanted, shown = (
            item_identity.wanted(self.items, row.custom_items),
            item_identity.shown(self.items, found.custom_items),
        )
        ids = item_identity.ids_of(wanted, shown)
        new = [item for item in row.custom_items or () if not item.id]
        named = len(wanted) == len(new)
        return Seen(
            found,
            created=self.clocks.perhaps_since(made, since),
            touched=any(self.clocks.perhaps_since(moment, since) for moment in (made, changed)),
            fresh=self.clocks.surely_since(made, sent_at),
            holds=_holds(found, body) and len(new) == len(row.custom_items or ()),
            known={"id": found.id, **({"items": ids} if ids else {})},
            whole=all(name in shown and item_identity.holds(shown[name], item) for name, item in wanted.items())
            and (named or self._all_there(found, [item for item in new if not self._name(item)], since)),
            told_apart=not any(self._may_be_there(found, item, since, ids) for item in new),
        )

    def _name(self, item: CustomItem) -> str:
        return item_identity.spelled(item_identity.identity(self.items, item))

    def _all_there(self, found: Contact, items: Sequence[CustomItem], since: float) -> bool:
        """Whether each of *items*, which nothing identifies, has its equal among those made since the row left."""
        recent = [one for one in found.custom_items or () if self.clocks.perhaps_since(_added(one), since)]
        for item in items:
            match = next((one for one in recent if _is_of_object(one, item) and item_identity.holds(one, item)), None)
            if match is None:
                return False
            recent.remove(match)
        return True

    def _may_be_there(self, found: Contact, item: CustomItem, since: float, ids: Mapping[str, int]) -> bool:
        """Whether the item may be stored without being recognised.

        The server shows the newest few of each object; one that is not recognised by a name is known by its date alone.
        """
        name = self._name(item)
        if name in ids or (name and not found.custom_items_truncated):
            return False
        beside = [_added(one) for one in found.custom_items or () if _is_of_object(one, item)]
        recent = any(moment is None or self.clocks.perhaps_since(moment, since) for moment in beside)
        return recent or (bool(found.custom_items_truncated) and not beside)


def _added(item: CustomItem) -> float | None:
    return item.date_added.timestamp() if item.date_added is not None else None


def _is_of_object(stored: CustomItem, item: CustomItem) -> bool:
    return item.object_id == stored.object_id or (not item.object_id and item.object == stored.object)


_BESIDE: Final = frozenset({"id", codec.OBJECTS})


def _holds(found: Contact, body: Mapping[str, Any]) -> bool:
    """Whether the stored contact shows every value of a row; a difference proves nothing, Mautic cleans text."""
    have = codec.encode(found)
    return all(key in have and _equal(have[key], value) for key, value in body.items() if key not in _BESIDE)


def _equal(have: Any, want: Any) -> bool:
    if isinstance(want, list) and isinstance(have, list):
        return set(map(str, want)) <= set(map(str, have))
    if isinstance(want, str) and isinstance(have, str):
        return want.strip() == have.strip()
    return bool(have == want)
