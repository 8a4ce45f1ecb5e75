from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator

import pytest

from mautic_async.auth.authorization_code import (
    AuthorizationCode,
    MemoryTokens,
    Token,
)
from mautic_async.auth.refresh import await_shared
from mautic_async.auth.token_endpoint import parse_token_response
from mautic_async.clock import Clock
from mautic_async.errors import (
    AuthenticationError,
    ConfigurationError,
    ReauthorizationNeeded,
    Secret,
    ServerError,
    TransportError,
)
from mautic_async.protocol import Call, Response
from mautic_async.testing.virtual_time import EPOCH, run_virtual
from tests.support.scripted_server import ScriptedServer, make_pipeline
from tests.support.token_site import Site, Strict, machine, person, refusal, together, token


@pytest.mark.virtual_time
async def test_refresh_of_an_expired_token_is_one_request_for_100_calls() -> None:
    """Invariant 40."""
    site = Site()
    credential = machine(MemoryTokens(token("old", seconds=-10)))
    headers = await together(lambda: credential.header(site), 100)
    assert {str(header) for header in headers} == {"Bearer access-1"}
    assert len(site.forms) == 1


@pytest.mark.virtual_time
async def test_refresh_after_100_401s_with_the_same_token_is_one_request() -> None:
    site = Site()
    credential = machine()
    refused = await credential.header(site)
    await together(lambda: credential.renew(refused, site), 100)
    assert len(site.forms) == 2
    assert str(await credential.header(site)) == "Bearer access-2"


@pytest.mark.virtual_time
async def test_refresh_survives_the_cancellation_of_the_call_that_began_it() -> None:
    """Invariant 42."""
    site = Site()
    store = Strict()
    credential = machine(store)
    first = asyncio.ensure_future(credential.header(site))
    await asyncio.sleep(0.05)
    second = asyncio.ensure_future(credential.header(site))
    await asyncio.sleep(0)
    first.cancel()
    assert str(await second) == "Bearer access-1"
    assert first.cancelled()
    assert [saved.access.reveal for saved in store.saved] == ["access-1"]
    assert len(site.forms) == 1


@pytest.mark.virtual_time
@pytest.mark.parametrize("moment", [0.0, 0.05, 0.11])
async def test_refresh_without_waiting_callers_is_stored_all_the_same(moment: float) -> None:
    site = Site()
    store = Strict()
    credential = machine(store)
    task = asyncio.ensure_future(credential.header(site))
    await asyncio.sleep(moment)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(1)
    assert len(store.saved) == (1 if moment else len(site.forms))
    assert len(site.flights) == 0
    assert str(await credential.header(site)) == "Bearer access-1"
    assert len(site.forms) == 1


@pytest.mark.virtual_time
async def test_refresh_stores_the_new_token_before_any_use() -> None:
    """Invariant 43."""
    site = Site()

    class Slow(MemoryTokens):
        async def save(self, token: Token) -> None:
            await asyncio.sleep(5)
            site.events.append("saved")
            await super().save(token)

    credential = machine(Slow())

    async def use() -> None:
        site.events.append(str(await credential.header(site)))

    await together(use, 3)
    assert site.events == ["client_credentials", "saved", *["Bearer access-1"] * 3]


@pytest.mark.virtual_time
async def test_refresh_neither_uses_nor_loses_a_token_that_could_not_be_stored() -> None:
    site = Site()
    site.refresh.add("refresh-0")

    class Full(Strict):
        full = True

        async def save(self, token: Token) -> None:
            if self.full:
                raise ConfigurationError("no space left")
            await super().save(token)

    store = Full(token("old", "refresh-0", seconds=-5))
    credential = person(store)
    with pytest.raises(ConfigurationError, match="no space"):
        await credential.header(site)
    await asyncio.sleep(1)
    store.full = False
    assert str(await credential.header(site)) == "Bearer access-1"
    assert len(site.forms) == 1
    assert store.saved[0].refresh == Secret("refresh-1")


@pytest.mark.virtual_time
async def test_refresh_adopts_a_newer_token_of_the_store() -> None:
    site = Site()
    store = Strict(token("mine"))
    credential = machine(store)
    refused = await credential.header(site)
    await store.save(token("theirs"))
    await credential.renew(refused, site)
    assert str(await credential.header(site)) == "Bearer theirs"
    assert site.forms == []


