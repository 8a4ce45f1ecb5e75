"""What there is about contacts beside their fields: what they did, what they belong to, consent, visits.

Mautic: REST API, Contacts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any, Literal, TypeVar, Unpack

from mautic_async import codec, protocol
from mautic_async.errors import ConfigurationError
from mautic_async.models import (
    ActivityEvent,
    Contact,
    ContactCampaign,
    ContactCompany,
    ContactSegment,
    Device,
    Field,
    Note,
    Segment,
    Timeline,
    User,
    UtmTag,
)
from mautic_async.protocol import Call, Effect
from mautic_async.resources import _pagination, _responses
from mautic_async.resources._endpoint import PAGE_SIZE, PageParams, ResultPage
from mautic_async.resources._times import utc_text
from mautic_async.resources.contacts.points import ContactPoints

C = TypeVar("C", bound=Contact)


class ContactDetails(ContactPoints[C]):
    """The special endpoints of contacts. Mautic: REST API, Contacts."""

    # --- what they did ---------------------------------------------------------------------------------------------

    async def activity(
        self,
        id: int | None = None,
        *,
        search: str = "",
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        date_from: datetime | None = None,
        date_to: datetime | None = None,
        order: Literal["timestamp", "eventLabel"] = "timestamp",
        order_dir: Literal["asc", "desc"] = "desc",
        page: int = 1,
        limit: int = 25,
    ) -> Timeline:
        """One page of what happened to a contact, or to all of them.

        For all contacts *limit* counts by type of event and pages overlap: ask for many, and drop repetitions.

        Args:
            id: Of the contact; None for all.
            search: Words.
            include: Only these types of event, such as ``email.sent``; `Timeline.types` has all.
            exclude: Not these.
            date_from: Only from then; must have a time zone.
            date_to: Only until then; must have a time zone.
            order: What to sort by; Mautic knows no other columns.
            order_dir: Direction.
            page: From 1.
            limit: Events a page.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Contacts, Activity events (GET /contacts/ID/activity, GET /contacts/activity).
        """
        filters = {
            "search": search or None,
            "includeEvents": list(include),
            "excludeEvents": list(exclude),
            "dateFrom": utc_text(date_from, "date_from"),
            "dateTo": utc_text(date_to, "date_to"),
        }
        query = {"filters": filters, "order": [order, order_dir.upper()], "page": page, "limit": limit}
        path = (
            "contacts/activity" if id is None else protocol.build_path("contacts", protocol.validate_id(id), "activity")
        )
        call = Call("GET", path, query=protocol.encode_query(query))
        timeline = codec.decode(Timeline, _responses.expect_mapping(call, await self._send_for_body(call)))
        events = [event for event in timeline.events or () if _between(event.timestamp, date_from, date_to)]
        timeline.events = events
        return timeline

    async def iterate_activity(
        self,
        id: int,
        *,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        date_from: datetime | None = None,
        date_to: datetime | None = None,
    ) -> AsyncIterator[ActivityEvent]:
        """All that happened to a contact, newest first, each event once; what happens meanwhile is left out.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Contacts, Activity events (GET /contacts/ID/activity).
        """
        included, excluded, seen, number = list(include), list(exclude), set[tuple[object, ...]](), 1
        while True:
            page = await self.activity(
                id,
                include=included,
                exclude=excluded,
                date_from=date_from,
                date_to=date_to,
                page=number,
                limit=PAGE_SIZE,
            )
            for event in page.events or ():
                key = (event.event, event.event_id, event.timestamp)
                if key not in seen:
                    seen.add(key)
                    yield event
            if number >= (page.max_pages or 0):
                return
            number += 1

    async def notes(self, id: int, **query: Unpack[PageParams]) -> ResultPage[Note]:
        """One page of the notes on a contact, the newest first. Columns: ``dateAdded``, ``id``, ``type``, ``text``.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Contacts, List notes (GET /contacts/ID/notes).
        """
        page = await self._list_related(id, "notes", Note, "n", query)
        for note in page.items:
            note.contact = Contact(id=id)  # the answer leaves it empty
        return page

    async def devices(self, id: int, **query: Unpack[PageParams]) -> ResultPage[Device]:
        """One page of the devices of a contact, the newest first.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Contacts, List devices (GET /contacts/ID/devices).
        """
        page = await self._list_related(id, "devices", Device, "d", query)
        for device in page.items:
            device.contact = Contact(id=id)
        return page

    async def _list_related(
        self, id: int, key: str, model: type[Any], table: str, query: PageParams
    ) -> ResultPage[Any]:
        params: dict[str, Any] = dict(query)
        if "order_by" in params and "." not in params["order_by"]:
            params["order_by"] = f"{table}.{params['order_by']}"  # Mautic adds the table everywhere but here
        call = self._build_call(
            "GET",
            Effect.READ,
            protocol.validate_id(id),
            key,
            query=protocol.encode_query(_pagination.parameters(params)),
        )
        return await self._get_page(call, key, model, int(params.get("start", 0)))

    # --- what they belong to ---------------------------------------------------------------------------------------

    async def segments(self, id: int) -> list[ContactSegment]:
        """The segments that a contact is in.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Contacts, Segment memberships (GET /contacts/ID/segments).
        """
        call = self._build_call("GET", Effect.READ, protocol.validate_id(id), "segments")
        return _responses.decode_entities(call, await self._send_for_body(call), "lists", ContactSegment)

    async def campaigns(self, id: int) -> list[ContactCampaign]:
        """The published campaigns that a contact is in.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Contacts, Campaign memberships (GET /contacts/ID/campaigns).
        """
        call = self._build_call("GET", Effect.READ, protocol.validate_id(id), "campaigns")
        return _responses.decode_entities(call, await self._send_for_body(call), "campaigns", ContactCampaign)

    async def companies(self, id: int) -> list[ContactCompany]:
        """The companies that a contact belongs to.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Contacts, List companies (GET /contacts/ID/companies).
        """
        call = self._build_call("GET", Effect.READ, protocol.validate_id(id), "companies")
        return _responses.decode_entities(call, await self._send_for_body(call), "companies", ContactCompany)

    # --- consent ---------------------------------------------------------------------------------------------------

    async def add_dnc(
        self, id: int, channel: str = "email", *, reason: int = 3, comments: str = "", channel_id: int | None = None
    ) -> C:
        """Stop contacting a contact on a channel.

        Args:
            id: Of the contact.
            channel: ``email``, ``sms``, ``notification``; Mautic takes any other word, too.
            reason: 1 unsubscribed, 2 bounced, 3 by hand.
            comments: For people.
            channel_id: Of the e-mail or message that led to it.

        Returns:
            The contact; of its properties only those that are not empty.

        Raises:
            NotFound: The contact does not exist.
            Rejected: The reason is not one.

        Mautic: REST API, Contacts, Add Do Not Contact (POST /contacts/ID/dnc/CHANNEL/add).
        """
        body: dict[str, Any] = {"reason": reason}
        if comments:
            body["comments"] = comments
        if channel_id is not None:
            body["channelId"] = protocol.validate_id(channel_id)
        return self._decode_one(
            await self._send(
                self._build_call("POST", Effect.IDEMPOTENT, protocol.validate_id(id), "dnc", channel, "add", body=body)
            )
        )

    async def remove_dnc(self, id: int, channel: str = "email") -> bool:
        """Contact a contact on a channel again.

        Returns:
            Whether there was an entry.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Contacts, Remove from Do Not Contact (POST /contacts/ID/dnc/CHANNEL/remove).
        """
        call = self._build_call("POST", Effect.IDEMPOTENT, protocol.validate_id(id), "dnc", channel, "remove")
        return bool(_responses.expect_mapping(call, await self._send_for_body(call)).get("recordFound"))

    # --- visits ----------------------------------------------------------------------------------------------------

    async def add_utm(self, id: int, tags: UtmTag) -> C:
        """Note where a visit of a contact came from.

        Raises:
            ConfigurationError: It names nothing; Mautic would store an empty set.
            NotFound: The contact does not exist.
            OutcomeUnknown: It may have been stored; a repetition would add another.

        Mautic: REST API, Contacts, Add UTM tags (POST /contacts/ID/utm/add).
        """
        body = codec.encode(tags)
        if not body:
            raise ConfigurationError("contacts.add_utm: the UtmTag names nothing")
        return self._decode_one(
            await self._send(
                self._build_call("POST", Effect.NON_IDEMPOTENT, protocol.validate_id(id), "utm", "add", body=body)
            )
        )

    async def remove_utm(self, id: int, utm_id: int) -> C:
        """Forget a set of UTM tags.

        Raises:
            NotFound: The contact does not exist.
            Rejected: It has no such set.

        Mautic: REST API, Contacts, Remove UTM tags (POST /contacts/ID/utm/UTM_ID/remove).
        """
        return self._decode_one(
            await self._send(
                self._build_call(
                    "POST", Effect.IDEMPOTENT, protocol.validate_id(id), "utm", protocol.validate_id(utm_id), "remove"
                )
            )
        )

    # --- what they may be given ------------------------------------------------------------------------------------

    async def owners(self, *, search: str = "", start: int = 0, limit: int = 0) -> list[User]:
        """Users who may own contacts: id and name.

        Args:
            search: Only names that begin with it.
            start: Offset of the first, from 0.
            limit: How many; 0 for all.

        Mautic: REST API, Contacts, List available owners (GET /contacts/list/owners).
        """
        query = {"filter": search or None, "start": start or None, "limit": limit or None}
        call = Call("GET", "contacts/list/owners", query=protocol.encode_query(query))
        return [codec.decode(User, row) for row in _responses.expect_rows(call, await self._send_for_body(call))]

    async def fields(self) -> list[Field]:
        """The published fields of contacts, in short; `mautic.contact_fields` has all of them.

        Mautic: REST API, Contacts, List available fields (GET /contacts/list/fields).
        """
        call = Call("GET", "contacts/list/fields")
        rows = _responses.expect_rows(call, await self._send_for_body(call))
        return [codec.decode(Field, row) for row in rows if row.get("object", "lead") == "lead"]  # companies' are in it

    async def available_segments(self) -> list[Segment]:
        """The published segments that the user may see: id, name and alias.

        Mautic: REST API, Contacts, List available segments (GET /contacts/list/segments).
        """
        call = Call("GET", "contacts/list/segments")
        return [codec.decode(Segment, row) for row in _responses.expect_rows(call, await self._send_for_body(call))]


def _between(moment: datetime | None, date_from: datetime | None, date_to: datetime | None) -> bool:
    """The same once more: a server that ignores a filter does not say so."""
    if moment is None:
        return True
    return (date_from is None or moment >= date_from) and (date_to is None or moment <= date_to)
