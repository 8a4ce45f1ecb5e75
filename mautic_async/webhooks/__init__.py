"""Webhooks in: what Mautic tells us, checked before it is read. Needs no client.

::

    webhooks = Webhooks("the secret of the webhook")

    async with webhooks.receive(request.stream(), request.headers.get("webhook-signature")) as events:
        for event in events:
            match event:
                case ContactUpdated(contact=contact):
                    ...

`WebhookRejected` says why a body is refused, and with which status to answer. Mautic waits 15 s for the answer, while
its own caller waits too: take the events, answer, work afterwards.

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
from mautic_async.webhooks.receiver import MAX_BODY, MAX_EVENTS, SIGNATURE, Webhooks
from mautic_async.webhooks.replay_store import MemoryReplayStore, ReplayStore

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
]