@pytest.mark.virtual_time
async def test_refresh_accepts_invalid_grant_after_another_process_rotated() -> None:
    """Invariant 44."""
    site = Site()
    store = Strict(token("old", "refresh-0", seconds=-5))

    def rotated(form: dict[str, str]) -> Response:
        assert form["refresh_token"] == "refresh-0"
        store._token = token("theirs", "refresh-9")
        return refusal("invalid_grant", "Invalid refresh token")

    site.script = [rotated]
    assert str(await person(store).header(site)) == "Bearer theirs"
    assert len(site.forms) == 1


@pytest.mark.virtual_time
async def test_refresh_retries_invalid_grant_with_a_newer_token_of_the_store() -> None:
    site = Site()
    site.refresh.add("refresh-9")
    store = Strict(token("old", "refresh-0", seconds=-5))

    def rotated(_: dict[str, str]) -> Response:
        store._token = token("also old", "refresh-9", seconds=-1)
        return refusal("invalid_grant")

    site.script = [rotated]
    assert str(await person(store).header(site)) == "Bearer access-2"


@pytest.mark.virtual_time
@pytest.mark.parametrize("kind", ["invalid_client", "invalid_grant"])
async def test_refresh_that_fails_is_made_once_for_all_waiting_callers(kind: str) -> None:
    """Invariant 45."""
    site = Site()
    site.script = [refusal(kind)] * 100
    credential = person(Strict(token("old", "refresh-0", seconds=-5)))
    errors = await together(lambda: credential.header(site), 100)
    assert len(site.forms) == 1
    assert all(isinstance(error, (AuthenticationError, ReauthorizationNeeded)) for error in errors)
    assert len({id(error) for error in errors}) == 100
    assert len({str(error) for error in errors}) == 1


@pytest.mark.virtual_time
async def test_refresh_shares_a_transient_failure_with_its_waiters_and_then_retries() -> None:
    site = Site()
    site.script = [Response(503, {}, b"")] * 2
    credential = machine()
    limited = asyncio.Semaphore(8)

    async def call() -> str:
        async with limited:
            return await credential.header(site)

    errors = await together(call, 100)
    assert all(isinstance(error, ServerError) for error in errors)
    assert len(site.forms) == 2
    await asyncio.sleep(0.2)
    assert str(await credential.header(site)) == "Bearer access-3"


@pytest.mark.virtual_time
async def test_refresh_is_skipped_for_a_401_on_an_outdated_token() -> None:
    """Invariant 46."""
    site = Site()
    credential = machine()
    old = await credential.header(site)
    await credential.renew(old, site)
    await credential.renew(old, site)
    assert len(site.forms) == 2
    assert await credential.header(site) != old


@pytest.mark.virtual_time
async def test_refresh_loop_of_refused_tokens_ends_in_the_401() -> None:
    """Invariant 46."""
    site = Site()
    credential = machine()
    for _ in range(10):
        header = await credential.header(site)
        assert await credential.renew(header, site) is False
    header = await credential.header(site)
    with pytest.raises(AuthenticationError, match=r"replaced 10 times within a minute; it is replaced again in \d+ s"):
        await credential.renew(header, site)
    assert len(site.forms) == 11
    assert await credential.header(site) == header
    await asyncio.sleep(61)
    await credential.renew(header, site)
    assert await credential.header(site) != header


@pytest.mark.virtual_time
async def test_client_credentials_never_send_a_refresh_grant() -> None:
    """Invariant 48."""
    site = Site()
    credential = machine(Strict(token("old", "refresh-0", seconds=-5)))
    for _ in range(3):
        header = await credential.header(site)
        await credential.renew(header, site)
    assert {form["grant_type"] for form in site.forms} == {"client_credentials"}


@pytest.mark.virtual_time
@pytest.mark.parametrize("method", ["save", "lock", "load"])
@pytest.mark.parametrize("left", [None, -5.0, 3.0])
async def test_token_store_that_uses_its_own_client_is_refused(method: str, left: float | None) -> None:
    """Invariant 49."""
    site = Site(lifetime=3600)
    refused: list[str] = []

    class Nosy(MemoryTokens):
        async def save(self, token: Token) -> None:
            await self.look("save")
            await super().save(token)

        async def load(self) -> Token | None:
            await self.look("load")
            return await super().load()

        @contextlib.asynccontextmanager
        async def lock(self) -> AsyncIterator[None]:
            async with super().lock():
                await self.look("lock")
                yield

        async def look(self, here: str) -> None:
            if here != method:
                return
            pipeline = make_pipeline(ScriptedServer([(200, {})]), auth=credential)
            for work in (
                credential.header(site),
                credential.renew("Bearer old", site),
                pipeline.send(Call("GET", "contacts")),
            ):
                with pytest.raises(ConfigurationError, match="another client") as caught:
                    await work
                refused.append(str(caught.value))

    credential = machine(Nosy() if left is None else Nosy(token("old", seconds=left)))
    headers = await together(lambda: credential.header(site), 5)
    assert headers == ["Bearer access-1"] * 5
    assert len(refused) == 3
    assert await credential.header(site) == "Bearer access-1"
    assert not len(site.flights)


