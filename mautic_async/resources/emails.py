"""E-mails."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, Final

from mautic_async import codec, protocol, where
from mautic_async.models import Email, EmailStatistic, SegmentSend
from mautic_async.protocol import Effect
from mautic_async.resources import _responses, _stat_rows
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources._changes import EntityIterator, since_clause
from mautic_async.resources._sent_along import SentAlong
from mautic_async.resources.stats import Stats
from mautic_async.where import Where

STATISTICS_PAGE: Final = 1000
"""Entries a page; one with its tokens and details of openings may have several kilobytes."""


class Emails(Resource[Email]):
    """E-mails; `list` and `iterate` leave out A/B variants and translations.

    Mautic resets `dynamic_content` in edits that do not name it. So `edit` and `edit_many` read the e-mail first and
    send the stored value along. Mautic: REST API, Emails.
    """

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        *("emails", "email", "emails", Email),
        keyset=False,
        replace_requires=("language",),
        sent_along=(SentAlong("dynamicContent", ("dynamicContent",)),),
    )

    async def send(self, id: int, *, limit: int | None = None, batch: int | None = None) -> SegmentSend:
        """Send an e-mail of type ``list`` to the contacts in its segments who have not got it yet.

        Args:
            id: Id of the e-mail, which must be published.
            limit: Largest number of contacts to send to.
            batch: Number of contacts that Mautic processes at a time.

        Raises:
            NotFound: No e-mail has this id, or it is not published.
            OutcomeUnknown: It may have been sent. A repetition skips contacts whose sending is recorded.

        Mautic: REST API, Emails, Send to segment (POST /emails/ID/send).
        """
        body = {name: value for name, value in (("limit", limit), ("batch", batch)) if value is not None}
        call = self._build_call("POST", Effect.NON_IDEMPOTENT, protocol.validate_id(id), "send", body=body or None)
        return codec.decode(SegmentSend, _responses.expect_mapping(call, await self._send_for_body(call)))

    async def send_to_contact(
        self,
        id: int,
        contact_id: int,
        *,
        tokens: Mapping[str, str] | None = None,
        assets: Iterable[int] = (),
    ) -> None:
        """Send an e-mail to a contact, even to one with a do-not-contact entry.

        Args:
            id: Id of the e-mail.
            contact_id: Id of the contact.
            tokens: HTML that replaces ``{name}`` in the text, by name, with or without the braces.
            assets: Ids of assets to attach.

        Raises:
            NotFound: The e-mail or the contact does not exist.
            Rejected: It was not sent; Mautic reports that with status 200.
            OutcomeUnknown: It may have been sent; a repetition would send it twice.

        Mautic: REST API, Emails, Send to contact (POST /emails/ID/contact/CONTACT_ID/send).
        """
        body: dict[str, Any] = {}
        if tokens:
            body["tokens"] = {f"{{{name.strip('{}')}}}": text for name, text in tokens.items()}
        if attached := [protocol.validate_id(asset) for asset in assets]:
            body["assetAttachments"] = attached
        await self._send(
            self._build_call(
                "POST",
                Effect.NON_IDEMPOTENT,
                protocol.validate_id(id),
                "contact",
                protocol.validate_id(contact_id),
                "send",
                body=body or None,
            )
        )

    async def reply(self, tracking_hash: str) -> None:
        """Record that a contact has answered an e-mail.

        Args:
            tracking_hash: Hash of the sending: column ``tracking_hash`` of the table ``email_stats``.

        Raises:
            NotFound: No sending has this hash.
            OutcomeUnknown: It may have been recorded; a repetition would record a second answer.

        Mautic: REST API, Emails, Create a reply (POST /emails/reply/TRACKING_HASH).
        """
        await self._send(self._build_call("POST", Effect.NON_IDEMPOTENT, "reply", tracking_hash))

    def statistics(self, id: int | None = None, *, since: datetime | None = None) -> EntityIterator[EmailStatistic]:
        """Iterate what became of an e-mail, one entry for each contact that it was sent to, in the order of their ids.

        Args:
            id: Of the e-mail; None for all.
            since: Only entries that were sent, read or opened since then, with a time zone: the
                `EntityIterator.watermark` of the run before. A bounce has no date of its own.

        Raises:
            PermissionDenied: The user may not read tables of statistics.

        Mautic: REST API, Stats, Get stats from table (GET /stats/email_stats).
        """
        clauses = [where.eq("email_id", protocol.validate_id(id))] if id is not None else []
        if since is not None:
            clauses.append(since_clause(since, "date_sent", "date_read", "last_opened"))
        return EntityIterator(self._statistics(clauses), self._pipeline.clock)

    async def _statistics(self, clauses: Sequence[Where]) -> AsyncIterator[EmailStatistic]:
        async for row in Stats(self._pipeline).iterate("email_stats", where=clauses, limit=STATISTICS_PAGE):
            yield _stat_rows.email_statistic(row)
