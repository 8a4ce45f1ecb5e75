"""What editors know of the public API: never run, only checked by mypy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, assert_type

from attrs import define

from mautic_async import (
    UNSET,
    BulkReport,
    Company,
    Contact,
    CustomItem,
    EntityIterator,
    Mautic,
    Maybe,
    Outcome,
    ResultPage,
    Segment,
    Tag,
    where,
)
from mautic_async.models import (
    JSON,
    ActivityEvent,
    Asset,
    Campaign,
    CampaignContact,
    CampaignEvent,
    CampaignEventLog,
    ContactCampaign,
    ContactCampaignEvents,
    ContactCompany,
    ContactSegment,
    CustomField,
    CustomObject,
    Device,
    Email,
    Field,
    Form,
    GroupScore,
    Note,
    Report,
    ReportResult,
    Role,
    SegmentSend,
    SmsReceipt,
    Stage,
    StatRow,
    StatTables,
    Submission,
    Theme,
    Timeline,
    Trigger,
    Unset,
    UploadedFile,
    User,
    UtmTag,
    WebhookTrigger,
    Widget,
)


@define(kw_only=True)
class Customer(Contact):
    seats: Maybe[int] = UNSET
    renewal: Maybe[date] = UNSET


@define(kw_only=True)
class Account(Company):
    tier: Maybe[str] = UNSET


async def standard_verbs(mautic: Mautic) -> None:
    assert_type(await mautic.segments.get(3), Segment)
    assert_type(await mautic.segments.list(search="x", limit=5), ResultPage[Segment])
    assert_type((await mautic.segments.list()).items, list[Segment])
    assert_type(mautic.segments.iterate(order_by="id", read_ahead=True), EntityIterator[Segment])
    assert_type(await mautic.segments.create(Segment(name="VIP")), Segment)
    assert_type(await mautic.segments.edit(3, Segment(name="VIP")), Segment)
    assert_type(await mautic.segments.replace(3, Segment(name="VIP")), Segment)
    assert_type(await mautic.segments.delete(3), Segment)
    assert_type(await mautic.segments.create_many([Segment(name="a")]), list[Outcome[Segment]])
    assert_type(await mautic.segments.edit_many([Segment(id=1, name="a")]), list[Outcome[Segment]])
    assert_type(await mautic.segments.replace_many([Segment(id=1, name="a")]), list[Outcome[Segment]])
    assert_type(await mautic.segments.delete_many([1, 2]), list[Outcome[Segment]])
    async for stage in mautic.stages.iterate(where=[where.gt("id", 5)], published=True):
        assert_type(stage, Stage)
    assert_type(await mautic.assets.get(1), Asset)
    assert_type(await mautic.point_triggers.get(1), Trigger)
    assert_type(await mautic.company_fields.get(1), Field)


async def what_the_type_checker_refuses(mautic: Mautic) -> None:
    await mautic.segments.create(Stage(name="x"))  # type: ignore[arg-type]
    await mautic.segments.get("3")  # type: ignore[arg-type]
    await mautic.segments.list(publishedOnly=True)  # type: ignore[call-arg]
    await mautic.segments.list(order_by_dir="up")  # type: ignore[arg-type]
    await mautic.segments.list(include_custom_objects=True)  # type: ignore[call-arg]
    Segment("VIP")  # type: ignore[call-arg, arg-type]
    Stage(weight="heavy")  # type: ignore[arg-type]


async def contacts(mautic: Mautic) -> None:
    contact = await mautic.contacts.get(42, include_custom_objects=True)
    assert_type(contact, Contact)
    assert_type(contact.email, str | Unset | None)
    if contact.email:
        assert_type(contact.email, str)
    assert_type(contact.points, int | Unset | None)
    assert_type(contact.date_added, datetime | None)
    assert_type(contact.custom_items, list[CustomItem] | Unset | None)
    assert_type(await mautic.contacts.find(email="ada@example.com"), Contact | None)
    assert_type(await mautic.contacts.list(include_custom_objects=True), ResultPage[Contact])
    assert_type(await mautic.contacts.upsert(Contact(email="ada@example.com")), Contact)
    assert_type(await mautic.contacts.bulk_upsert([Contact(email="ada@example.com")]), BulkReport)
    async with mautic.contacts.bulk_upsert([Contact(email="ada@example.com")]) as run:
        async for outcome in run:
            assert_type(outcome, Outcome[Contact])
            assert_type(outcome.contact, Contact | None)
    assert_type(run.report, BulkReport)


async def details_of_contacts(mautic: Mautic) -> None:
    assert_type(await mautic.contacts.activity(1, include=["email.sent"]), Timeline)
    assert_type(mautic.contacts.iterate_activity(1), AsyncIterator[ActivityEvent])
    assert_type(await mautic.contacts.notes(1), ResultPage[Note])
    assert_type(await mautic.contacts.devices(1), ResultPage[Device])
    assert_type(await mautic.contacts.segments(1), list[ContactSegment])
    assert_type(await mautic.contacts.campaigns(1), list[ContactCampaign])
    assert_type(await mautic.contacts.companies(1), list[ContactCompany])
    assert_type(await mautic.contacts.add_dnc(1, "sms", reason=1), Contact)
    assert_type(await mautic.contacts.remove_dnc(1), bool)
    assert_type(await mautic.contacts.add_utm(1, UtmTag(utm_source="news")), Contact)
    assert_type(await mautic.contacts.point_groups(1), list[GroupScore])
    assert_type(await mautic.contacts.point_group(1, 2), GroupScore | None)
    assert_type(await mautic.contacts.change_group_points(1, 2, "set", 0), GroupScore)
    assert_type(await mautic.contacts.owners(), list[User])
    assert_type(await mautic.contacts.fields(), list[Field])
    assert_type(await mautic.contacts.available_segments(), list[Segment])


async def subclasses(mautic: Mautic) -> None:
    customers = mautic.contacts.of(Customer)
    customer = await customers.get(42)
    assert_type(customer, Customer)
    assert_type(customer.seats, int | Unset | None)
    assert_type(await customers.create(Customer(email="ada@example.com", seats=3)), Customer)
    assert_type(await customers.find(email="ada@example.com"), Customer | None)
    assert_type(await customers.list(), ResultPage[Customer])
    assert_type(customers.iterate(), EntityIterator[Customer])
    assert_type(await customers.edit_many([customer]), list[Outcome[Customer]])
    assert_type(await customers.add_dnc(1), Customer)
    async with customers.bulk_upsert([customer]) as run:
        async for outcome in run:
            assert_type(outcome.contact, Customer | None)
    accounts = mautic.companies.of(Account)
    account = await accounts.upsert(Account(companyname="Acme", tier="gold"))
    assert_type(account, Account)
    assert_type(account.tier, str | Unset | None)
    assert_type(await accounts.find(companyname="Acme"), Account | None)
    assert_type(await accounts.add_contacts(1, [2]), list[Outcome[Contact]])
    await customers.create(Contact(email="ada@example.com"))  # type: ignore[arg-type]


async def special_endpoints(mautic: Mautic) -> None:
    assert_type(await mautic.segments.add_contacts(1, [2, 3]), list[Outcome[Contact]])
    assert_type(await mautic.campaigns.clone(1), Campaign)
    assert_type(await mautic.campaigns.contacts(1), ResultPage[CampaignContact])
    assert_type(mautic.campaigns.iterate_contacts(1), AsyncIterator[CampaignContact])
    assert_type(await mautic.campaigns.contact_events(1, 2), ContactCampaignEvents)
    assert_type(await mautic.campaigns.export(1, "c.json"), Path)
    assert_type(await mautic.campaign_events.logs(1), ResultPage[CampaignEventLog])
    assert_type(await mautic.campaign_events.edit_log(1, 2, CampaignEventLog()), CampaignEvent)
    assert_type(await mautic.campaign_events.edit_logs([]), list[Outcome[CampaignEvent]])
    assert_type(await mautic.emails.get(1), Email)
    assert_type(await mautic.emails.send(1), SegmentSend)
    assert_type(await mautic.forms.delete_fields(1, [2]), Form)
    assert_type(await mautic.forms.submissions(1), ResultPage[Submission])
    assert_type(mautic.forms.iterate_submissions(1), AsyncIterator[Submission])
    assert_type(await mautic.forms.submission(1, 2), Submission)
    assert_type(await mautic.points.action_types(), Mapping[str, str])
    assert_type(await mautic.point_triggers.delete_events(1, [2]), Trigger)
    assert_type(await mautic.reports.get(1), Report)
    assert_type(await mautic.reports.data(1, date_from=date(2026, 1, 1)), ReportResult)
    assert_type(mautic.reports.iterate_data(1), AsyncIterator[Mapping[str, JSON]])
    assert_type(await mautic.users.me(), User)
    assert_type(await mautic.users.roles(), list[Role])
    assert_type(await mautic.users.check_permissions(1, ["lead:leads:create"]), dict[str, bool])
    assert_type(await mautic.smses.send(1, 2), SmsReceipt)
    assert_type(await mautic.tags.find("vip"), Tag | None)
    assert_type(await mautic.webhooks.triggers(), Mapping[str, WebhookTrigger])
    assert_type(await mautic.focus.js(1), str)
    assert_type(await mautic.stats.tables(), StatTables)
    assert_type(await mautic.stats.list("page_hits"), ResultPage[StatRow])
    assert_type(mautic.stats.iterate("page_hits"), AsyncIterator[StatRow])
    assert_type(await mautic.data.get("created.leads.in.time"), Widget)
    assert_type(await mautic.files.list("images"), list[str])
    assert_type(await mautic.files.upload("media", b"x", name="x.txt"), UploadedFile)
    assert_type(await mautic.themes.list(), list[Theme])
    assert_type(await mautic.themes.download("blank", "blank.zip"), Path)
    assert_type(await mautic.custom_objects.get(1), CustomObject)
    assert_type(await mautic.custom_fields.list(alias="x"), ResultPage[CustomField])
    assert_type(mautic.custom_items.iterate(), AsyncIterator[CustomItem])
    assert_type(await mautic.custom_objects.available(), bool)


async def the_escape_hatch(mautic: Mautic) -> None:
    assert_type(await mautic.call("GET", "contacts", query={"limit": 5}), Any)
    assert_type(mautic.version, str | None)