@pytest.mark.virtual_time
@pytest.mark.parametrize("soon", [61.0, 89.0])
async def test_refresh_in_the_background_lets_requests_use_the_old_token(soon: float) -> None:
    site = Site(clock=Clock(wall_time=lambda: EPOCH, random=lambda: (soon - 60) / 30))
    credential = machine()
    await credential.header(site)
    arrived = asyncio.get_running_loop().time()
    await asyncio.sleep(arrived + 3600 - soon - 1 - asyncio.get_running_loop().time())
    assert str(await credential.header(site)) == "Bearer access-1"
    assert len(site.forms) == 1
    await asyncio.sleep(1.5)
    before = asyncio.get_running_loop().time()
    assert str(await credential.header(site)) == "Bearer access-1"
    assert asyncio.get_running_loop().time() == before
    await asyncio.sleep(0.2)
    assert str(await credential.header(site)) == "Bearer access-2"
    assert len(site.forms) == 2


@pytest.mark.virtual_time
async def test_refresh_of_a_stored_token_with_30_seconds_left_runs_in_the_background() -> None:
    site = Site()
    credential = machine(MemoryTokens(token("stored", seconds=30)))
    assert str(await credential.header(site)) == "Bearer stored"
    assert str(await credential.header(site)) == "Bearer stored"
    await asyncio.sleep(0.2)
    assert str(await credential.header(site)) == "Bearer access-1"


@pytest.mark.virtual_time
async def test_refresh_of_a_token_about_to_expire_is_awaited() -> None:
    site = Site()
    credential = machine(MemoryTokens(token("stored", seconds=4)))
    assert str(await credential.header(site)) == "Bearer access-1"


@pytest.mark.virtual_time
async def test_refresh_in_the_background_that_fails_is_not_repeated_by_each_request() -> None:
    site = Site()
    credential = machine()
    await credential.header(site)
    await asyncio.sleep(3550)
    site.script = [TransportError("down", kind="connect")] * 100
    for _ in range(200):
        assert str(await credential.header(site)) == "Bearer access-1"
        await asyncio.sleep(0.05)
    assert len(site.forms) - 1 <= 2 * 3


@pytest.mark.virtual_time
@pytest.mark.parametrize("lifetime", [10, 30, 1])
async def test_refresh_waits_for_a_share_of_the_life_of_short_lived_tokens(lifetime: int) -> None:
    site = Site(lifetime=lifetime, delay=0.01)
    credential = machine()
    for _ in range(1000):
        await credential.header(site)
        await asyncio.sleep(0.1)
    assert len(site.forms) <= 100 / (0.7 * lifetime) + 2


@pytest.mark.parametrize("lifetime", [None, "", "soon", -5, 0, True, [3600], 1e300, "9" * 40])
def test_token_without_a_lifetime_counts_as_one_hour(lifetime: object) -> None:
    granted = parse_token_response(
        Response(200, {}, json.dumps({"access_token": "x", "expires_in": lifetime}).encode())
    )
    assert granted.lifetime == 3600


@pytest.mark.virtual_time
async def test_token_expiry_is_measured_from_arrival_despite_wall_clock_jumps() -> None:
    wall = [EPOCH]
    site = Site(clock=Clock(wall_time=lambda: wall[0], random=lambda: 0.0), delay=10)
    store = Strict()
    credential = machine(store)
    await credential.header(site)
    assert store.saved[0].expires_at == EPOCH + 3600
    wall[0] += 7200
    await asyncio.sleep(3530)
    await credential.header(site)
    assert len(site.forms) == 1
    await asyncio.sleep(20)
    await credential.header(site)
    await asyncio.sleep(0)
    assert len(site.forms) == 2


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    "failure",
    [
        TransportError("reset", kind="disconnected"),
        TransportError("no", kind="connect"),
        Response(503, {"retry-after": "2"}, b""),
        Response(502, {}, b"<html>"),
        Response(429, {}, b""),
    ],
)
async def test_refresh_with_a_lost_response_is_repeated_once_with_the_same_token(failure: Response | Exception) -> None:
    site = Site()
    site.refresh.add("refresh-0")
    site.script = [failure]
    assert str(await person(Strict(token("old", "refresh-0", seconds=-5))).header(site)) == "Bearer access-2"
    assert [form["refresh_token"] for form in site.forms] == ["refresh-0"] * 2


