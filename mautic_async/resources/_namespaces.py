"""The namespaces of the client; each is created when it is first used.

Mautic: REST API.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from mautic_async import resources

if TYPE_CHECKING:
    from mautic_async.models import Company, Contact
    from mautic_async.pipeline import Pipeline


class Namespaces:
    """The namespaces of `Mautic`, one property each."""

    _pipeline: Pipeline

    @cached_property
    def contacts(self) -> resources.Contacts[Contact]:
        """People."""
        return resources.Contacts(self._pipeline)

    @cached_property
    def companies(self) -> resources.Companies[Company]:
        """Companies that contacts belong to."""
        return resources.Companies(self._pipeline)

    @cached_property
    def segments(self) -> resources.Segments:
        """Lists of contacts."""
        return resources.Segments(self._pipeline)

    @cached_property
    def campaigns(self) -> resources.Campaigns:
        """Campaigns."""
        return resources.Campaigns(self._pipeline)

    @cached_property
    def campaign_events(self) -> resources.CampaignEvents:
        """Events of all campaigns, and their logs."""
        return resources.CampaignEvents(self._pipeline)

    @cached_property
    def emails(self) -> resources.Emails:
        """E-mails, to segments and to single contacts."""
        return resources.Emails(self._pipeline)

    @cached_property
    def forms(self) -> resources.Forms:
        """Forms and their submissions."""
        return resources.Forms(self._pipeline)

    @cached_property
    def pages(self) -> resources.Pages:
        """Landing pages."""
        return resources.Pages(self._pipeline)

    @cached_property
    def assets(self) -> resources.Assets:
        """Files for visitors to download."""
        return resources.Assets(self._pipeline)

    @cached_property
    def categories(self) -> resources.Categories:
        """Categories of other entities."""
        return resources.Categories(self._pipeline)

    @cached_property
    def dynamic_contents(self) -> resources.DynamicContents:
        """Dynamic content: parts of pages and e-mails that depend on the visitor."""
        return resources.DynamicContents(self._pipeline)

    @cached_property
    def messages(self) -> resources.Messages:
        """Marketing messages, for several channels."""
        return resources.Messages(self._pipeline)

    @cached_property
    def notes(self) -> resources.Notes:
        """Notes on contacts."""
        return resources.Notes(self._pipeline)

    @cached_property
    def notifications(self) -> resources.Notifications:
        """Messages pushed to browsers and phones."""
        return resources.Notifications(self._pipeline)

    @cached_property
    def points(self) -> resources.Points:
        """Actions that give contacts points."""
        return resources.Points(self._pipeline)

    @cached_property
    def point_groups(self) -> resources.PointGroups:
        """Groups of points that are counted separately."""
        return resources.PointGroups(self._pipeline)

    @cached_property
    def point_triggers(self) -> resources.PointTriggers:
        """Events for contacts that reach a number of points."""
        return resources.PointTriggers(self._pipeline)

    @cached_property
    def reports(self) -> resources.Reports:
        """Reports and their data."""
        return resources.Reports(self._pipeline)

    @cached_property
    def roles(self) -> resources.Roles:
        """Roles of users."""
        return resources.Roles(self._pipeline)

    @cached_property
    def users(self) -> resources.Users:
        """Users of Mautic."""
        return resources.Users(self._pipeline)

    @cached_property
    def smses(self) -> resources.Smses:
        """Text messages."""
        return resources.Smses(self._pipeline)

    @cached_property
    def stages(self) -> resources.Stages:
        """Stages that contacts pass through."""
        return resources.Stages(self._pipeline)

    @cached_property
    def tags(self) -> resources.Tags:
        """Tags of contacts."""
        return resources.Tags(self._pipeline)

    @cached_property
    def contact_fields(self) -> resources.ContactFields:
        """Definitions of the fields of contacts."""
        return resources.ContactFields(self._pipeline)

    @cached_property
    def company_fields(self) -> resources.CompanyFields:
        """Definitions of the fields of companies."""
        return resources.CompanyFields(self._pipeline)

    @cached_property
    def devices(self) -> resources.Devices:
        """Devices of contacts."""
        return resources.Devices(self._pipeline)

    @cached_property
    def webhooks(self) -> resources.Webhooks:
        """Webhooks."""
        return resources.Webhooks(self._pipeline)

    @cached_property
    def focus(self) -> resources.FocusItems:
        """Bars and boxes on web pages (a plugin)."""
        return resources.FocusItems(self._pipeline)

    @cached_property
    def tweets(self) -> resources.Tweets:
        """Tweets of campaigns (a plugin)."""
        return resources.Tweets(self._pipeline)

    @cached_property
    def stats(self) -> resources.Stats:
        """Statistics tables."""
        return resources.Stats(self._pipeline)

    @cached_property
    def data(self) -> resources.Widgets:
        """Data of dashboard widgets."""
        return resources.Widgets(self._pipeline)

    @cached_property
    def files(self) -> resources.Files:
        """Files in the server's media folders."""
        return resources.Files(self._pipeline)

    @cached_property
    def themes(self) -> resources.Themes:
        """Themes of pages, e-mails and forms."""
        return resources.Themes(self._pipeline)

    @cached_property
    def custom_objects(self) -> resources.CustomObjects:
        """Definitions of custom objects (a plugin, ``/api/v2``)."""
        return resources.CustomObjects(self._pipeline)

    @cached_property
    def custom_fields(self) -> resources.CustomFields:
        """Fields of custom objects (a plugin, ``/api/v2``)."""
        return resources.CustomFields(self._pipeline)

    @cached_property
    def custom_items(self) -> resources.CustomItems:
        """Items of custom objects, without a contact (a plugin, ``/api/v2``)."""
        return resources.CustomItems(self._pipeline)

    @cached_property
    def projects(self) -> resources.Projects:
        """Groups of entities of all kinds (Mautic 7, Basic authentication only)."""
        return resources.Projects(self._pipeline)

    @cached_property
    def company_segments(self) -> resources.CompanySegments:
        """Lists of companies (Mautic 8 or newer, or a plugin)."""
        return resources.CompanySegments(self._pipeline)

    @cached_property
    def field_groups(self) -> resources.FieldGroups:
        """Groups of fields (Mautic 8 or newer)."""
        return resources.FieldGroups(self._pipeline)
