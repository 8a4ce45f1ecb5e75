"""Segments, campaigns and companies of a contact."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

from mautic_async.models._base import UNSET, Entity, FromServer, Maybe
from mautic_async.models.company import Company


@define(kw_only=True)
class ContactSegment(Entity):
    """Segment of a contact; `id` is that of the segment. Read only.

    Attributes:
        name: Name of the segment.
        alias: Alias of the segment.
        date_added: Time at which the contact was added.
        manually_added: Added by a user or by the API.
        manually_removed: Removed by a user or by the API.

    Mautic: REST API, Contacts (segment memberships).
    """

    name: FromServer[str] = None
    alias: FromServer[str] = None
    date_added: FromServer[datetime] = None
    manually_added: FromServer[bool] = None
    manually_removed: FromServer[bool] = None


@define(kw_only=True)
class ContactCampaign(Entity):
    """Campaign of a contact; `id` is that of the campaign. Read only.

    Attributes:
        name: Name of the campaign.
        date_added: Time at which the contact was added.
        manually_added: Added by a user or by the API.
        manually_removed: Removed by a user or by the API.
        segment_ids: Ids of the segments through which the contact entered.

    Mautic: REST API, Contacts (campaign memberships).
    """

    name: FromServer[str] = None
    date_added: FromServer[datetime] = None
    manually_added: FromServer[bool] = None
    manually_removed: FromServer[bool] = None
    segment_ids: FromServer[list[int]] = field(default=None, metadata={"json": "listMembership"})


@define(kw_only=True)
class ContactCompany(Company):
    """Company of a contact; `id` is that of the company. Read only.

    Attributes:
        company_id: Same as `id`.
        date_associated: Time at which the contact was added.
        is_primary: Primary company, which `Contact.company` names.
        owner_id: Id of the user who owns it.
        social_cache: PHP-serialized data.

    Mautic: REST API, Contacts (list companies).
    """

    PROPERTIES = Company.PROPERTIES | {"company_id", "date_associated", "is_primary", "owner_id", "social_cache"}

    company_id: FromServer[int] = field(default=None, metadata={"json": "company_id"})
    date_associated: FromServer[datetime] = field(default=None, metadata={"json": "date_associated"})
    is_primary: FromServer[bool] = field(default=None, metadata={"json": "is_primary"})
    owner_id: FromServer[int] = field(default=None, metadata={"json": "owner_id"})
    social_cache: FromServer[str] = field(default=None, metadata={"json": "social_cache"})
    is_published: Maybe[bool] = field(default=UNSET, metadata={"json": "is_published"})
    date_added: FromServer[datetime] = field(default=None, metadata={"json": "date_added"})
    created_by: FromServer[int] = field(default=None, metadata={"json": "created_by"})
    created_by_user: FromServer[str] = field(default=None, metadata={"json": "created_by_user"})
    date_modified: FromServer[datetime] = field(default=None, metadata={"json": "date_modified"})
    modified_by: FromServer[int] = field(default=None, metadata={"json": "modified_by"})
    modified_by_user: FromServer[str] = field(default=None, metadata={"json": "modified_by_user"})
