"""Campaigns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import evolve

from mautic_async import codec, protocol
from mautic_async.errors import ConfigurationError, MauticError, OutcomeUnknown, Problem, Rejected, ServerError
from mautic_async.models import JSON, UNSET, Campaign, CampaignContact, CampaignEvent, ContactCampaignEvents
from mautic_async.protocol import Call, Effect, FilePart
from mautic_async.resources import _pagination, _responses, _tables, _uploads
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources._endpoint import PAGE_SIZE, ResultPage
from mautic_async.resources._membership import Membership
from mautic_async.where import Where

if TYPE_CHECKING:
    from mautic_async.bulk import Outcome


class Campaigns(Resource[Campaign], Membership[Campaign]):
    """Campaigns; `mautic.campaign_events` lists the events of all of them.

    A new campaign needs events with their canvas, and segments or forms. Mautic: REST API, Campaigns.
    """

    endpoint: ClassVar[Endpoint[Any]] = Endpoint("campaigns", one="campaign", many="campaigns", model=Campaign)

    async def clone(self, id: int) -> Campaign:
        """Copy the properties of a campaign, unpublished.

        Mautic copies neither events nor segments nor forms, and the canvas of the copy names the events of the
        original. To copy those, read the campaign and `create` another with its events under new keys.

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
            # A refusal on a later page is no sign of Mautic 7.0, and would give contacts twice.
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
        """Save a campaign, with its events, segments, e-mails and forms, as a JSON file. Mautic 7 or newer.

        Args:
            id: Id of the campaign.
            to: Path of the file, which is written when the download is complete.

        Raises:
            NotFound: No campaign has this id, or the server is older.

        Mautic: REST API, Campaigns, Export (GET /campaigns/export/ID).
        """
        call = self._build_call("GET", Effect.READ, "export", protocol.validate_id(id))
        return await _uploads.download(lambda made: self._send(made, needs="Mautic 7 or newer"), call, Path(to))

    async def import_(self, source: str | Path | Mapping[str, JSON] | Sequence[Mapping[str, JSON]]) -> Any:
        """Import campaigns that `export` saved. Mautic 7 or newer.

        Mautic recognises campaigns and their parts by ``uuid``: it overwrites those that it has, and creates others.
        Either way the campaigns are unpublished. Remove the uuids to import a copy.

        Args:
            source: Path of a JSON or zip file, whose content decides which it is, or the list of an export, or one
                element of it.

        Returns:
            The answer: a list with a sentence. It names no id.

        Raises:
            ConfigurationError: The file cannot be read, or is neither zip nor JSON.
            NotFound: The server is older.
            Rejected: Mautic found no campaign in it.
            OutcomeUnknown: It may have been imported, also in part.

        Mautic: REST API, Campaigns, Import (POST /campaigns/import).
        """
        body, file = _import_body(source)
        call = self._build_call("POST", Effect.NON_IDEMPOTENT, "import", body=body, file=file)
        return (await self._send(call, needs="Mautic 7 or newer")).body

    # --- dates of events -------------------------------------------------------------------------------------------

    async def create(self, entity: Campaign) -> Campaign:
        """Store a new campaign.

        Mautic 5 stores an event with a `trigger_date` and then answers 500, without the id of the campaign. Such a
        campaign is created unpublished and without these dates, which a second request adds.

        Returns:
            The campaign as Mautic stored it, with its id.

        Raises:
            ConfigurationError: It names nothing, or events without `canvas_settings`. Nothing was sent.
            Rejected: Mautic refused a value; `problems` says which.
            ValueNotKept: It is stored without the values that the error names.
            OutcomeUnknown: It may have been stored; look before sending it again.

        Mautic: REST API, Campaigns, Create (POST /campaigns/new) and Edit (PATCH /campaigns/ID/edit).
        """
        if not _dated(entity):
            return await super().create(entity)
        events = entity.events or []
        # Unpublished, so that no event runs before it has its date.
        undated = [evolve(event, trigger_date=UNSET) for event in events]
        stored = await super().create(evolve(entity, events=undated, is_published=False))
        return await self.edit(stored.id, _with_dates(entity, stored))

    async def create_many(self, entities: Iterable[Campaign]) -> list[Outcome[Campaign]]:
        """Store new campaigns as `create` does, up to 200 per request; none may have an event with `trigger_date`.

        Raises:
            ConfigurationError: An event has a `trigger_date`, which breaks a batch on Mautic 5. Nothing was sent.

        Mautic: REST API, Batch (POST /campaigns/batch/new).
        """
        return await super().create_many(_require_undated(entities, "create"))

    async def edit_many(self, entities: Iterable[Campaign]) -> list[Outcome[Campaign]]:
        """Change several campaigns, up to 200 per request; none may name an event with `trigger_date`.

        Raises:
            ConfigurationError: A row has no id, two have the same, or an event has a `trigger_date`.

        Mautic: REST API, Batch (PATCH /campaigns/batch/edit).
        """
        return await super().edit_many(_require_undated(entities, "edit"))

    async def replace_many(self, entities: Iterable[Campaign]) -> list[Outcome[Campaign]]:
        """Replace several campaigns, up to 200 per request; none may have an event with `trigger_date`.

        Raises:
            ConfigurationError: A row has no id, two have the same, or an event has a `trigger_date`.

        Mautic: REST API, Batch (PUT /campaigns/batch/edit).
        """
        return await super().replace_many(_require_undated(entities, "replace"))

    def _retry_hazards(self, row: Campaign) -> Sequence[Problem]:
        if _dated(row):
            return [Problem("Mautic 5 answers 500 to a batch with trigger_date; use edit()", "events")]
        return super()._retry_hazards(row)

    async def _write(self, call: Call) -> Campaign:
        """Send a creation or an edit; if Mautic fails although it stored the dates of events, return what it stored."""
        body: Mapping[str, Any] = call.body if isinstance(call.body, Mapping) else {}
        if not any(event.get("triggerDate") for event in body.get("events") or ()):
            return await super()._write(call)
        try:
            # Sent once: Mautic 5 stores the dates before it fails, so that reading tells more than another attempt.
            return await super()._write(evolve(call, retryable=False))
        except (ServerError, OutcomeUnknown) as error:
            return await self._stored_nevertheless(call, body, error)

    async def _stored_nevertheless(self, call: Call, body: Mapping[str, Any], error: MauticError) -> Campaign:
        """Return the campaign of an edit that Mautic 5 stored and answered with 500.

        Raises:
            MauticError: *error*, if the campaign is not as sent.
        """
        id = call.path.split("/")[1]
        stored = await self.get(int(id)) if id.isdecimal() else None
        if stored is None or self._values_not_kept(body, stored):
            raise error
        return stored

    # --- bodies ----------------------------------------------------------------------------------------------------

    def _create_body(self, entity: Campaign) -> dict[str, Any]:
        return _require_canvas(super()._create_body(entity))

    def _edit_body(self, entity: Campaign) -> dict[str, Any]:
        body = super()._edit_body(entity)
        if "events" in body and entity.canvas_settings:  # an entity that was read holds it unchanged
            body["canvasSettings"] = codec.encode(entity)["canvasSettings"]
        return _require_canvas(body)

    def _replace_body(self, entity: Campaign) -> dict[str, Any]:
        return _require_canvas(super()._replace_body(entity))


