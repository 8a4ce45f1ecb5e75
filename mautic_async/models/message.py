"""Marketing messages, sent through the preferred channel of each contact."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Entity, FromServer, Maybe, Ref, Scheduled
from mautic_async.models.category import Category, as_category
from mautic_async.models.project import Project, as_projects


@define(kw_only=True)
class MessageChannel(Entity):
    """Channel of a message.

    Attributes:
        channel: ``email``, ``sms``, ``notification``, ... Required.
        channel_id: Id of the e-mail, text message or notification of that channel. Required.
        channel_name: Name of that. Read only.
        is_enabled: Used for sending. Required.
        properties: Settings of the channel. Read only.

    Mautic: REST API, Marketing messages.
    """

    channel: Maybe[str] = UNSET
    channel_id: Maybe[int] = UNSET
    channel_name: FromServer[str] = None
    is_enabled: Maybe[bool] = UNSET
    properties: FromServer[Mapping[str, JSON]] = None


@define(kw_only=True)
class Message(Scheduled):
    """Message with a version for each channel.

    Attributes:
        name: Required to create.
        description: Text for users of Mautic.
        category: Category of bundle ``messages``.
        channels: Versions by channel. POST and PUT disable channels that are not listed.
        projects: Projects that it belongs to. Mautic 7 or newer.

    Mautic: REST API, Marketing messages.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    channels: Maybe[list[MessageChannel]] = field(default=UNSET, metadata={"keyed": "channel"})
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)
