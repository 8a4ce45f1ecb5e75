"""Text messages."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async import codec
from mautic_async.models import Sms, SmsReceipt
from mautic_async.protocol import Effect, validate_id
from mautic_async.resources import _responses
from mautic_async.resources._base import Endpoint, Resource


class Smses(Resource[Sms]):
    """Text messages. Mautic: REST API, Text messages."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        *("smses", "sms", "smses", Sms), create_requires=("message",), replace_requires=("language", "message")
    )

    async def send(self, id: int, contact_id: int) -> SmsReceipt:
        """Send a text message to a contact. Mautic uses a GET for it, which is never repeated here.

        Raises:
            NotFound: No text message has this id.
            PermissionDenied: Not allowed, or no contact has this id.
            Rejected: It was not sent; Mautic reports that with status 200.
            OutcomeUnknown: It may have been sent; a repetition would send it twice.

        Mautic: REST API, Text messages, Send (GET /smses/ID/contact/CONTACT_ID/send).
        """
        call = self._build_call(
            "GET", Effect.NON_IDEMPOTENT, validate_id(id), "contact", validate_id(contact_id), "send"
        )
        return codec.decode(SmsReceipt, _responses.expect_mapping(call, await self._send_for_body(call), "result"))
