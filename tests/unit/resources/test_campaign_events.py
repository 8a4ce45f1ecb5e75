from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from mautic_async import (
    ConfigurationError,
)
from mautic_async import models as m
from tests.support.canned_client import run_with_answers


def test_campaigns_event_logs_are_listed_and_edited() -> None:
    moment = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    log = {"event": {"id": 5}, "campaign": {"id": 1, "name": "C"}, "isScheduled": True, "triggerDate": None}

    async def use(mautic: Any) -> Any:
        logs = await mautic.campaign_events.logs(12, limit=5)
        return logs, await mautic.campaign_events.edit_log(5, 12, m.CampaignEventLog(trigger_date=moment))

    (logs, event), server = run_with_answers(
        {
            "GET campaigns/events/contact/12": {"total": 1, "events": [log]},
            "PUT campaigns/events/5/contact/12/edit": {"event": {"id": 5, "contactLog": [log]}},
        },
        use,
    )
    assert (logs.items[0].event.id, logs.items[0].is_scheduled) == (5, True)
    assert event.contact_log[0].is_scheduled
    assert server.last.body == {"triggerDate": "2026-01-02T03:04:00+00:00"}


def test_campaigns_event_log_batch_is_read_by_event_and_index() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    logs = [m.CampaignEventLog(event_id=id, contact_id=12, date_triggered=moment) for id in (5, 6, 7)]
    answer = {"events": {"5": {"id": 5}}, "errors": {"1": '{"code": 409}'}}
    found, server = run_with_answers(
        {"PUT campaigns/events/batch/edit": answer}, lambda mautic: mautic.campaign_events.edit_logs(logs)
    )
    assert [outcome.status for outcome in found] == ["updated", "rejected", "unknown"]
    assert [sent["eventId"] for sent in server.last.body] == [5, 6, 7]


@pytest.mark.parametrize(
    "log",
    [m.CampaignEventLog(), m.CampaignEventLog(trigger_date=datetime(2026, 1, 2, tzinfo=UTC), channel_id=7)],
)
def test_campaigns_event_log_that_mautic_would_store_wrongly_is_refused(log: m.CampaignEventLog) -> None:
    with pytest.raises(ConfigurationError):
        run_with_answers({}, lambda mautic: mautic.campaign_events.edit_log(5, 12, log))
    with pytest.raises(ConfigurationError, match="row 0"):
        run_with_answers({}, lambda mautic: mautic.campaign_events.edit_logs([log]))
