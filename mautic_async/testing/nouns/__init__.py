"""The resources: each a declaration of its properties, with what is special about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing.contacts.noun import Contacts
from mautic_async.testing.nouns import assets, campaign_events, reports, stats, themes, widgets
from mautic_async.testing.nouns.assets import Assets
from mautic_async.testing.nouns.campaigns import Campaigns
from mautic_async.testing.nouns.categories import Categories
from mautic_async.testing.nouns.companies import Companies
from mautic_async.testing.nouns.dynamic import DynamicContents
from mautic_async.testing.nouns.emails import Emails
from mautic_async.testing.nouns.fields import Fields
from mautic_async.testing.nouns.focus import Focus
from mautic_async.testing.nouns.forms import Forms
from mautic_async.testing.nouns.hooks import Hooks
from mautic_async.testing.nouns.messages import Messages
from mautic_async.testing.nouns.notes import Devices, Notes
from mautic_async.testing.nouns.notifications import Notifications, Smses, Tweets
from mautic_async.testing.nouns.pages import Pages
from mautic_async.testing.nouns.points import PointGroups, Points
from mautic_async.testing.nouns.reports import Reports
from mautic_async.testing.nouns.roles import Roles, Users
from mautic_async.testing.nouns.segments import Segments
from mautic_async.testing.nouns.stages import Stages
from mautic_async.testing.nouns.tags import Tags
from mautic_async.testing.nouns.triggers import Triggers

if TYPE_CHECKING:
    from collections.abc import Callable

    from mautic_async.testing.nouns._base import Noun
    from mautic_async.testing.routes import Routes

NOUNS: tuple[Callable[[], Noun], ...] = (
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

SPECIALS: tuple[Callable[[Routes], None], ...] = (
    assets.routes,
    campaign_events.routes,
    stats.routes,
    themes.routes,
    widgets.routes,
)
"""Adders of routes that belong to no noun."""

SEEDS: tuple[Callable[[Any], None], ...] = (reports.seed, themes.seed)
"""Called with a new `FakeMautic`, to put into its tables what Mautic installs."""
