"""Mautic's entities and the objects nested in them, as attrs classes without behaviour."""

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
from mautic_async.models.activity import ActivityEvent, ActivityLabel, Timeline, TimelineFilters
from mautic_async.models.asset import Asset
from mautic_async.models.campaign import Campaign, CampaignContact, CampaignMembership, ContactCampaignEvents
from mautic_async.models.campaign_event import CampaignEvent, CampaignEventLog, EventCampaign
from mautic_async.models.canvas import Canvas, CanvasConnection, CanvasNode
from mautic_async.models.category import Category
from mautic_async.models.company import Company
from mautic_async.models.company_segment import CompanySegment
from mautic_async.models.contact import Contact
from mautic_async.models.custom_item import CustomItem, CustomItemValue
from mautic_async.models.custom_object import CustomField, CustomFieldOption, CustomObject
from mautic_async.models.device import Device
from mautic_async.models.dynamic_content import DynamicContent
from mautic_async.models.email import DynamicContentVariant, Email, EmailDynamicContent, SegmentSend
from mautic_async.models.field import ContactField, Field, FieldOption, FieldProperties
from mautic_async.models.field_group import FieldGroup
from mautic_async.models.file import UploadedFile
from mautic_async.models.focus import Focus
from mautic_async.models.form import Form, FormAction, FormField
from mautic_async.models.ip_address import IpAddress, IpDetails
from mautic_async.models.membership import ContactCampaign, ContactCompany, ContactSegment
from mautic_async.models.message import Message, MessageChannel
from mautic_async.models.note import Note
from mautic_async.models.notification import Notification
from mautic_async.models.page import Page
from mautic_async.models.point import Point
from mautic_async.models.point_group import GroupScore, PointGroup
from mautic_async.models.preference import DoNotContact, FrequencyRule
from mautic_async.models.project import Project
from mautic_async.models.report import Report, ReportAggregator, ReportFilter, ReportOrder, ReportSettings
from mautic_async.models.report_result import ReportGraph, ReportResult
from mautic_async.models.role import Role
from mautic_async.models.segment import Segment, SegmentFilter
from mautic_async.models.sms import Sms, SmsReceipt
from mautic_async.models.stage import Stage
from mautic_async.models.stat import DoNotContactEntry, EmailStatistic, StatRow, StatTables, Widget
from mautic_async.models.submission import Submission
from mautic_async.models.tag import Tag
from mautic_async.models.theme import Theme, ThemeConfig, ThemeVisibility
from mautic_async.models.trigger import Trigger, TriggerEvent
from mautic_async.models.tweet import Tweet
from mautic_async.models.user import PlainPassword, User
from mautic_async.models.utm import UtmParameters, UtmTag
from mautic_async.models.webhook import Webhook, WebhookTrigger

__all__ = [
    "JSON",
    "UNSET",
    "ActivityEvent",
    "ActivityLabel",
    "Asset",
    "Campaign",
    "CampaignContact",
    "CampaignEvent",
    "CampaignEventLog",
    "CampaignMembership",
    "Canvas",
    "CanvasConnection",
    "CanvasNode",
    "Category",
    "Company",
    "CompanySegment",
    "Contact",
    "ContactCampaign",
    "ContactCampaignEvents",
    "ContactCompany",
    "ContactField",
    "ContactSegment",
    "CustomField",
    "CustomFieldOption",
    "CustomItem",
    "CustomItemValue",
    "CustomObject",
    "Device",
    "DoNotContact",
    "DoNotContactEntry",
    "DynamicContent",
    "DynamicContentVariant",
    "Email",
    "EmailDynamicContent",
    "EmailStatistic",
    "Entity",
    "EventCampaign",
    "Field",
    "FieldGroup",
    "FieldOption",
    "FieldProperties",
    "FieldValue",
    "Focus",
    "Form",
    "FormAction",
    "FormField",
    "FrequencyRule",
    "FromServer",
    "GroupScore",
    "IpAddress",
    "IpDetails",
    "Maybe",
    "Message",
    "MessageChannel",
    "Nested",
    "Note",
    "Notification",
    "Page",
    "PlainPassword",
    "Point",
    "PointGroup",
    "Project",
    "Published",
    "Ref",
    "Report",
    "ReportAggregator",
    "ReportFilter",
    "ReportGraph",
    "ReportOrder",
    "ReportResult",
    "ReportSettings",
    "Role",
    "Scheduled",
    "Segment",
    "SegmentFilter",
    "SegmentSend",
    "Sms",
    "SmsReceipt",
    "Stage",
    "StatRow",
    "StatTables",
    "Submission",
    "Tag",
    "Theme",
    "ThemeConfig",
    "ThemeVisibility",
    "Timeline",
    "TimelineFilters",
    "ToServer",
    "Trigger",
    "TriggerEvent",
    "Tweet",
    "Unset",
    "UploadedFile",
    "User",
    "UtmParameters",
    "UtmTag",
    "Webhook",
    "WebhookTrigger",
    "Widget",
]
