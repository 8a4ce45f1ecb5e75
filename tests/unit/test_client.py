"""The escape hatch: any route, and yet not the two things that would hurt somebody else's contacts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from typing import Any

import pytest

import mautic_async
from mautic_async import ConfigurationError, Mautic, OutcomeUnknown, where
from mautic_async.protocol import Call, encode_query
from mautic_async.resources._namespaces import Namespaces
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from mautic_async.transport.in_process import in_process
from tests.support.scripted_server import FixedAuth, ScriptedServer

LOST = ConnectionResetError()


def sends(ask: Callable[[Mautic], Awaitable[Any]], *script: Any) -> ScriptedServer:
    stub = ScriptedServer(list(script) or [(200, {}, {})])

    async def main() -> None:
        clock = virtual_clock(asyncio.get_running_loop())
        async with Mautic("https://mautic.test", auth=FixedAuth(), transport=in_process(stub), clock=clock) as mautic:
            await ask(mautic)

    run_virtual(main())
    return stub


@pytest.mark.parametrize(
    "rows",
    [
        [{"city": "a"}, {"id": 3, "city": "b"}],
        [{"id": None, "city": "a"}],
        [{"id": 3, "city": "a"}, {"id": 3, "city": "b"}],
        [{"id": 3, "city": "a"}, {"id": "3", "city": "b"}],
        [{"id": 3}, None],
        {"a": {"city": "x"}},
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_edit_many_requires_distinct_ids(method: str, rows: Any) -> None:
    """Invariant 9."""
    with pytest.raises(ConfigurationError, match=r"id|list"):
        sends(lambda mautic: mautic.call(method, "contacts/batch/edit", body=rows))


def test_edit_many_with_distinct_ids_is_sent() -> None:
    rows: Any = [{"id": 3, "city": "a"}, {"id": "4", "city": "b"}]
    assert sends(lambda mautic: mautic.call("PATCH", "contacts/batch/edit", body=rows)).request_count == 1
    logs: Any = [{"contactId": 1, "eventId": 2}]
    assert sends(lambda mautic: mautic.call("PUT", "campaigns/events/batch/edit", body=logs)).request_count == 1


def test_call_does_not_retry_a_get_with_a_sending_effect() -> None:
    with pytest.raises(OutcomeUnknown):
        sends(lambda mautic: mautic.call("GET", "smses/1/contact/2/send"), LOST, (200, {}, {}))
    again = sends(lambda mautic: mautic.call("GET", "smses/1/contact/2/send", repeatable=True), LOST, (200, {}, {}))
    assert again.request_count == 2
    assert sends(lambda mautic: mautic.call("GET", "contacts/2"), LOST, (200, {}, {})).request_count == 2


def test_call_repr_holds_no_address() -> None:
    condition = where.any_of(where.eq("email", "ada@example.com"), where.in_("email", ["ada@example.com"]))
    query = encode_query({"where": [condition.parameters()], "search": "email:ada@example.com"})
    assert "ada@" not in repr(condition)
    assert "ada@" not in repr(Call("GET", "contacts", query=query))
    for wrong in ("email = 'ada@example.com'", ["ada@example.com"]):
        with pytest.raises(ConfigurationError) as caught:
            sends(lambda mautic, wrong=wrong: mautic.contacts.list(where=wrong))  # type: ignore[misc]
        assert "ada@" not in str(caught.value)


def test_package_has_few_names_and_tells_where_the_other_entities_are() -> None:
    names = [name for name in dir(mautic_async) if not name.startswith("__")]
    assert len(names) <= 60
    assert all(getattr(mautic_async, name) is not None for name in names)
    with pytest.raises(AttributeError, match=r"it is in mautic_async\.models"):
        getattr(mautic_async, "Asset")  # noqa: B009 - a type checker knows that it is not there
    assert mautic_async.models.Asset is not None


def test_namespace_repr_is_its_name_on_the_client_and_the_site() -> None:
    mautic = Mautic("https://crm.example.com/m", auth=FixedAuth())
    assert repr(mautic.contacts) == "<contacts of https://crm.example.com/m>"
    names = [name for name, kind in vars(Namespaces).items() if isinstance(kind, cached_property)]
    assert [repr(getattr(mautic, name)) for name in names] == [
        f"<{name} of https://crm.example.com/m>" for name in names
    ]
