"""Mautic's nouns, and the nested things that have properties of their own. Data only."""

from mautic_async.models._base import (
    JSON,
    UNSET,
    Entity,
    FieldValue,
    FromServer,
    Maybe,
    Nested,
    Published,
    Ref,
    Scheduled,
    ToServer,
    Unset,
)
from mautic_async.models.category import Category
from mautic_async.models.company import Company
from mautic_async.models.contact import Contact
from mautic_async.models.custom_item import CustomItem, CustomItemValue
from mautic_async.models.field import ContactField, Field, FieldOption, FieldProperties
from mautic_async.models.ip_address import IpAddress, IpDetails
from mautic_async.models.preference import DoNotContact, FrequencyRule
from mautic_async.models.project import Project
from mautic_async.models.role import Role
from mautic_async.models.segment import Segment, SegmentFilter
from mautic_async.models.stage import Stage
from mautic_async.models.tag import Tag
from mautic_async.models.user import PlainPassword, User
from mautic_async.models.utm import UtmParameters, UtmTag

__all__ = [
    "JSON",
    "UNSET",
    "Category",
    "Company",
    "Contact",
    "ContactField",
    "CustomItem",
    "CustomItemValue",
    "DoNotContact",
    "Entity",
    "Field",
    "FieldOption",
    "FieldProperties",
    "FieldValue",
    "FrequencyRule",
    "FromServer",
    "IpAddress",
    "IpDetails",
    "Maybe",
    "Nested",
    "PlainPassword",
    "Project",
    "Published",
    "Ref",
    "Role",
    "Scheduled",
    "Segment",
    "SegmentFilter",
    "Stage",
    "Tag",
    "ToServer",
    "Unset",
    "User",
    "UtmParameters",
    "UtmTag",
]
