"""Marketing messages, which go by the channel that a contact likes best."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Entity, FromServer, Maybe, Ref, Scheduled
from mautic_async.models.category import Category, as_category
from mautic_async.models.project import Project, as_projects


@define(kw_only=True)
class MessageChannel(Entity):
    """One way for a message to go.

    Attributes:
        channel: ``email``, ``sms``, ``notification``, ... Required.
        channel_id: Of the e-mail or text message that goes there. Required.
        channel_name: Of that. Read only.
        is_enabled: Required.
        properties: Of the channel. Read only.

    Mautic: REST API, Marketing messages.
    """

    channel: Maybe[str] = UNSET
    channel_id: Maybe[int] = UNSET
    channel_name: FromServer[str] = None
    is_enabled: Maybe[bool] = UNSET
    properties: FromServer[Mapping[str, JSON]] = None


@define(kw_only=True)
class Message(Scheduled):
    """One message in the forms that its channels need.

    Attributes:
        name: Required to create.
        description: For people.
        category: Of bundle ``messages``.
        channels: POST and PUT disable those not listed.
        projects: Mautic 7 or newer.

    Mautic: REST API, Marketing messages.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    channels: Maybe[list[MessageChannel]] = field(default=UNSET, metadata={"keyed": "channel"})
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)
