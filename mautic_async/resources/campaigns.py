"""Campaigns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from mautic_async import codec, protocol
from mautic_async.errors import ConfigurationError
from mautic_async.models import JSON, Campaign, CampaignContact, ContactCampaignEvents
from mautic_async.protocol import Effect, Part
from mautic_async.resources import _pagination, _responses, _tables, _uploads
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources._endpoint import PAGE, ResultPage
from mautic_async.resources._membership import Membership
from mautic_async.where import Where


class Campaigns(Resource[Campaign], Membership[Campaign]):
    """Events that contacts pass through; the events of all of them are in `mautic.campaign_events`.

    A new one needs events with their canvas, and segments or forms. Mautic: REST API, Campaigns.
    """

    endpoint: ClassVar[Endpoint[Any]] = Endpoint("campaigns", one="campaign", many="campaigns", model=Campaign)

    async def clone(self, id: int) -> Campaign:
        """Copy a campaign. The answer shows the copy without its events, forms and segments: `get` has them.

        Raises:
            NotFound: Nothing has this id.
            OutcomeUnknown: There may be a copy; a repetition would make another.

        Mautic: REST API, Campaigns, Clone (POST /campaigns/clone/ID).
        """
        return self._one(
            await self._send(self._call("POST", Effect.APPEND, "clone", protocol.id_of(id), redirect=True))
        )

    async def contacts(
        self,
        id: int,
        *,
        where: Where | Sequence[Where] | None = None,
        order: Sequence[tuple[str, str]] = (),
        start: int = 0,
        limit: int = PAGE,
    ) -> ResultPage[CampaignContact]:
        """One page of the contacts that are or were in a campaign.

        Args:
            id: Of the campaign.
            where: Conditions on ``lead_id``, ``date_added``, ``manually_removed``, ``manually_added``, ``rotation``.
            order: Columns with ``asc`` or ``desc``.
            start: Offset of the first, from 0.
            limit: Contacts a page.

        Raises:
            NotFound: Nothing has this id.
            Rejected: A column is not one; Mautic says so with a status of 200.

        Mautic: REST API, Campaigns, List contacts (GET /campaigns/ID/contacts).
        """
        query = _tables.parameters(where=where, order=order, start=start, limit=limit)
        call = self._call("GET", Effect.READ, protocol.id_of(id), "contacts", query=query)
        return await self._listed(call, "contacts", CampaignContact, start)

    def iterate_contacts(self, id: int, *, read_ahead: bool = False) -> AsyncIterator[CampaignContact]:
        """Every contact that is or was in a campaign, once, also while others come and go.

        Mautic: REST API, Campaigns, List contacts (GET /campaigns/ID/contacts with ``where``).
        """

        async def fetch(query: Mapping[str, Any]) -> ResultPage[CampaignContact]:
            order = [(query["order_by"], query["order_by_dir"])]
            return await self.contacts(id, where=query["where"], order=order, limit=query["limit"])

        walk = _pagination.Walk(
            fetch=fetch, query={}, size=PAGE, id_of=lambda row: row.contact_id or 0, column="lead_id"
        )
        return self._walked(walk, read_ahead=read_ahead)

    async def contact_events(self, id: int, contact_id: int) -> ContactCampaignEvents:
        """The events of a campaign, with what became of each for a contact.

        Raises:
            NotFound: The campaign or the contact does not exist.
            Rejected: The contact is not in the campaign (409).

        Mautic: REST API, Campaigns, Events of a contact (GET /campaigns/ID/events/contact/CONTACT_ID).
        """
        call = self._call("GET", Effect.READ, protocol.id_of(id), "events", "contact", protocol.id_of(contact_id))
        return codec.decode(ContactCampaignEvents, _responses.mapping(call, await self._body(call)))

    async def export(self, id: int, to: str | Path) -> Path:
        """Save a campaign, with all that it uses, as a file. Mautic 7 or newer; not tried on a live server.

        Args:
            id: Of the campaign.
            to: Where to; written only once the whole file is here.

        Raises:
            NotFound: Nothing has this id, or the server is older.

        Mautic: REST API, Campaigns, Export (GET /campaigns/export/ID).
        """
        call = self._call("GET", Effect.READ, "export", protocol.id_of(id))
        return await _uploads.save(lambda made: self._send(made, needs="Mautic 7 or newer"), call, Path(to))

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
        body, file = _exported(source)
        call = self._call("POST", Effect.APPEND, "import", body=body, file=file)
        return (await self._send(call, needs="Mautic 7 or newer")).body

    def _new(self, entity: Campaign) -> dict[str, Any]:
        return _with_canvas(super()._new(entity))

    def _changes(self, entity: Campaign) -> dict[str, Any]:
        return _with_canvas(super()._changes(entity))

    def _whole(self, entity: Campaign) -> dict[str, Any]:
        return _with_canvas(super()._whole(entity))


def _with_canvas(body: dict[str, Any]) -> dict[str, Any]:
    if body.get("events") and not body.get("canvasSettings"):
        raise ConfigurationError(
            "campaigns: events without canvas_settings would be dropped: Mautic takes their order from the canvas"
        )
    return body


def _exported(source: str | Path | Mapping[str, JSON]) -> tuple[Any, Part | None]:
    if isinstance(source, Mapping):
        return dict(source), None
    path = Path(source)
    content = path.read_bytes()
    if path.suffix.lower() == ".zip":
        return None, Part(path.name, content, media_type="application/zip")
    try:
        return protocol.parse(content), None
    except ValueError as error:
        raise ConfigurationError(f"{path.name} is neither a zip file nor JSON: {error}") from error
