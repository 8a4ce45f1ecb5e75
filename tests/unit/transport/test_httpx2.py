"""httpx's successor: a client of it can be handed in, and its mere presence changes nothing."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from mautic_async import Contact, Mautic, TransportError
from mautic_async.errors import MauticError
from mautic_async.protocol import Request
from mautic_async.testing import FakeMautic
from mautic_async.testing.virtual_time import virtual_clock
from mautic_async.transport.client import Timeouts, new_transport
from mautic_async.transport.in_process import in_process
from tests.integration.test_contacts import FAULTS

httpx2: Any = pytest.importorskip("httpx2", reason="httpx2 is installed beside httpx in a run of its own; see .ci/run")


@pytest.mark.parametrize("name", ["ConnectError", "ConnectTimeout", "ReadTimeout", "WriteError", "ReadError"])
async def test_httpx2_exceptions_are_those_of_the_module_of_the_client(name: str) -> None:
    class Raising(httpx2.AsyncBaseTransport):  # type: ignore[misc]  # the module is found at run time
        async def handle_async_request(self, request: Any) -> Any:
            raise getattr(httpx2, name)("x")

    async with httpx2.AsyncClient(transport=Raising()) as client:
        with pytest.raises(TransportError):
            await new_transport("https://mautic.test", Timeouts(), http=client).exchange(Request("GET", "api/contacts"))


@pytest.mark.virtual_time
@pytest.mark.parametrize("fault", FAULTS)
async def test_httpx2_runs_the_same_scenario(fault: str) -> None:
    """Invariant 51."""
    clock = virtual_clock(asyncio.get_running_loop())
    async with (
        FakeMautic(clock=clock, latency=(0.1, 0.01)) as fake,
        httpx2.AsyncClient(transport=in_process(fake, httpx2)) as http,
        Mautic(fake.url, auth=fake.auth, http=http, clock=clock) as mautic,
    ):
        await mautic.contacts.list(limit=1)
        settings: dict[str, Any] = dict(FAULTS[fault])
        fake.fail(settings.pop("what"), route="batch/new", times=2, **settings)
        rows = [Contact(email=f"u{number}@example.com") for number in range(120)]
        report = await mautic.contacts.bulk_upsert(rows)
        assert report.created + report.updated == 120
        assert len(fake.contacts) == 120
        with pytest.raises(MauticError):
            await mautic.contacts.get(99_999)


def test_httpx2_installed_but_unused_causes_no_warning() -> None:
    """Invariant 51."""
    program = (
        "import warnings; warnings.simplefilter('error');"
        "import json, sys; import mautic_async; from mautic_async import Mautic, ClientCredentials;"
        "Mautic('https://m.test', auth=ClientCredentials('a', 'b'));"
        "print(json.dumps(sorted(name for name in sys.modules if name == 'httpx2')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == []
    assert done.stderr == ""
