"""Campaigns: events with a trigger date, which Mautic 5 stores and answers with 500, and copies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from attrs import evolve

from mautic_async import ConfigurationError, Mautic, MauticError
from mautic_async import models as m
from mautic_async.testing import FakeMautic

WHEN = datetime(2027, 1, 2, 10, 30, tzinfo=UTC)
LATER = datetime(2027, 3, 4, 10, 30, tzinfo=UTC)
EVENTS = [
    m.CampaignEvent(
        key="new_1",
        name="tag",
        type="lead.changetags",
        event_type="action",
        trigger_mode="date",
        trigger_date=WHEN,
        properties={"add_tags": ["x"]},
    ),
    m.CampaignEvent(
        key="new_2",
        name="points",
        type="lead.changepoints",
        event_type="action",
        trigger_mode="immediate",
        properties={"points": 2},
    ),
]
CANVAS = m.Canvas(
    nodes=[m.CanvasNode(id=id, position_x=1, position_y=2) for id in ("new_1", "new_2", "lists")],
    connections=[
        m.CanvasConnection(source_id="lists", target_id="new_1", anchors={"source": "leadsource", "target": "top"}),
        m.CanvasConnection(source_id="new_1", target_id="new_2", anchors={"source": "bottom", "target": "top"}),
    ],
)


@pytest.fixture
async def fake() -> AsyncIterator[FakeMautic]:
    async with FakeMautic() as found:
        yield found


@pytest.fixture
async def mautic(fake: FakeMautic) -> AsyncIterator[Mautic]:
    async with Mautic(fake.url, auth=fake.auth, transport=fake.transport) as found:
        await found.segments.create(m.Segment(name="S"))
        yield found


CAMPAIGN = m.Campaign(name="C", segments=[1], events=EVENTS, canvas_settings=CANVAS)


def dates(campaign: m.Campaign) -> list[datetime | None]:
    return [event.trigger_date or None for event in campaign.events or ()]


async def test_campaigns_create_stores_trigger_dates_though_mautic_answers_500(mautic: Mautic) -> None:
    stored = await mautic.campaigns.create(CAMPAIGN)
    assert (dates(stored), stored.is_published) == ([WHEN, None], True)
    assert stored.canvas_settings
    assert stored.canvas_settings.nodes
    assert [node.id for node in stored.canvas_settings.nodes[:2]] == [str(event.id) for event in stored.events or ()]
    assert (await mautic.campaigns.list()).total == 1


async def test_campaigns_create_publishes_only_as_asked(mautic: Mautic) -> None:
    stored = await mautic.campaigns.create(evolve(CAMPAIGN, is_published=False))
    assert (dates(stored), stored.is_published) == ([WHEN, None], False)


async def test_campaigns_edit_of_a_campaign_that_was_read_changes_a_trigger_date(mautic: Mautic) -> None:
    campaign = await mautic.campaigns.get((await mautic.campaigns.create(CAMPAIGN)).id)
    assert campaign.events
    campaign.events[0].trigger_date = LATER
    assert dates(await mautic.campaigns.edit(campaign.id, campaign)) == [LATER, None]


async def test_campaigns_edit_raises_if_mautic_failed_before_it_stored_the_dates(
    mautic: Mautic, fake: FakeMautic
) -> None:
    campaign = await mautic.campaigns.get((await mautic.campaigns.create(CAMPAIGN)).id)
    assert campaign.events
    campaign.events[0].trigger_date = LATER
    fake.fail(500, route=f"campaigns/{campaign.id}/edit")
    with pytest.raises(MauticError):
        await mautic.campaigns.edit(campaign.id, campaign)
    assert dates(await mautic.campaigns.get(campaign.id)) == [WHEN, None]


async def test_campaigns_batches_refuse_trigger_dates(mautic: Mautic) -> None:
    with pytest.raises(ConfigurationError, match=r"use create\(\)"):
        await mautic.campaigns.create_many([CAMPAIGN])
    row = evolve(CAMPAIGN, id=1)
    for call, verb in ((mautic.campaigns.edit_many([row]), "edit"), (mautic.campaigns.replace_many([row]), "replace")):
        with pytest.raises(ConfigurationError, match=rf"use {verb}\(\)"):
            await call
    async with mautic.campaigns.bulk_edit([row]) as job:
        assert [outcome.status async for outcome in job] == ["rejected"]


async def test_campaigns_clone_has_neither_events_nor_segments(mautic: Mautic) -> None:
    original = await mautic.campaigns.create(CAMPAIGN)
    copy = await mautic.campaigns.get((await mautic.campaigns.clone(original.id)).id)
    assert (copy.name, copy.events, copy.segments, copy.is_published) == ("C", [], [], False)
