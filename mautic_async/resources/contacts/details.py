"""The data of contacts beside their fields: activity, notes, devices, memberships, consent and UTM tags.

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
T = TypeVar("T")


class ContactDetails(ContactPoints[C]):
    """The special endpoints of contacts. Mautic: REST API, Contacts."""

    # --- activity ---------------------------------------------------------------------------------------------

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
        """Return one page of the timeline of a contact, or of all contacts.

        For all contacts *limit* counts for each type of event, and pages overlap: ask for many events a page, and drop
        the repeated ones.

        Args:
            id: Of the contact; None for all.
            search: Words to look for.
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
        """Yield the events of a contact, newest first, each once; events that happen meanwhile are left out.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Contacts, Activity events (GET /contacts/ID/activity).
        """
        # Iterables are read once, but are needed for every page.
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
                # New events push older ones onto the next page, where they come a second time.
                key = (event.event, event.event_id, event.timestamp)
                if key not in seen:
                    seen.add(key)
                    yield event
            if number >= (page.max_pages or 0):
                return
            number += 1

    async def notes(self, id: int, **query: Unpack[PageParams]) -> ResultPage[Note]:
        """Return one page of the notes on a contact, newest first. Columns: ``dateAdded``, ``id``, ``type``, ``text``.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Contacts, List notes (GET /contacts/ID/notes).
        """
        page = await self._list_related(id, "notes", Note, "n", query)
        for note in page.items:
            note.contact = Contact(id=id)  # the answer leaves it empty
        return page

    async def devices(self, id: int, **query: Unpack[PageParams]) -> ResultPage[Device]:
        """Return one page of the devices of a contact, newest first.

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

    # --- memberships ---------------------------------------------------------------------------------------

    async def segments(self, id: int) -> list[ContactSegment]:
        """Return the segments that a contact is in.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Contacts, Segment memberships (GET /contacts/ID/segments).
        """
        return await self._get_related(id, "segments", "lists", ContactSegment)

    async def campaigns(self, id: int) -> list[ContactCampaign]:
        """Return the published campaigns that a contact is in.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Contacts, Campaign memberships (GET /contacts/ID/campaigns).
        """
        return await self._get_related(id, "campaigns", "campaigns", ContactCampaign)

    async def companies(self, id: int) -> list[ContactCompany]:
        """Return the companies that a contact belongs to.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Contacts, List companies (GET /contacts/ID/companies).
        """
        return await self._get_related(id, "companies", "companies", ContactCompany)

    async def _get_related(self, id: int, path: str, key: str, model: type[T]) -> list[T]:
        call = self._build_call("GET", Effect.READ, protocol.validate_id(id), path)
        return _responses.decode_entities(call, await self._send_for_body(call), key, model)

    # --- consent ---------------------------------------------------------------------------------------------------

    async def add_dnc(
        self, id: int, channel: str = "email", *, reason: int = 3, comments: str = "", channel_id: int | None = None
    ) -> C:
        """Mark a contact as "do not contact" on a channel.

        Args:
            id: Of the contact.
            channel: ``email``, ``sms`` or ``notification``; Mautic stores any other word, too.
            reason: 1 unsubscribed, 2 bounced, 3 manual; Mautic stores any other number, too, except 0, which removes
                the mark.
            comments: Text for users of Mautic.
            channel_id: Of the e-mail or message that led to it.

        Returns:
            The contact; of its properties only those that are not empty.

        Raises:
            ConfigurationError: The reason is none of the three; nothing was sent.
            NotFound: The contact does not exist.

        Example:
            ``await mautic.contacts.add_dnc(42, reason=1, comments="asked by phone")``

        Mautic: REST API, Contacts, Add Do Not Contact (POST /contacts/ID/dnc/CHANNEL/add).
        """
        if reason not in {1, 2, 3}:
            raise ConfigurationError(
                f"contacts.add_dnc: reason is 1 (unsubscribed), 2 (bounced) or 3 (manual), not {reason!r}; remove_dnc()"
                " removes the mark"
            )
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
        """Remove the "do not contact" mark of a contact on a channel.

        Returns:
            True if the contact had one.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Contacts, Remove from Do Not Contact (POST /contacts/ID/dnc/CHANNEL/remove).
        """
        call = self._build_call("POST", Effect.IDEMPOTENT, protocol.validate_id(id), "dnc", channel, "remove")
        return bool(_responses.expect_mapping(call, await self._send_for_body(call)).get("recordFound"))

    # --- UTM tags ----------------------------------------------------------------------------------------------------

    async def add_utm(self, id: int, tags: UtmTag) -> C:
        """Add a set of UTM tags, which say where a visit of the contact came from.

        Raises:
            ConfigurationError: It names nothing; Mautic would store an empty set.
            NotFound: The contact does not exist.
            OutcomeUnknown: It may have been stored; a repetition would add another set.

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
        """Remove a set of UTM tags.

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

    # --- choices ------------------------------------------------------------------------------------

    async def owners(self, *, search: str = "", start: int = 0, limit: int = 0) -> list[User]:
        """Return the users who may own contacts, with id and name; Mautic 7 adds the e-mail.

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
        """Return the published contact fields, in short; `mautic.contact_fields` has all of them.

        Mautic: REST API, Contacts, List available fields (GET /contacts/list/fields).
        """
        call = Call("GET", "contacts/list/fields")
        rows = _responses.expect_rows(call, await self._send_for_body(call))
        return [codec.decode(Field, row) for row in rows if row.get("object", "lead") == "lead"]  # companies' are in it

    async def available_segments(self) -> list[Segment]:
        """Return the published segments that the user may see, with id, name and alias.

        Mautic: REST API, Contacts, List available segments (GET /contacts/list/segments).
        """
        call = Call("GET", "contacts/list/segments")
        return [codec.decode(Segment, row) for row in _responses.expect_rows(call, await self._send_for_body(call))]


def _between(moment: datetime | None, date_from: datetime | None, date_to: datetime | None) -> bool:
    """Return True if *moment* is between the dates. A server that ignores a filter does not say so."""
    if moment is None:
        return True
    return (date_from is None or moment >= date_from) and (date_to is None or moment <= date_to)
