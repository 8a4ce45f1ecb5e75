from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from mautic_async import (
    ConfigurationError,
    ValueNotKept,
)
from mautic_async import models as m
from tests.support.canned_client import run_with_answers

TRIGGER = {"id": 7, "name": "T", "points": 5, "events": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]}


def test_triggers_delete_events_uses_the_api_v2_of_mautic_7() -> None:
    left = TRIGGER | {"events": [{"id": 2, "name": "b"}]}
    found, server = run_with_answers(
        {
            "GET points/triggers/7": [(200, {"trigger": TRIGGER}), (200, {"trigger": left})],
            "DELETE v2/trigger_events/1": (204, None),
        },
        lambda mautic: mautic.point_triggers.delete_events(7, [1]),
    )
    assert [event.id for event in found.events] == [2]
    assert server.calls == ["GET points/triggers/7", "DELETE v2/trigger_events/1", "GET points/triggers/7"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            (404, {"errors": [{"message": "Requested URL not found: /api/v2/x", "code": 404, "type": None}]}),
            "does not have",
        ),
        ((401, {"message": "Invalid credentials."}), "refuses this client's token"),
    ],
)
def test_triggers_delete_events_raises_where_mautic_has_no_way(answer: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        run_with_answers(
            {"GET points/triggers/7": {"trigger": TRIGGER}, "DELETE v2/trigger_events/1": answer},
            lambda mautic: mautic.point_triggers.delete_events(7, [1]),
        )


def test_triggers_delete_events_refuses_events_of_another_trigger() -> None:
    with pytest.raises(ConfigurationError, match=r"has no events \[3\]"):
        run_with_answers(
            {"GET points/triggers/7": {"trigger": TRIGGER}},
            lambda mautic: mautic.point_triggers.delete_events(7, [1, 3]),
        )


def test_triggers_replace_needs_points_and_existing_contacts() -> None:
    with pytest.raises(ConfigurationError, match="needs points, trigger_existing_contacts"):
        run_with_answers({}, lambda mautic: mautic.point_triggers.replace(7, m.Trigger(name="T")))


def test_triggers_replace_reads_the_events_that_the_answer_leaves_out() -> None:
    event = m.TriggerEvent(name="a", type="lead.changetags", order=1)
    trigger = m.Trigger(name="T", points=5, trigger_existing_contacts=False, events=[event])
    found, _ = run_with_answers(
        {
            "PUT points/triggers/7/edit": {"trigger": TRIGGER | {"events": []}},
            "GET points/triggers/7": {"trigger": TRIGGER},
        },
        lambda mautic: mautic.point_triggers.replace(7, trigger),
    )
    assert [event.name for event in found.events] == ["a", "b"]
    with pytest.raises(ValueNotKept, match="events: Mautic did not clear"):
        run_with_answers(
            {
                "PUT points/triggers/7/edit": {"trigger": TRIGGER | {"events": []}},
                "GET points/triggers/7": {"trigger": TRIGGER},
            },
            lambda mautic: mautic.point_triggers.replace(7, evolve(trigger, events=[])),
        )
