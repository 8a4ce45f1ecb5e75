"""The list of all nouns, of the routes beside them, and of what an installation puts into their tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mautic_async.testing.contacts.resource import Contacts
from mautic_async.testing.resources import assets, campaign_events, reports, stats, themes, widgets
from mautic_async.testing.resources.assets import Assets
from mautic_async.testing.resources.campaigns import Campaigns
from mautic_async.testing.resources.categories import Categories
from mautic_async.testing.resources.companies import Companies
from mautic_async.testing.resources.dynamic import DynamicContents
from mautic_async.testing.resources.emails import Emails
from mautic_async.testing.resources.fields import Fields
from mautic_async.testing.resources.focus import Focus
from mautic_async.testing.resources.forms import Forms
from mautic_async.testing.resources.hooks import Hooks
from mautic_async.testing.resources.messages import Messages
from mautic_async.testing.resources.notes import Devices, Notes
from mautic_async.testing.resources.notifications import Notifications, Smses, Tweets
from mautic_async.testing.resources.pages import Pages
from mautic_async.testing.resources.points import PointGroups, Points
from mautic_async.testing.resources.reports import Reports
from mautic_async.testing.resources.roles import Roles, Users
from mautic_async.testing.resources.segments import Segments
from mautic_async.testing.resources.stages import Stages
from mautic_async.testing.resources.tags import Tags
from mautic_async.testing.resources.triggers import Triggers

if TYPE_CHECKING:
    from collections.abc import Callable

    from mautic_async.testing.resources._base import FakeResource
    from mautic_async.testing.router import Router
    from mautic_async.testing.state import ServerState

RESOURCES: tuple[Callable[[], FakeResource], ...] = (
    Contacts,
    Companies,
    Segments,
    Fields,
    Stages,
    Tags,
    Assets,
    Campaigns,
    Categories,
    Devices,
    DynamicContents,
    Emails,
    Focus,
    Forms,
    Hooks,
    Messages,
    Notes,
    Notifications,
    Pages,
    PointGroups,
    Points,
    Reports,
    Roles,
    Smses,
    Triggers,
    Tweets,
    Users,
)
"""Everything with the ten standard routes."""

EXTRA_ROUTES: tuple[Callable[[Router], None], ...] = (
    assets.routes,
    campaign_events.routes,
    stats.routes,
    themes.routes,
    widgets.routes,
)
"""Adders of routes that belong to no noun."""

SEEDERS: tuple[Callable[[ServerState], None], ...] = (reports.install, themes.install)
"""Functions that put into the tables of a new server what Mautic installs."""
