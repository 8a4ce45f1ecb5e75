"""What a contact belongs to."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

from mautic_async.models._base import UNSET, Entity, FromServer, Maybe
from mautic_async.models.company import Company


@define(kw_only=True)
class ContactSegment(Entity):
    """A segment that a contact is in; the id is the segment's. Read only.

    Attributes:
        name: Of the segment.
        alias: Of the segment.
        date_added: When the contact came in.
        manually_added: By hand.
        manually_removed: By hand.

    Mautic: REST API, Contacts (segment memberships).
    """

    name: FromServer[str] = None
    alias: FromServer[str] = None
    date_added: FromServer[datetime] = None
    manually_added: FromServer[bool] = None
    manually_removed: FromServer[bool] = None


@define(kw_only=True)
class ContactCampaign(Entity):
    """A campaign that a contact is in; the id is the campaign's. Read only.

    Attributes:
        name: Of the campaign.
        date_added: When the contact came in.
        manually_added: By hand.
        manually_removed: By hand.
        segment_ids: By which segments.

    Mautic: REST API, Contacts (campaign memberships).
    """

    name: FromServer[str] = None
    date_added: FromServer[datetime] = None
    manually_added: FromServer[bool] = None
    manually_removed: FromServer[bool] = None
    segment_ids: FromServer[list[int]] = field(default=None, metadata={"json": "listMembership"})


@define(kw_only=True)
class ContactCompany(Company):
    """A company that a contact belongs to; the id is the company's. All properties are in one flat row. Read only.

    Attributes:
        company_id: The id again.
        date_associated: When the contact came in.
        is_primary: The one that the contact's own field names.
        owner_id: Id of a user.
        social_cache: Text in PHP's own format.

    Mautic: REST API, Contacts (list companies).
    """

    PROPERTIES = Company.PROPERTIES | {"company_id", "date_associated", "is_primary", "owner_id", "social_cache"}

    company_id: FromServer[int] = field(default=None, metadata={"json": "company_id"})
    date_associated: FromServer[datetime] = field(default=None, metadata={"json": "date_associated"})
    is_primary: FromServer[bool] = field(default=None, metadata={"json": "is_primary"})
    owner_id: FromServer[int] = field(default=None, metadata={"json": "owner_id"})
    social_cache: FromServer[str] = field(default=None, repr=False, metadata={"json": "social_cache"})
    is_published: Maybe[bool] = field(default=UNSET, metadata={"json": "is_published"})
    date_added: FromServer[datetime] = field(default=None, metadata={"json": "date_added"})
    created_by: FromServer[int] = field(default=None, metadata={"json": "created_by"})
    created_by_user: FromServer[str] = field(default=None, metadata={"json": "created_by_user"})
    date_modified: FromServer[datetime] = field(default=None, metadata={"json": "date_modified"})
    modified_by: FromServer[int] = field(default=None, metadata={"json": "modified_by"})
    modified_by_user: FromServer[str] = field(default=None, metadata={"json": "modified_by_user"})
