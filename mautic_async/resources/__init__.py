"""Namespaces, one class each."""

from mautic_async.resources.assets import Assets
from mautic_async.resources.campaign_events import CampaignEvents
from mautic_async.resources.campaigns import Campaigns
from mautic_async.resources.categories import Categories
from mautic_async.resources.companies import Companies
from mautic_async.resources.company_segments import CompanySegments
from mautic_async.resources.contacts.contacts import Contacts
from mautic_async.resources.custom_fields import CustomFields
from mautic_async.resources.custom_items import CustomItems
from mautic_async.resources.custom_objects import CustomObjects
from mautic_async.resources.devices import Devices
from mautic_async.resources.dynamic_contents import DynamicContents
from mautic_async.resources.emails import Emails
from mautic_async.resources.field_groups import FieldGroups
from mautic_async.resources.fields import CompanyFields, ContactFields
from mautic_async.resources.files import Files
from mautic_async.resources.focus import FocusItems
from mautic_async.resources.forms import Forms
from mautic_async.resources.messages import Messages
from mautic_async.resources.notes import Notes
from mautic_async.resources.notifications import Notifications
from mautic_async.resources.pages import Pages
from mautic_async.resources.point_groups import PointGroups
from mautic_async.resources.point_triggers import PointTriggers
from mautic_async.resources.points import Points
from mautic_async.resources.projects import Projects
from mautic_async.resources.reports import Reports
from mautic_async.resources.roles import Roles
from mautic_async.resources.segments import Segments
from mautic_async.resources.smses import Smses
from mautic_async.resources.stages import Stages
from mautic_async.resources.stats import Stats
from mautic_async.resources.tags import Tags
from mautic_async.resources.themes import Themes
from mautic_async.resources.tweets import Tweets
from mautic_async.resources.users import Users
from mautic_async.resources.webhooks import Webhooks
from mautic_async.resources.widgets import Widgets

__all__ = [
    "Assets",
    "CampaignEvents",
    "Campaigns",
    "Categories",
    "Companies",
    "CompanyFields",
    "CompanySegments",
    "ContactFields",
    "Contacts",
    "CustomFields",
    "CustomItems",
    "CustomObjects",
    "Devices",
    "DynamicContents",
    "Emails",
    "FieldGroups",
    "Files",
    "FocusItems",
    "Forms",
    "Messages",
    "Notes",
    "Notifications",
    "Pages",
    "PointGroups",
    "PointTriggers",
    "Points",
    "Projects",
    "Reports",
    "Roles",
    "Segments",
    "Smses",
    "Stages",
    "Stats",
    "Tags",
    "Themes",
    "Tweets",
    "Users",
    "Webhooks",
    "Widgets",
]
