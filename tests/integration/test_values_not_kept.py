"""Values that Mautic 5.1 takes and does not store, noun by noun: the write raises `ValueNotKept` and names them."""

from __future__ import annotations

from typing import Any

import pytest

from mautic_async import ValueNotKept
from mautic_async import models as m
from tests.support.canned_client import run_with_answers

PUBLISH = {"isPublished": True, "dateAdded": "2026-11-21T21:42:30+00:00", "dateModified": None}
CASES: dict[str, tuple[str, Any, dict[str, Any], list[str]]] = {
    "devices": (
        "device",
        m.Device(contact=1, device="desktop", client_info={"name": "Firefox"}),
        {"id": 5, "device": "desktop", "clientInfo": [], "lead": {"id": 1}},
        ["clientInfo"],
    ),
    "roles": (
        "role",
        m.Role(name="R", is_admin=False, is_published=False),
        {**PUBLISH, "id": 6, "name": "R", "isAdmin": False, "rawPermissions": []},
        ["isPublished"],
    ),
    "tweets": (
        "tweet",
        m.Tweet(name="T", text="x", is_published=False, language="de", media_id="4", media_path="/x"),
        {**PUBLISH, "id": 10, "name": "T", "text": "x", "language": "en", "mediaId": None, "mediaPath": None},
        ["isPublished", "language", "mediaId", "mediaPath"],
    ),
    "emails": (
        "email",
        m.Email(name="E", subject="s", language="de", translation_parent=3),
        {**PUBLISH, "id": 13, "name": "E", "subject": "s", "language": "de", "translationParent": None},
        ["translationParent"],
    ),
    "dynamic_contents": (
        "dynamicContent",
        m.DynamicContent(name="D", content="x", variant_parent=3),
        {**PUBLISH, "id": 15, "name": "D", "content": "x", "variantParent": None},
        ["variantParent"],
    ),
}
"""By namespace: the key of the answer, what is sent, what 5.1.1 answered (shortened), what is lost."""


@pytest.mark.parametrize("name", CASES)
def test_create_names_the_values_that_mautic_did_not_keep(name: str) -> None:
    key, entity, answer, lost = CASES[name]

    async def create(mautic: Any) -> Any:
        with pytest.raises(ValueNotKept) as caught:
            await getattr(mautic, name).create(entity)
        return caught.value

    path = "dynamiccontents" if name == "dynamic_contents" else name
    error, server = run_with_answers({f"POST {path}/new": (201, {key: answer})}, create)
    assert [problem.field for problem in error.problems] == lost
    assert error.entity.id == answer["id"]
    assert len(server.requests) == 1, "it is stored: another request would store another"


def test_values_in_another_form_are_kept() -> None:
    """What 5.1.1 rewrites: headers, filters, times of day, the canvas, ids of new events."""
    condition: dict[str, Any] = {"glue": "and", "object": "lead", "field": "city", "type": "text", "operator": "="}
    slot = {
        "tokenName": "P",
        "content": "x",
        "filters": [{"content": "y", "filters": [condition | {"filter": "Bonn"}]}],
    }
    email = m.Email(
        name="E",
        subject="s",
        headers={"X-A": "1"},
        dynamic_content=[
            m.EmailDynamicContent(
                token_name="P",
                content="x",
                filters=[
                    m.DynamicContentVariant(
                        content="y", filters=[m.SegmentFilter(**condition, properties={"filter": "Bonn"})]
                    )
                ],
            )
        ],
    )
    answer = {"id": 1, "name": "E", "subject": "s", "headers": {"X-A": "1"}, "dynamicContent": [slot]}
    stored, _ = run_with_answers({"POST emails/new": {"email": answer}}, lambda mautic: mautic.emails.create(email))
    assert stored.headers == {"X-A": "1"}

    event = m.CampaignEvent(key="new_1", name="tag", trigger_hour="10:30")
    campaign = m.Campaign(
        name="C",
        segments=[3],
        events=[event],
        canvas_settings=m.Canvas(nodes=[m.CanvasNode(id="new_1", position_x=1.0)]),
    )
    answer = {
        "id": 2,
        "name": "C",
        "lists": [{"id": 3, "name": "S"}],
        "events": [{"id": 9, "name": "tag", "triggerHour": "2026-11-21T10:30:00+00:00"}],
        "canvasSettings": {"nodes": [{"id": "9", "positionX": "1"}], "connections": []},
    }
    stored, _ = run_with_answers(
        {"POST campaigns/new": {"campaign": answer}}, lambda mautic: mautic.campaigns.create(campaign)
    )
    assert stored.events[0].trigger_hour == "10:30"