def _require_canvas(body: dict[str, Any]) -> dict[str, Any]:
    if body.get("events") and not body.get("canvasSettings"):
        raise ConfigurationError(
            "campaigns: events without canvas_settings would be dropped: Mautic takes their order from the canvas"
        )
    return body


def _dated(campaign: Campaign) -> list[CampaignEvent]:
    return [event for event in campaign.events or () if event.trigger_date]


def _require_undated(campaigns: Iterable[Campaign], verb: str) -> list[Campaign]:
    rows = list(campaigns)
    if any(_dated(row) for row in rows):
        raise ConfigurationError(f"campaigns: Mautic 5 answers 500 to a batch with trigger_date; use {verb}()")
    return rows


def _with_dates(entity: Campaign, stored: Campaign) -> Campaign:
    """Return the edit that adds the dates of *entity* to *stored*, whose canvas names the new events by their ids."""
    sent, kept = entity.canvas_settings, stored.canvas_settings
    if not sent or not kept:
        raise ConfigurationError(f"campaigns: {stored.id} is stored unpublished, without its canvas and trigger dates")
    # Mautic keeps the order of nodes, by which temporary ids are matched with stored ones.
    ids = {before.id: after.id for before, after in zip(sent.nodes or (), kept.nodes or (), strict=True)}
    events = [evolve(event, id=int(ids.get(event.key or "") or event.id), key=UNSET) for event in entity.events or ()]
    published = True if entity.is_published is UNSET else entity.is_published
    return Campaign(events=events, canvas_settings=kept, is_published=published)


def _import_body(source: str | Path | Mapping[str, JSON] | Sequence[Mapping[str, JSON]]) -> tuple[Any, FilePart | None]:
    if not isinstance(source, (str, Path)):
        return [source] if isinstance(source, Mapping) else list(source), None
    path = Path(source)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path.name} cannot be read: {error.strerror}") from error
    # The content decides, not the name of the file.
    if content.startswith(b"PK"):
        return None, FilePart(f"{path.stem}.zip", content, media_type="application/zip")
    try:
        parsed = protocol.parse_json(content)
    except ValueError as error:
        raise ConfigurationError(f"{path.name} is neither a zip file nor JSON: {error}") from error
    return [parsed] if isinstance(parsed, Mapping) else parsed, None
