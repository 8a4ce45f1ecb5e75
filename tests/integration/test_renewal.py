"""Renewals through the whole pipeline: gate, flight, transport."""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from urllib.parse import parse_qsl

import pytest
from attrs import define, field

from mautic_async.auth.authorization_code import AuthorizationCode, ClientCredentials, MemoryTokens, Token
from mautic_async.errors import AuthenticationError, ConfigurationError, MauticError, ReauthorizationNeeded, Secret
from mautic_async.pipeline import Pipeline
from mautic_async.protocol import Call
from mautic_async.ratelimit.settings import Limits
from mautic_async.testing.virtual_time import EPOCH
from tests.support.scripted_server import RecordedRequest, Reply, ScriptedServer, make_pipeline
from tests.support.sizes import sized

pytestmark = pytest.mark.virtual_time

GET = Call("GET", "contacts/1")


@define(eq=False)
class Mautic:
    """A site that gives tokens, rotates them, and takes those that live."""

    lifetime: int = 3600
    alive: dict[str, float] = field(factory=dict)
    refresh: set[str] = field(factory=set)
    grants: list[dict[str, str]] = field(factory=list)
    calls: list[str] = field(factory=list)
    locked_out: bool = False

    def answer(self, seen: RecordedRequest) -> Reply:
        if "oauth/v2/token" in seen.target:
            return self.grant(dict(parse_qsl(seen.body.decode())))
        bearer = seen.headers.get("authorization", "").removeprefix("Bearer ")
        self.calls.append(bearer)
        if self.locked_out or self.alive.get(bearer, 0.0) <= seen.at:
            message = "The access token provided has expired."
            return 401, {}, {"errors": [{"message": message, "code": 401, "type": "invalid_grant"}]}
        return 200, {"x-ratelimit-limit": "100000"}, {"contact": {"id": 1}}

    def grant(self, form: dict[str, str]) -> Reply:
        self.grants.append(form)
        number = len(self.grants)
        body: dict[str, Any] = {"access_token": f"canary-{number}", "expires_in": self.lifetime, "token_type": "bearer"}
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] not in self.refresh:
                error = {"message": "Invalid refresh token", "code": 400, "type": "invalid_grant"}
                return 400, {}, {"errors": [error]}
            self.refresh = {f"canary-refresh-{number}"}
            body["refresh_token"] = f"canary-refresh-{number}"
        self.alive[f"canary-{number}"] = asyncio.get_running_loop().time() + self.lifetime
        return 200, {}, body


def site(**more: Any) -> tuple[Mautic, ScriptedServer]:
    mautic = Mautic(**more)
    return mautic, ScriptedServer([mautic.answer], delay=0.1)


def stored(access: str, left: float, refresh: str | None = None) -> Token:
    return Token(access=Secret(access), refresh=Secret(refresh) if refresh else None, expires_at=int(EPOCH + left))


async def calls(pipeline: Pipeline, count: int) -> list[object]:
    return list(await asyncio.gather(*(pipeline.send(GET) for _ in range(count)), return_exceptions=True))


@pytest.mark.parametrize("left", [-60, 3])
async def test_refresh_of_an_expired_token_is_one_request_for_100_calls(left: int) -> None:
    """Invariant 40."""
    mautic, stub = site()
    mautic.alive["old"] = left
    auth = ClientCredentials("1_x", "canary-secret", tokens=MemoryTokens(stored("old", left)))
    outcomes = await calls(make_pipeline(stub, auth=auth), 100)
    assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(mautic.grants) == 1
    assert set(mautic.calls) == {"canary-1"}


async def test_refresh_of_revoked_tokens_costs_one_refresh_and_one_replay_each() -> None:
    """Invariant 46."""
    mautic, stub = site()
    auth = ClientCredentials("1_x", "canary-secret", tokens=MemoryTokens(stored("revoked", 3000)))
    pipeline = make_pipeline(stub, auth=auth, limits=Limits(concurrency=8))
    outcomes = await calls(pipeline, 100)
    assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert len(mautic.grants) == 1
    assert mautic.calls.count("revoked") <= 8
    assert mautic.calls.count("canary-1") == 100


async def test_refresh_of_a_locked_out_user_ends_in_401_without_a_storm() -> None:
    """Invariant 46."""
    mautic, stub = site(locked_out=True)
    pipeline = make_pipeline(stub, auth=ClientCredentials("1_x", "canary-secret"))
    outcomes = await calls(pipeline, 100)
    assert all(isinstance(outcome, AuthenticationError) for outcome in outcomes)
    assert len(mautic.grants) <= 12
    assert len(mautic.calls) <= 200


