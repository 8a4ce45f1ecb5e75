"""Webhooks: URLs to which Mautic posts events."""

from __future__ import annotations

from attrs import define, field

from mautic_async.models._base import UNSET, FromServer, Maybe, Nested, Published, Ref, Unset
from mautic_async.models._masking import mask_text
from mautic_async.models.category import Category, as_category


def as_secret(value: str | Unset | None) -> str | Unset | None:
    """Return a secret that repr masks."""
    return mask_text(value) if isinstance(value, str) else value


@define(kw_only=True)
class Webhook(Published):
    """URL to which Mautic posts events.

    Attributes:
        name: Required to create.
        description: Text for users of Mautic.
        webhook_url: URL of the receiver. Required to create.
        secret: Key of the signature. The server generates one if it is not given, also for a PUT without it.
        events_orderby_dir: ``ASC`` sends the oldest event first, ``DESC`` the newest.
        category: Category of bundle ``global``.
        triggers: Names of events, such as ``mautic.lead_post_save_update``. PATCH adds, PUT replaces; Mautic stores
            unknown names, too.

    Mautic: REST API, Webhooks.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    webhook_url: Maybe[str] = UNSET
    secret: Maybe[str] = field(default=UNSET, converter=as_secret)
    events_orderby_dir: Maybe[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    triggers: Maybe[list[str]] = UNSET


@define(kw_only=True)
class WebhookTrigger(Nested):
    """Kind of event that a webhook can post. Read only.

    Attributes:
        label: Text shown to users.
        description: Text for users of Mautic.

    Mautic: REST API, Webhooks (list triggers).
    """

    label: FromServer[str] = None
    description: FromServer[str] = None
