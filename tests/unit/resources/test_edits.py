"""Edits that add something nested each time are not repeated by themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mautic_async import Contact, CustomItem, Mautic, OutcomeUnknown
from mautic_async.models import Form, FormAction, FormField, Trigger, TriggerEvent
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from mautic_async.transport.in_process import in_process
from tests.support.scripted_server import FixedAuth, ScriptedServer

ANSWER = {"id": 5, "name": "x", "postAction": "return", "fields": [], "actions": [], "events": []}
FORM = ANSWER | {"fields": [{"id": 3, "label": "L", "type": "text"}]}
LOST = ConnectionResetError()
FIXED: dict[str, Callable[[Mautic], Awaitable[Any]]] = {
    "a form's name": lambda mautic: mautic.forms.edit(5, Form(name="x", post_action="return")),
    "a field by id": lambda mautic: mautic.forms.edit(
        5, Form(post_action="return", fields=[FormField(id=3, label="L", type="text")])
    ),
    "a contact's item by id": lambda mautic: mautic.contacts.edit(
        5, Contact(custom_items=[CustomItem("products", id=3, name="n")])
    ),
}
ADDING: dict[str, Callable[[Mautic], Awaitable[Any]]] = {
    "a new field": lambda mautic: mautic.forms.edit(
        5, Form(post_action="return", fields=[FormField(label="L", type="text")])
    ),
    "a new action": lambda mautic: mautic.forms.edit(
        5, Form(post_action="return", actions=[FormAction(name="A", type="lead.pointschange")])
    ),
    "a new event": lambda mautic: mautic.point_triggers.edit(5, Trigger(events=[TriggerEvent(name="E", type="x")])),
    "a new item": lambda mautic: mautic.contacts.edit(5, Contact(custom_items=[CustomItem("products", name="n")])),
}


def sends(ask: Callable[[Mautic], Awaitable[Any]]) -> int:
    async def main() -> int:
        import asyncio

        stub = ScriptedServer([LOST, (200, {}, {"form": FORM, "trigger": ANSWER, "contact": {"id": 5}})])
        clock = virtual_clock(asyncio.get_running_loop())
        async with Mautic("https://mautic.test", auth=FixedAuth(), transport=in_process(stub), clock=clock) as mautic:
            await ask(mautic)
        return stub.request_count

    return run_virtual(main())


@pytest.mark.parametrize("case", FIXED)
def test_edit_of_existing_values_is_retried_after_a_lost_response(case: str) -> None:
    assert sends(FIXED[case]) == 2


@pytest.mark.parametrize("case", ADDING)
def test_edit_that_adds_values_is_not_retried(case: str) -> None:
    with pytest.raises(OutcomeUnknown):
        sends(ADDING[case])


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("rows", "field"),
    [
        ([Form(id=5, name="without its post action")], "postAction"),
        ([Form(id=5, post_action="return", fields=[FormField(label="L", type="text")])], None),
    ],
)
async def test_bulk_edit_refuses_rows_that_cannot_be_repeated(rows: list[Form], field: str | None) -> None:
    import asyncio

    stub = ScriptedServer()
    clock = virtual_clock(asyncio.get_running_loop())
    async with (
        Mautic("https://mautic.test", auth=FixedAuth(), transport=in_process(stub), clock=clock) as mautic,
        mautic.forms.bulk_edit(rows) as job,
    ):
        (outcome,) = [outcome async for outcome in job]
    assert (outcome.status, outcome.problems[0].field) == ("rejected", field)
    assert not stub.request_count
