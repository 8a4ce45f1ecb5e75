"""Edits send along what Mautic needs or resets, and writes that Mautic answers with a bare 500 are refused before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from mautic_async import ConfigurationError, Mautic, OutcomeUnknown, Rejected
from mautic_async import models as m
from mautic_async.testing import FakeMautic


@pytest.fixture
async def fake() -> AsyncIterator[FakeMautic]:
    async with FakeMautic() as found:
        yield found


@pytest.fixture
async def mautic(fake: FakeMautic) -> AsyncIterator[Mautic]:
    async with Mautic(fake.url, auth=fake.auth, transport=fake.transport) as found:
        yield found


CITY = m.SegmentFilter(glue="and", object="lead", field="city", type="text", operator="=", filter="Bonn")
SLOTS = [
    m.EmailDynamicContent(
        token_name="Part", content="<b>x</b>", filters=[m.DynamicContentVariant(content="<i>y</i>", filters=[CITY])]
    )
]


def writes(fake: FakeMautic) -> list[str]:
    return [f"{seen.method} {seen.path}" for seen in fake.requests if seen.method != "GET" and "/api/" in seen.path]


async def test_emails_edit_keeps_dynamic_content(mautic: Mautic) -> None:
    email = await mautic.emails.create(m.Email(name="E", subject="s", dynamic_content=SLOTS))
    await mautic.call("PATCH", f"emails/{email.id}/edit", body={"subject": "t"})
    lost = await mautic.emails.get(email.id)
    assert lost.dynamic_content
    assert lost.dynamic_content[0].content == "Default Dynamic Content", "what Mautic itself does"

    await mautic.emails.edit(email.id, m.Email(dynamic_content=SLOTS))
    for changes in (m.Email(subject="u"), m.Email(id=email.id, subject="v")):
        stored = await mautic.emails.edit(email.id, changes)
        assert stored.dynamic_content == email.dynamic_content
    (outcome,) = await mautic.emails.edit_many([m.Email(id=email.id, subject="w")])
    assert outcome.entity is not None
    assert (outcome.entity.subject, outcome.entity.dynamic_content) == ("w", email.dynamic_content)


async def test_emails_edit_of_an_entity_that_was_read_keeps_dynamic_content(mautic: Mautic) -> None:
    made = await mautic.emails.create(m.Email(name="E", subject="s", dynamic_content=SLOTS))
    email = await mautic.emails.get(made.id)
    email.subject = "t"
    stored = await mautic.emails.edit(email.id, email)
    assert (stored.subject, stored.dynamic_content) == ("t", made.dynamic_content)


async def test_forms_edit_of_an_entity_that_was_read_keeps_its_post_action(mautic: Mautic) -> None:
    made = await mautic.forms.create(m.Form(name="F", post_action="message", post_action_property="Thanks"))
    form = await mautic.forms.get(made.id)
    form.description = "x"
    stored = await mautic.forms.edit(form.id, form)
    assert (stored.description, stored.post_action, stored.post_action_property) == ("x", "message", "Thanks")


async def test_bulk_edit_of_emails_needs_dynamic_content(mautic: Mautic) -> None:
    email = await mautic.emails.create(m.Email(name="E", subject="s"))
    async with mautic.emails.bulk_edit([m.Email(id=email.id, subject="t")]) as job:
        outcomes = [outcome async for outcome in job]
    assert [(outcome.status, outcome.problems[0].field) for outcome in outcomes] == [("rejected", "dynamicContent")]


async def test_emails_headers_are_a_map(mautic: Mautic) -> None:
    email = await mautic.emails.create(m.Email(name="E", subject="s", headers={"X-A": "1"}))
    assert email.headers == {"X-A": "1"}
    assert (await mautic.emails.edit(email.id, m.Email(headers={"X-B": "2"}))).headers == {"X-B": "2"}
    assert (await mautic.emails.edit(email.id, m.Email(headers={}))).headers == {}


@pytest.mark.parametrize(
    "given",
    [
        m.SegmentFilter(filter="Bonn", display="Bonn"),
        m.SegmentFilter(properties={"filter": "Bonn"}),
        m.SegmentFilter(properties={"filter": "Bonn", "display": "Bonn"}, filter="Bonn", display=None),
    ],
    ids=["beside", "properties", "both"],
)
async def test_filters_are_sent_where_segments_and_contents_take_them(given: m.SegmentFilter, mautic: Mautic) -> None:
    given.glue, given.object, given.field, given.type, given.operator = "and", "lead", "city", "text", "="
    segment = await mautic.segments.create(m.Segment(name="S", filters=[given]))
    assert segment.filters
    assert segment.filters[0].properties == {"filter": "Bonn"}
    content = await mautic.dynamic_contents.create(
        m.DynamicContent(name="D", content="x", is_campaign_based=False, slot_name="s", filters=[given])
    )
    assert content.filters
    assert content.filters[0].filter == "Bonn"
    slots = [m.EmailDynamicContent(token_name="P", filters=[m.DynamicContentVariant(content="y", filters=[given])])]
    email = await mautic.emails.create(m.Email(name="E", subject="s", dynamic_content=slots))
    assert email.dynamic_content
    assert email.dynamic_content[0].filters
    assert email.dynamic_content[0].filters[0].filters
    assert email.dynamic_content[0].filters[0].filters[0].filter == "Bonn"


async def test_segment_filter_of_a_reference_keeps_its_text(mautic: Mautic) -> None:
    owner = m.SegmentFilter(
        glue="and", object="lead", field="owner_id", type="lookup_id", operator="=", filter="1", display="Ada"
    )
    segment = await mautic.segments.create(m.Segment(name="S", filters=[owner]))
    assert segment.filters
    assert segment.filters[0].properties == {"filter": "1", "display": "Ada"}


async def test_reports_edit_of_columns_sends_the_source_along(mautic: Mautic, fake: FakeMautic) -> None:
    report = await mautic.reports.create(m.Report(name="R", source="leads", columns=["l.id", "l.email"], system=False))
    edited = await mautic.reports.edit(report.id, m.Report(columns=["l.id"]))
    assert (edited.columns, edited.source) == (["l.id"], "leads")
    before = len(fake.requests)
    await mautic.reports.edit(report.id, m.Report(name="R2"))
    assert len(fake.requests) == before + 1, "a name needs no source"


async def test_fields_edit_of_a_default_sends_the_options_along(mautic: Mautic, fake: FakeMautic) -> None:
    options = m.FieldProperties(options=[m.FieldOption(label="A", value="a"), m.FieldOption(label="B", value="b")])
    field = await mautic.contact_fields.create(m.Field(label="L", alias="letter", type="select", properties=options))
    edited = await mautic.contact_fields.edit(field.id, m.Field(default_value="b"))
    assert edited.default_value == "b"
    assert b'"properties"' in fake.requests[-1].body


async def test_smses_create_requires_a_message(mautic: Mautic, fake: FakeMautic) -> None:
    for call in (mautic.smses.create(m.Sms(name="S")), mautic.smses.replace(1, m.Sms(name="S", language="en"))):
        with pytest.raises(ConfigurationError, match="message"):
            await call
    assert writes(fake) == []


async def test_tweets_replace_refuses_a_tweet_with_a_category(mautic: Mautic, fake: FakeMautic) -> None:
    category = await mautic.categories.create(m.Category(title="K", bundle="global"))
    plain = await mautic.tweets.create(m.Tweet(name="T", text="x"))
    filed = await mautic.tweets.create(m.Tweet(name="T", text="x", category=category.id))
    assert (await mautic.tweets.replace(plain.id, m.Tweet(name="U", text="y"))).name == "U"
    before = writes(fake)
    with pytest.raises(ConfigurationError, match=f"tweets: {filed.id} cannot be replaced"):
        await mautic.tweets.replace(filed.id, m.Tweet(name="U", text="y"))
    with pytest.raises(ConfigurationError, match=f"tweets: {filed.id} cannot be replaced"):
        await mautic.tweets.replace_many([m.Tweet(id=filed.id, name="U", text="y")])
    with pytest.raises(ConfigurationError, match="cannot clear the category"):
        await mautic.tweets.edit(filed.id, m.Tweet(category=None))
    assert writes(fake) == before


@pytest.mark.parametrize("bundle", ["dynamicContent", "notification", "sms", "webhook"])
async def test_categories_of_a_kind_without_bundle_are_refused(bundle: str, mautic: Mautic) -> None:
    with pytest.raises(Rejected, match="bundle"):
        await mautic.categories.create(m.Category(title="K", bundle=bundle))


@pytest.mark.parametrize(
    ("name", "entity", "lost"),
    [
        ("emails", m.Email(language=None), "language"),
        ("pages", m.Page(language=None), "language"),
        ("smses", m.Sms(message=None), "message"),
        ("dynamic_contents", m.DynamicContent(language=None), "language"),
        ("roles", m.Role(is_admin=None), "is_admin"),
        ("reports", m.Report(system=None), "system"),
        ("points", m.Point(repeatable=None), "repeatable"),
        ("point_triggers", m.Trigger(points=None, trigger_existing_contacts=None), "points, trigger_existing_contacts"),
        ("contact_fields", m.Field(is_required=None, is_visible=None), "is_required, is_visible"),
    ],
)
async def test_edit_refuses_none_where_mautic_answers_500(
    name: str, entity: m.Entity, lost: str, mautic: Mautic, fake: FakeMautic
) -> None:
    with pytest.raises(ConfigurationError, match=f"{lost} cannot be None"):
        await getattr(mautic, name).edit(1, entity)
    assert writes(fake) == []


@pytest.mark.parametrize("name", ["contact_fields", "company_fields"])
async def test_fields_replace_needs_the_columns_that_may_not_be_null(
    name: str, mautic: Mautic, fake: FakeMautic
) -> None:
    space = mautic.contact_fields if name == "contact_fields" else mautic.company_fields
    made = await space.create(m.Field(label="A", group="professional", is_unique_identifier=True))
    before = writes(fake)
    lacking = "is_index, char_length_limit, is_required, is_listable, is_visible, is_short_visible"
    with pytest.raises(ConfigurationError, match=rf"replace\(\), unlike edit\(\), needs {lacking}: .* bare 500"):
        await space.replace(made.id, m.Field(label="B"))
    with pytest.raises(ConfigurationError, match="needs is_visible"):
        await space.replace_many([field_with_all_columns(id=made.id, is_visible=m.UNSET)])
    assert writes(fake) == before

    with pytest.raises(OutcomeUnknown):  # as Mautic answers the same body
        await mautic.call("PUT", f"{space.endpoint.path}/{made.id}/edit", body={"label": "B"})
    stored = await space.replace(made.id, field_with_all_columns())
    assert (stored.label, stored.alias, stored.type) == ("B", "a", "text")
    assert (stored.is_published, stored.is_unique_identifier, stored.group) == (False, None, None)


def field_with_all_columns(**changes: Any) -> m.Field:
    flags: dict[str, Any] = dict.fromkeys(("is_required", "is_listable", "is_visible", "is_short_visible"), True)
    return m.Field(**{"label": "B", "is_index": False, "char_length_limit": 64, **flags, **changes})
