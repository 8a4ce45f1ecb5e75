"""Campaigns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

from mautic_async import codec, protocol
from mautic_async.errors import ConfigurationError, Rejected
from mautic_async.models import JSON, Campaign, CampaignContact, ContactCampaignEvents
from mautic_async.protocol import Effect, FilePart
from mautic_async.resources import _pagination, _responses, _tables, _uploads
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources._endpoint import PAGE_SIZE, ResultPage
from mautic_async.resources._membership import Membership
from mautic_async.where import Where


class Campaigns(Resource[Campaign], Membership[Campaign]):
    """Campaigns; `mautic.campaign_events` lists the events of all of them.

    A new campaign needs events with their canvas, and segments or forms. Mautic: REST API, Campaigns.
    """

    endpoint: ClassVar[Endpoint[Any]] = Endpoint("campaigns", one="campaign", many="campaigns", model=Campaign)

    async def clone(self, id: int) -> Campaign:
        """Copy a campaign. The answer shows the copy without its events, forms and segments: `get` has them.

        Raises:
            NotFound: No campaign has this id.
            OutcomeUnknown: There may be a copy; a repetition would make another.

        Mautic: REST API, Campaigns, Clone (POST /campaigns/clone/ID).
        """
        return self._decode_one(
            await self._send(
                self._build_call("POST", Effect.NON_IDEMPOTENT, "clone", protocol.validate_id(id), follow_302_body=True)
            )
        )

    async def contacts(
        self,
        id: int,
        *,
        where: Where | Sequence[Where] | None = None,
        order: Sequence[tuple[str, str]] = (),
        start: int = 0,
        limit: int = PAGE_SIZE,
    ) -> ResultPage[CampaignContact]:
        """Return a page of the contacts that are or were in a campaign.

        Args:
            id: Id of the campaign.
            where: Conditions on the columns ``lead_id``, ``date_added``, ``manually_removed``, ``manually_added``,
                ``rotation``.
            order: Columns with ``asc`` or ``desc``.
            start: Offset of the first, from 0.
            limit: Contacts per page.

        Raises:
            NotFound: No campaign has this id.
            Rejected: There is no such column (Mautic reports it with status 200), or the server is a Mautic 7.0, which
                refuses every *where* and *order* (400).

        Mautic: REST API, Campaigns, List contacts (GET /campaigns/ID/contacts).
        """
        query = _tables.parameters(where=where, order=order, start=start, limit=limit)
        call = self._build_call("GET", Effect.READ, protocol.validate_id(id), "contacts", query=query)
        return await self._get_page(call, "contacts", CampaignContact, start)

    async def iterate_contacts(self, id: int, *, read_ahead: bool = False) -> AsyncIterator[CampaignContact]:
        """Yield every contact that is or was in a campaign, once, even if contacts are added or removed meanwhile.

        Mautic 7.0 answers any condition or order here with a 400. There the pages overlap instead, and all ids are
        remembered.

        Mautic: REST API, Campaigns, List contacts (GET /campaigns/ID/contacts with ``where``).
        """
        started = False
        try:
            async with aclosing(self._paginate(self._member_pages(id, keyset=True), read_ahead=read_ahead)) as members:
                async for member in members:
                    started = True
                    yield member
                return
        except Rejected as error:
            if started or error.status != 400:
                raise
        async with aclosing(self._paginate(self._member_pages(id, keyset=False), read_ahead=read_ahead)) as members:
            async for member in members:
                yield member

    def _member_pages(self, id: int, *, keyset: bool) -> _pagination.Paginator[CampaignContact]:
        async def fetch(query: Mapping[str, Any]) -> ResultPage[CampaignContact]:
            if not keyset:
                return await self.contacts(id, start=query["start"], limit=query["limit"])
            order = [(query["order_by"], query["order_by_dir"])]
            return await self.contacts(id, where=query["where"], order=order, limit=query["limit"])

        return _pagination.Paginator(
            fetch=fetch,
            query={},
            size=PAGE_SIZE,
            get_id=lambda row: row.contact_id or 0,
            column="lead_id",
            keyset=keyset,
            ordered=keyset,
        )

    async def contact_events(self, id: int, contact_id: int) -> ContactCampaignEvents:
        """Return the events of a campaign with their logs for a contact.

        Raises:
            NotFound: The campaign or the contact does not exist.
            Rejected: The contact is not in the campaign (409).

        Mautic: REST API, Campaigns, Events of a contact (GET /campaigns/ID/events/contact/CONTACT_ID).
        """
        call = self._build_call(
            "GET", Effect.READ, protocol.validate_id(id), "events", "contact", protocol.validate_id(contact_id)
        )
        return codec.decode(ContactCampaignEvents, _responses.expect_mapping(call, await self._send_for_body(call)))

    async def export(self, id: int, to: str | Path) -> Path:
        """Save a campaign, with all that it uses, as a file. Mautic 7 or newer; not tried on a live server.

        Args:
            id: Of the campaign.
            to: Where to; written only once the whole file is here.

        Raises:
            NotFound: Nothing has this id, or the server is older.

        Mautic: REST API, Campaigns, Export (GET /campaigns/export/ID).
        """
        call = self._build_call("GET", Effect.READ, "export", protocol.validate_id(id))
        return await _uploads.download(lambda made: self._send(made, needs="Mautic 7 or newer"), call, Path(to))

    async def import_(self, source: str | Path | Mapping[str, JSON]) -> Any:
        """Make campaigns of what `export` saved. Mautic 7 or newer; not tried on a live server.

        Args:
            source: A ``.json`` or ``.zip`` file, or the JSON itself.

        Returns:
            What Mautic says it made.

        Raises:
            NotFound: The server is older.
            OutcomeUnknown: They may have been made; a repetition would make others.

        Mautic: REST API, Campaigns, Import (POST /campaigns/import).
        """
        body, file = _import_body(source)
        call = self._build_call("POST", Effect.NON_IDEMPOTENT, "import", body=body, file=file)
        return (await self._send(call, needs="Mautic 7 or newer")).body

    def _create_body(self, entity: Campaign) -> dict[str, Any]:
        return _require_canvas(super()._create_body(entity))

    def _edit_body(self, entity: Campaign) -> dict[str, Any]:
        return _require_canvas(super()._edit_body(entity))

    def _replace_body(self, entity: Campaign) -> dict[str, Any]:
        return _require_canvas(super()._replace_body(entity))


def _require_canvas(body: dict[str, Any]) -> dict[str, Any]:
    if body.get("events") and not body.get("canvasSettings"):
        raise ConfigurationError(
            "campaigns: events without canvas_settings would be dropped: Mautic takes their order from the canvas"
        )
    return body


def _import_body(source: str | Path | Mapping[str, JSON]) -> tuple[Any, FilePart | None]:
    if isinstance(source, Mapping):
        return dict(source), None
    path = Path(source)
    content = path.read_bytes()
    if path.suffix.lower() == ".zip":
        return None, FilePart(path.name, content, media_type="application/zip")
    try:
        return protocol.parse_json(content), None
    except ValueError as error:
        raise ConfigurationError(f"{path.name} is neither a zip file nor JSON: {error}") from error
