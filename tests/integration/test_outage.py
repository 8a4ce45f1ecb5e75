"""When the server is down, and when it is back: restraint, then recovery. On virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mautic_async import Contact, Mautic, MauticError
from mautic_async.protocol import Call, Effect
from mautic_async.testing import FakeMautic
from tests.integration.test_contacts import emails, play
from tests.support.scripted_server import ScriptedServer, make_pipeline
from tests.support.sizes import sized


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    ("step", "seconds"),
    [(ConnectionRefusedError(), sized(120, 600)), (ConnectionResetError(), 120), ((503, {}, b""), 120)],
)
async def test_retry_budget_bounds_attempts_against_a_dead_server(step: Any, seconds: int) -> None:
    """Figure 9."""
    calls = 100 * seconds

    stub = ScriptedServer([step])
    pipeline = make_pipeline(stub)

    async def one() -> None:
        with pytest.raises(MauticError):
            await pipeline.send(Call("PATCH", "contacts/1/edit", Effect.IDEMPOTENT, body={"city": "x"}))

    async with asyncio.TaskGroup() as group:
        for _ in range(calls):
            group.create_task(one())
            await asyncio.sleep(0.01)
    attempts, bound = stub.request_count, 1.10 * calls + 10 + seconds / 10
    print(f"figure 9: {calls} calls to a server with {step!r}: {attempts} attempts (bound {bound:.0f})")
    assert attempts <= bound


@pytest.mark.virtual_time
async def test_circuit_breaker_probes_rarely_and_recovers_quickly_after_an_outage() -> None:
    """Figure 8."""
    outage, rate = 300.0, 20.0

    loop = asyncio.get_running_loop()
    stub = ScriptedServer(delay=0.05)
    pipeline = make_pipeline(stub)
    begin, end = 60.0, 60.0 + outage
    done: list[float] = []

    def answer(_: Any) -> Any:
        return (502, {}, b"") if begin <= loop.time() < end else (200, {}, {"contact": {"id": 1}})

    stub.replies = [answer]

    async def one() -> None:
        try:
            await pipeline.send(Call("GET", "contacts/1"))
        except MauticError:
            return
        done.append(loop.time())

    async with asyncio.TaskGroup() as group:
        while loop.time() < end + 120:
            group.create_task(one())
            await asyncio.sleep(1 / rate)
    probes = [seen.at for seen in stub.requests if begin + 30 <= seen.at < end]
    before = sum(1 for at in done if at < begin) / begin
    after = sum(1 for at in done if end + 60 <= at < end + 120) / 60
    print(
        f"figure 8: {len(probes)} probes in {outage - 30:.0f} s of the outage, "
        f"{after / before:.1%} of the former throughput 60 s after it"
    )
    assert len(probes) <= (outage - 30) / 5 + 1
    assert after >= 0.9 * before


def test_bulk_upsert_survives_an_outage() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        await mautic.contacts.list(limit=1)
        rows = [Contact(email=f"u{number}@example.com") for number in range(2000)]
        loop = asyncio.get_running_loop()
        down = loop.time() + 5
        fake.fail("refuse", times=None, when=lambda _: down <= loop.time() < down + 240)
        report = await mautic.contacts.bulk_upsert(rows)
        assert (report.created, report.read) == (2000, 2000)
        assert len(emails(fake)) == 2000

    play(scenario, latency=(0.1, 0.01))
