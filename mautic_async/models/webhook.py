"""Webhooks: what Mautic tells others."""

from __future__ import annotations

from attrs import define, field

from mautic_async.models._base import UNSET, FromServer, Maybe, Nested, Published, Ref
from mautic_async.models._discreet import mask
from mautic_async.models.category import Category, as_category


@define(kw_only=True)
class Webhook(Published):
    """An address that is told what happens.

    Attributes:
        name: Required to create.
        description: For people.
        webhook_url: Required to create.
        secret: Signs what is sent; made by the server if not given, also by a PUT without it.
        events_orderby_dir: ``ASC`` or ``DESC``: which events go first.
        category: Of bundle ``webhook``.
        triggers: What to tell: ``mautic.lead_post_save_update``. PATCH adds, PUT replaces; unknown ones are stored.

    Mautic: REST API, Webhooks.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    webhook_url: Maybe[str] = UNSET
    secret: Maybe[str] = field(default=UNSET, repr=False, converter=mask)
    events_orderby_dir: Maybe[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    triggers: Maybe[list[str]] = UNSET


@define(kw_only=True)
class WebhookTrigger(Nested):
    """Something that a webhook can tell. Read only.

    Attributes:
        label: For people.
        description: For people.

    Mautic: REST API, Webhooks (list triggers).
    """

    label: FromServer[str] = None
    description: FromServer[str] = None
