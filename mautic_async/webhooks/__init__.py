"""Receiving Mautic's webhooks: verified events as objects. Needs no client.

::

    webhooks = Webhooks("the secret of the webhook")

    async with webhooks.receive(request.stream(), request.headers.get("webhook-signature")) as events:
        for event in events:
            match event:
                case ContactUpdated(contact=contact):
                    ...

`WebhookRejected` holds the reason of a refusal and the HTTP status to answer with. Mautic waits up to 15 s for the
answer, and its own users wait for Mautic: put the events into a queue, answer, and process them afterwards.

Tests sign a body with `sign`, and `sample_body` makes one of sample events.

Mautic: Webhooks.
"""

from mautic_async.errors import WebhookRejected
from mautic_async.webhooks.events import (
    ChannelSubscriptionChanged,
    CompanyDeleted,
    CompanySaved,
    ContactCompanyChanged,
    ContactDeleted,
    ContactIdentified,
    ContactUpdated,
    EmailOpened,
    EmailSent,
    EmailStat,
    FormSubmitted,
    Hit,
    PageHit,
    PointsChanged,
    SegmentMembershipChanged,
    SmsSent,
    WebhookEvent,
)
from mautic_async.webhooks.parsing import EVENTS
from mautic_async.webhooks.receiver import MAX_BODY, MAX_EVENTS, SIGNATURE, Webhooks, sign
from mautic_async.webhooks.replay_store import MemoryReplayStore, ReplayStore
from mautic_async.webhooks.samples import sample_body

__all__ = [
    "EVENTS",
    "MAX_BODY",
    "MAX_EVENTS",
    "SIGNATURE",
    "ChannelSubscriptionChanged",
    "CompanyDeleted",
    "CompanySaved",
    "ContactCompanyChanged",
    "ContactDeleted",
    "ContactIdentified",
    "ContactUpdated",
    "EmailOpened",
    "EmailSent",
    "EmailStat",
    "FormSubmitted",
    "Hit",
    "MemoryReplayStore",
    "PageHit",
    "PointsChanged",
    "ReplayStore",
    "SegmentMembershipChanged",
    "SmsSent",
    "WebhookEvent",
    "WebhookRejected",
    "Webhooks",
    "sample_body",
    "sign",
]