async def test_refresh_goes_on_when_the_token_of_the_store_is_revoked_too() -> None:
    """Another process has stored a newer token; both are revoked, and the refresh token is valid."""
    mautic, stub = site()
    mautic.refresh.add("refresh-0")
    store = MemoryTokens(stored("revoked-1", 3000, "refresh-x"))
    auth = AuthorizationCode("2_x", "canary-secret", redirect_uri="https://app.example.com/back", tokens=store)
    mautic.alive["revoked-1"] = 10
    pipeline = make_pipeline(stub, auth=auth)
    await pipeline.send(GET)
    await asyncio.sleep(20)
    await store.save(stored("revoked-2", 3000, "refresh-0"))
    outcomes = await calls(pipeline, 10)
    assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert [grant["refresh_token"] for grant in mautic.grants] == ["refresh-0"]


async def test_refresh_that_was_needed_too_often_names_the_reason_in_the_error() -> None:
    mautic, stub = site(locked_out=True)
    pipeline = make_pipeline(stub, auth=ClientCredentials("1_x", "canary-secret"))
    for _ in range(10):
        with pytest.raises(AuthenticationError, match="access token provided has expired"):
            await pipeline.send(GET)
    with pytest.raises(AuthenticationError, match="replaced 10 times within a minute") as found:
        await pipeline.send(GET)
    assert found.value.retry_after is not None
    assert 0 < found.value.retry_after <= 60
    assert len(mautic.grants) == 11


async def test_refresh_with_a_spent_token_is_tried_once_for_all_callers() -> None:
    mautic, stub = site()
    auth = AuthorizationCode(
        "2_x",
        "canary-secret",
        redirect_uri="https://app.example.com/back",
        tokens=MemoryTokens(stored("old", -5, "spent")),
    )
    outcomes = await calls(make_pipeline(stub, auth=auth), 100)
    assert all(isinstance(outcome, ReauthorizationNeeded) for outcome in outcomes)
    assert len(mautic.grants) == 1
    assert mautic.calls == []


@pytest.mark.parametrize("left", [-60, 3, 40, None])
@pytest.mark.parametrize("concurrency", [1, 2])
async def test_token_store_that_uses_its_own_client_fails_at_once(concurrency: int, left: int | None) -> None:
    """Invariant 49."""
    mautic, stub = site()

    class Nosy(MemoryTokens):
        async def save(self, token: Token) -> None:
            await pipeline.send(GET)
            await super().save(token)

    if left is not None:
        mautic.alive["old"] = left
    auth = ClientCredentials("1_x", "canary-secret", tokens=Nosy(None if left is None else stored("old", left)))
    pipeline = make_pipeline(stub, auth=auth, limits=Limits(concurrency=concurrency))
    outcomes = await calls(pipeline, 20)
    refused = [outcome for outcome in outcomes if isinstance(outcome, ConfigurationError)]
    assert len(refused) == (0 if left == 40 else 20)  # the old token lasts while it is refreshed in the background
    await asyncio.sleep(5)
    assert len(mautic.grants) == 1
    assert (pipeline.rate_limiter.in_flight, pipeline.rate_limiter.waiting, len(pipeline.background)) == (0, 0, 0)


async def test_refresh_loses_no_token_and_no_slot_to_cancelled_callers() -> None:
    """Invariant 42."""
    mautic, stub = site()
    mautic.refresh.add("refresh-0")
    store = MemoryTokens(stored("old", -5, "refresh-0"))
    auth = AuthorizationCode("2_x", "canary-secret", redirect_uri="https://a.example/", tokens=store)
    pipeline = make_pipeline(stub, auth=auth, limits=Limits(concurrency=2))
    leaving = [asyncio.ensure_future(pipeline.send(GET)) for _ in range(10)]
    await asyncio.sleep(0.05)
    for task in leaving:
        task.cancel()
    await asyncio.sleep(1)
    kept = await store.load()
    assert kept is not None
    assert kept.access == Secret("canary-1")
    assert len(mautic.grants) == 1
    assert (pipeline.rate_limiter.in_flight, pipeline.rate_limiter.waiting, len(pipeline.background)) == (0, 0, 0)


async def test_refresh_of_hourly_tokens_costs_one_request_each_and_no_401() -> None:
    mautic, stub = site()
    pipeline = make_pipeline(stub, auth=ClientCredentials("1_x", "canary-secret"))
    hours = sized(6, 24)

    async def work() -> None:
        while asyncio.get_running_loop().time() < hours * 3600:
            await pipeline.send(GET)
            await asyncio.sleep(20)

    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(work())
    assert hours <= len(mautic.grants) <= hours + 1
    assert len(mautic.calls) == pipeline.observations.requests


async def test_log_lines_hold_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """Invariant 50."""
    with caplog.at_level(logging.DEBUG):
        mautic, stub = site()
        pipeline = make_pipeline(stub, auth=ClientCredentials("1_x", "canary-secret"))
        await pipeline.send(GET)
        mautic.alive.clear()
        await pipeline.send(GET)
        mautic.locked_out = True
        with pytest.raises(MauticError) as caught:
            await pipeline.send(GET)
        assert "canary" not in repr(caught.value)
    assert "canary" not in "".join(record.getMessage() + repr(record.__dict__) for record in caplog.records)