@pytest.mark.virtual_time
async def test_refresh_with_a_lost_response_and_spent_token_asks_for_a_login() -> None:
    site = Site()
    site.script = [TransportError("reset"), refusal("invalid_grant", "Invalid refresh token")]
    credential = person(Strict(token("old", "refresh-0", seconds=-5)))
    with pytest.raises(ReauthorizationNeeded, match=r"authorization_url.*Invalid refresh token"):
        await credential.header(site)
    for _ in range(500):
        with pytest.raises(ReauthorizationNeeded):
            await credential.header(site)
        await asyncio.sleep(0.1)
    assert len(site.forms) == 2
    await asyncio.sleep(20)
    with pytest.raises(ReauthorizationNeeded):
        await credential.header(site)
    assert len(site.forms) == 3


@pytest.mark.virtual_time
async def test_refresh_raises_a_long_retry_after_instead_of_sleeping() -> None:
    site = Site()
    site.script = [Response(503, {"retry-after": "30"}, b"")]
    credential = machine()
    for _ in range(5):
        with pytest.raises(ServerError) as caught:
            await credential.header(site)
        assert caught.value.retry_after == 30
    assert len(site.forms) == 1
    await asyncio.sleep(31)
    assert str(await credential.header(site)) == "Bearer access-2"


@pytest.mark.virtual_time
async def test_refresh_that_was_refused_stops_use_of_the_refused_token() -> None:
    site = Site()
    site.script = [refusal("invalid_grant")]
    credential = person(Strict(token("revoked", "refresh-0")))
    header = await credential.header(site)
    with pytest.raises(ReauthorizationNeeded):
        await credential.renew(header, site)
    with pytest.raises(ReauthorizationNeeded):
        await credential.header(site)
    assert len(site.forms) == 1


@pytest.mark.virtual_time
async def test_token_store_token_of_another_credential_is_not_used() -> None:
    site = Site()
    store = Strict()
    await machine(store).header(site)
    with pytest.raises(ConfigurationError, match="another client_id"):
        await person(store).header(site)


@pytest.mark.virtual_time
async def test_refresh_raises_transport_error_when_the_client_closes() -> None:
    site = Site(delay=100)
    waiting = asyncio.ensure_future(machine().header(site))
    await asyncio.sleep(1)
    assert await site.flights.drain(1) == 1
    with pytest.raises(TransportError, match="closed"):
        await waiting


@pytest.mark.virtual_time
async def test_refresh_waiter_cancelled_during_close_is_cancelled() -> None:
    flight = asyncio.ensure_future(asyncio.sleep(10))
    waiting = asyncio.ensure_future(await_shared(flight))
    await asyncio.sleep(1)
    flight.cancel()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()


def test_refresh_by_many_clients_of_one_store_never_spends_a_token_twice() -> None:
    async def main(seed: int) -> None:
        chance = random.Random(seed)
        site = Site(lifetime=300)
        site.refresh.add("refresh-0")
        store = Strict(token("old", "refresh-0", seconds=-5))
        credentials = [person(store) for _ in range(4)]

        async def work(credential: AuthorizationCode) -> None:
            for _ in range(30):
                header = await credential.header(site)
                assert Secret(header.removeprefix("Bearer ")) in [saved.access for saved in store.saved]
                assert site.asked <= 1
                if chance.random() < 0.1:
                    await credential.renew(header, site)
                await asyncio.sleep(chance.uniform(0, 60))

        tasks = [asyncio.ensure_future(work(credential)) for credential in credentials for _ in range(5)]
        for task in tasks[::3]:
            await asyncio.sleep(chance.uniform(0, 1))
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
        spent = [form["refresh_token"] for form in site.forms]
        assert len(spent) == len(set(spent))
        assert len(site.flights) == 0

    for seed in range(5):
        run_virtual(main(seed), seed=seed)
