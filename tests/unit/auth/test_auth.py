from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import pickle
import random
import traceback
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from mautic_async._background import BackgroundTasks
from mautic_async.auth import authorization_code as room
from mautic_async.auth.authorization_code import (
    AuthorizationCode,
    BasicAuth,
    ClientCredentials,
    MemoryTokens,
    Token,
    TokenStore,
)
from mautic_async.auth.refresh import await_shared
from mautic_async.auth.token_endpoint import parse_redirect, parse_token_response
from mautic_async.clock import Clock
from mautic_async.errors import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    MauticError,
    PermissionDenied,
    RateLimited,
    ReauthorizationNeeded,
    Secret,
    ServerError,
    TransportError,
    UnexpectedResponse,
)
from mautic_async.protocol import Call, Request, Response
from mautic_async.testing.virtual_time import EPOCH, run_virtual, virtual_clock
from tests.support.recordings import load_exchanges
from tests.support.scripted_server import ScriptedServer, make_pipeline

T = TypeVar("T")
SECRET = "s3cr3t-of-the-client"


def refusal(kind: str, message: str = "no", status: int = 400) -> Response:
    return Response(status, {}, json.dumps({"errors": [{"message": message, "code": status, "type": kind}]}).encode())


@define(eq=False, repr=False)
class Site:
    """Mautic's token endpoint, and the client's way to it."""

    clock: Clock = field(factory=lambda: virtual_clock(asyncio.get_running_loop()))
    flights: BackgroundTasks = field(factory=BackgroundTasks)
    forms: list[dict[str, str]] = field(factory=list)
    script: list[Response | Exception | Callable[[dict[str, str]], Response]] = field(factory=list)
    delay: float = 0.1
    lifetime: object = 3600
    alive: set[str] = field(factory=set)
    refresh: set[str] = field(factory=set)
    events: list[str] = field(factory=list)
    asked: int = 0
    """Token requests under way."""

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return self.flights.spawn(work)

    async def __call__(self, request: Request) -> Response:
        assert (request.method, request.path) == ("POST", "oauth/v2/token")
        assert "authorization" not in {name.lower() for name in request.headers}
        form = dict(parse_qsl((request.content or b"").decode(), keep_blank_values=True, strict_parsing=True))
        self.forms.append(form)
        self.asked += 1
        self.events.append(form["grant_type"])
        number = len(self.forms)
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.asked -= 1
        if self.script:
            step = self.script.pop(0)
            if isinstance(step, Exception):
                raise step
            return step if isinstance(step, Response) else step(form)
        return self.grant(form, number)

    def grant(self, form: dict[str, str], number: int) -> Response:
        body: dict[str, object] = {
            "access_token": f"access-{number}",
            "expires_in": self.lifetime,
            "token_type": "bearer",
            "scope": None,
        }
        if form["grant_type"] == "refresh_token" and form["refresh_token"] not in self.refresh:
            return refusal("invalid_grant", "Invalid refresh token")
        if form["grant_type"] != "client_credentials":
            self.refresh.discard(form.get("refresh_token", ""))
            body["refresh_token"] = f"refresh-{number}"
            self.refresh.add(f"refresh-{number}")
        self.alive.add(f"access-{number}")
        return Response(200, {}, json.dumps(body).encode())


def machine(tokens: TokenStore | None = None) -> ClientCredentials:
    return ClientCredentials("1_id", SECRET, tokens=tokens)


def person(tokens: TokenStore | None = None, **more: Any) -> AuthorizationCode:
    return AuthorizationCode("2_id", SECRET, redirect_uri="https://app.example.com/back", tokens=tokens, **more)


def token(access: str, refresh: str | None = None, seconds: float = 3600) -> Token:
    now = EPOCH + asyncio.get_running_loop().time()
    return Token(access=Secret(access), refresh=Secret(refresh) if refresh else None, expires_at=int(now + seconds))


async def together(work: Callable[[], Coroutine[Any, Any, T]], times: int) -> list[T | BaseException]:
    return list(await asyncio.gather(*(work() for _ in range(times)), return_exceptions=True))


# --- Basic ---------------------------------------------------------------------------------------------------------


async def test_basic_auth_sends_name_and_password_as_utf_8_and_never_refreshes() -> None:
    site = Site()
    credential = BasicAuth("ada", "pässword")
    assert str(await credential.header(site)) == "Basic YWRhOnDDpHNzd29yZA=="
    await credential.renew("Basic x", site)
    assert site.forms == []
    assert credential.shares_site_limit is True
    assert not machine().shares_site_limit


@pytest.mark.parametrize(
    "make",
    [
        lambda: BasicAuth("", "x"),
        lambda: BasicAuth("x", ""),
        lambda: BasicAuth("a:b", "x"),
        lambda: BasicAuth("a", "x\r\nX-Evil: 1"),
        lambda: BasicAuth("a", None),  # type: ignore[arg-type]
        lambda: ClientCredentials("", "x"),
        lambda: ClientCredentials("x", "y\n"),
        lambda: ClientCredentials("x", " y"),
        lambda: ClientCredentials("x", None),  # type: ignore[arg-type]
        lambda: AuthorizationCode("x", "y", redirect_uri="/callback"),
        lambda: AuthorizationCode("x", "y", redirect_uri="https://a.example/\r\n"),
    ],
)
def test_credentials_with_bad_values_are_refused_without_being_quoted(make: Callable[[], object]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert "Evil" not in str(caught.value)


# --- one renewal ---------------------------------------------------------------------------------------------------


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
async def test_token_request_carries_credentials_in_the_form_with_any_character() -> None:
    site = Site()
    secret = "&=+%?#;/\\\"'~é".replace("é", "!")
    await ClientCredentials("1_id", secret).header(site)
    assert site.forms == [{"grant_type": "client_credentials", "client_id": "1_id", "client_secret": secret}]


E4 = {"errors": [{"message": "The client credentials are invalid", "code": 400, "type": "invalid_client"}]}
REFUSALS: list[tuple[int, object, type[MauticError]]] = [
    (400, E4, AuthenticationError),
    (400, {"errors": [{"message": "x", "code": 400, "type": "unauthorized_client"}]}, AuthenticationError),
    (400, {"errors": [{"message": "x", "code": 400, "type": "invalid_request"}]}, AuthenticationError),
    (400, {"errors": [{"message": "x", "code": 400, "type": "redirect_uri_mismatch"}]}, AuthenticationError),
    (400, {"errors": {"0": {"message": "x", "code": 400, "type": "invalid_client"}}}, AuthenticationError),
    (401, {"errors": [{"message": "x", "code": 401, "type": "invalid_grant"}]}, AuthenticationError),
    (400, {"error": "invalid_client", "error_description": "x"}, AuthenticationError),
    (400, {"error": "invalid_client", "error_description": None}, AuthenticationError),
    (403, {"errors": [{"message": "API disabled.", "code": 403, "type": "api_disabled"}]}, PermissionDenied),
    (403, {"error": {"message": "x", "code": 403}}, PermissionDenied),
    (404, {"errors": [{"message": "Requested URL not found", "code": 404, "type": None}]}, APIError),
    (400, {"errors": [{"code": 400, "message": "x", "details": []}]}, APIError),
    (400, {"errors": [{"code": 400, "message": "e: x", "details": {"e": ["x"]}}]}, APIError),
    (500, {"errors": [{"message": "x", "code": 500, "type": None}]}, ServerError),
    (429, {"errors": [{"code": 429, "message": "x", "details": []}]}, RateLimited),
    (200, E4, AuthenticationError),
    (200, {"error": "invalid_grant"}, AuthenticationError),
    (200, E4 | {"access_token": "x", "expires_in": 3600}, AuthenticationError),
    (200, {}, UnexpectedResponse),
    (200, [], UnexpectedResponse),
    (200, "access_token", UnexpectedResponse),
    (200, None, UnexpectedResponse),
    (200, {"access_token": ""}, UnexpectedResponse),
    (200, {"access_token": None}, UnexpectedResponse),
    (200, {"access_token": 5}, UnexpectedResponse),
    (200, {"access_token": ["x"]}, UnexpectedResponse),
    (200, {"access_token": "a b"}, UnexpectedResponse),
    (200, {"access_token": "a\r\nX-Evil: 1"}, UnexpectedResponse),
    (200, {"access_token": "\u2028"}, UnexpectedResponse),
    (200, {"access_token": "x" * 70_000}, UnexpectedResponse),
    (200, {"access_token": "x", "refresh_token": 5}, UnexpectedResponse),
    (200, b"<!DOCTYPE html><form>log in</form>", UnexpectedResponse),
    (404, b"<html>nginx</html>", UnexpectedResponse),
    (502, b"<html>nginx</html>", ServerError),
    (429, b"slow down", RateLimited),
    (401, b"", AuthenticationError),
    (302, b"", UnexpectedResponse),
    (200, b'{"access_token": "canary-in-a-cut-bo', UnexpectedResponse),
    (200, b"[" * 100_000, UnexpectedResponse),
    (200, b'{"access_token": NaN}', UnexpectedResponse),
]


def body_of(content: object) -> bytes:
    return content if isinstance(content, bytes) else json.dumps(content).encode()


class Strict(MemoryTokens):
    """Counts what is saved."""

    def __init__(self, token: Token | None = None) -> None:
        super().__init__(token)
        self.saved: list[Token] = []

    async def save(self, token: Token) -> None:
        self.saved.append(token)
        await super().save(token)


@pytest.mark.virtual_time
@pytest.mark.parametrize(("status", "content", "kind"), REFUSALS)
async def test_token_request_raises_every_shape_of_error_and_stores_no_token(
    status: int, content: object, kind: type[MauticError]
) -> None:
    """Invariant 41."""
    site = Site()
    before = token("old", "refresh-0", seconds=-5)
    store = Strict(before)
    site.script = [Response(status, {}, body_of(content))] * 2
    with pytest.raises(kind) as caught:
        await machine(store).header(site)
    assert store.saved == []
    assert await store.load() is before
    text = "".join(traceback.format_exception(caught.value))
    assert "canary" not in text
    assert SECRET not in text
    assert "Evil" not in text


def test_token_error_advice_for_wrong_credentials_names_the_settings_to_check() -> None:
    with pytest.raises(AuthenticationError, match=r"invalid_client.*client_id and client_secret.*API Credentials"):
        parse_token_response(Response(400, {}, body_of(E4)))
    with pytest.raises(PermissionDenied, match="API enabled"):
        parse_token_response(refusal("api_disabled", status=403))


def test_token_error_masks_a_secret_that_the_server_repeats() -> None:
    with pytest.raises(AuthenticationError) as caught:
        parse_token_response(refusal("invalid_client", f"no client with {SECRET}"), Secret(SECRET))
    assert SECRET not in str(caught.value) + repr(caught.value.problems)


def test_parse_token_response_reads_every_recorded_response() -> None:
    seen = 0
    for recorded in load_exchanges().values():
        if recorded["request"]["path"] != "/oauth/v2/token":
            continue
        seen += 1
        answer = recorded["response"]
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        told = Response(answer["status"], headers, json.dumps(answer["body"]).encode())
        if answer["status"] == 200:
            granted = parse_token_response(told)
            assert granted.lifetime == 3600
            assert (granted.refresh is not None) == ("refresh_token" in answer["body"])
            continue
        with pytest.raises(APIError) as caught:
            parse_token_response(told)
        error = answer["body"]["errors"][0]
        assert caught.value.status == answer["status"]
        assert caught.value.problems[0].type == error["type"]
        assert error["message"] in str(caught.value)
        assert isinstance(caught.value, AuthenticationError) == (answer["status"] == 400)
    assert seen >= 20


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


# --- others renew too ----------------------------------------------------------------------------------------------


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


# --- a store that uses the client ----------------------------------------------------------------------------------


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


# --- when to renew -------------------------------------------------------------------------------------------------


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


# --- failures of the token endpoint --------------------------------------------------------------------------------


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


# --- a person logs in ----------------------------------------------------------------------------------------------


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def login(credential: AuthorizationCode, site: Site, **changed: str) -> None:
    asked = query_of(credential.authorization_url("https://m.example.com"))
    answer = {"code": "the-code", "state": asked["state"]} | changed
    back = "https://app.example.com/back?" + "&".join(f"{name}={value}" for name, value in answer.items())
    await credential.exchange_code(back, None, site)


@pytest.mark.parametrize(
    "base", ["https://m.example.com", "https://m.example.com/", "https://m.example.com/sub/index.php"]
)
def test_authorization_url_requests_a_code_with_an_unguessable_state(base: str) -> None:
    credential = person()
    first, second = credential.authorization_url(base), credential.authorization_url(base)
    assert first.startswith(base.rstrip("/") + "/oauth/v2/authorize?")
    asked = query_of(first)
    assert asked.pop("state") != query_of(second)["state"]
    assert len(query_of(first)["state"]) >= 43
    assert asked == {
        "response_type": "code",
        "client_id": "2_id",
        "redirect_uri": "https://app.example.com/back",
    }


@pytest.mark.parametrize("base", ["m.example.com", "ftp://m.example.com", "https://m.example.com?x=1", ""])
def test_authorization_url_refuses_an_invalid_redirect_uri(base: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        person().authorization_url(base)


@pytest.mark.virtual_time
async def test_login_stores_the_token_that_later_refreshes_rotate() -> None:
    site = Site()
    store = Strict()
    credential = person(store)
    with pytest.raises(ReauthorizationNeeded, match="no user has logged in"):
        await credential.header(site)
    await login(credential, site)
    assert site.forms == [
        {
            "grant_type": "authorization_code",
            "redirect_uri": "https://app.example.com/back",
            "code": "the-code",
            "client_id": "2_id",
            "client_secret": SECRET,
        }
    ]
    header = await credential.header(site)
    assert str(header) == "Bearer access-1"
    await credential.renew(header, site)
    await credential.renew(await credential.header(site), site)
    assert [form.get("refresh_token") for form in site.forms[1:]] == ["refresh-1", "refresh-2"]
    assert site.refresh == {"refresh-3"}
    assert [saved.refresh for saved in store.saved] == [Secret(f"refresh-{n}") for n in (1, 2, 3)]


@pytest.mark.virtual_time
async def test_login_accepts_a_code_apart_from_its_url() -> None:
    site = Site()
    credential = person()
    state = query_of(credential.authorization_url("https://m.example.com"))["state"]
    await credential.exchange_code("the-code", state, site)
    assert str(await credential.header(site)) == "Bearer access-1"


@pytest.mark.virtual_time
async def test_login_state_is_valid_once() -> None:
    site = Site()
    credential = person()
    state = query_of(credential.authorization_url("https://m.example.com"))["state"]
    await credential.exchange_code("the-code", state, site)
    with pytest.raises(ConfigurationError, match="state"):
        await credential.exchange_code("another-code", state, site)
    assert len(site.forms) == 1


@pytest.mark.virtual_time
@pytest.mark.parametrize("state", [None, "", "x", "\udcff", "é"])
async def test_login_without_the_right_state_sends_no_request(state: str | None) -> None:
    site = Site()
    credential = person()
    credential.authorization_url("https://m.example.com")
    with pytest.raises(ConfigurationError, match="state"):
        await credential.exchange_code("the-code", state, site)
    assert site.forms == []


@pytest.mark.virtual_time
async def test_login_after_more_than_ten_minutes_must_begin_anew() -> None:
    site = Site()
    credential = person(clock=site.clock)
    state = query_of(credential.authorization_url("https://m.example.com"))["state"]
    await asyncio.sleep(601)
    with pytest.raises(ConfigurationError, match="ten minutes"):
        await credential.exchange_code("the-code", state, site)


def test_login_attempts_that_are_abandoned_do_not_accumulate() -> None:
    credential = person()
    for _ in range(1500):
        credential.authorization_url("https://m.example.com")
    assert len(credential._logins) == 1000


@pytest.mark.virtual_time
async def test_login_declined_by_the_user_differs_from_a_mistake() -> None:
    site = Site()
    with pytest.raises(ReauthorizationNeeded, match="access_denied"):
        await login(person(), site, code="", error="access_denied")
    assert site.forms == []


@pytest.mark.virtual_time
async def test_login_with_a_refused_code_raises_and_stores_no_token() -> None:
    site = Site()
    store = Strict()
    site.script = [refusal("invalid_grant", "The authorization code has expired")]
    with pytest.raises(AuthenticationError, match="code has expired"):
        await login(person(store), site)
    assert store.saved == []


@pytest.mark.virtual_time
async def test_pkce_sends_the_challenge_first_and_the_verifier_with_the_code() -> None:
    import base64
    import hashlib

    site = Site()
    credential = person(pkce=True)
    asked = query_of(credential.authorization_url("https://m.example.com"))
    await credential.exchange_code("the-code", asked["state"], site)
    digest = hashlib.sha256(site.forms[0]["code_verifier"].encode()).digest()
    assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert asked["code_challenge_method"] == "S256"


@pytest.mark.virtual_time
async def test_login_releases_calls_that_wait_after_a_spent_refresh_token() -> None:
    site = Site()
    credential = person(Strict(token("old", "spent", seconds=-5)))
    with pytest.raises(ReauthorizationNeeded):
        await credential.header(site)
    await login(credential, site)
    assert str(await credential.header(site)) == "Bearer access-2"


@pytest.mark.virtual_time
async def test_login_that_is_cancelled_still_stores_its_token() -> None:
    site = Site()
    store = Strict()
    credential = person(store)
    task = asyncio.ensure_future(login(credential, site))
    await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.wait([task])
    await asyncio.sleep(1)
    assert len(store.saved) == 1
    assert str(await credential.header(site)) == "Bearer access-1"


@pytest.mark.parametrize(
    "text",
    ["", "https://a.example/?code=1&code=2&state=x", "https://[", "?" + "a=1&" * 60, "https://a.example/"],
)
def test_parse_redirect_returns_no_code_for_other_urls(text: str) -> None:
    came = parse_redirect(text)
    assert came.code is None


@given(st.text(max_size=200))
def test_parse_redirect_accepts_any_text(text: str) -> None:
    came = parse_redirect(text)
    assert came.error is None or len(came.error) <= 40


# --- secrets -------------------------------------------------------------------------------------------------------


def test_auth_secrets_occur_in_no_repr_message_traceback_log_or_pickle(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Invariant 50."""
    canaries = ["canary-secret", "canary-password", "canary-access", "canary-refresh", "canary-code"]

    async def main() -> list[str]:
        site = Site()
        store = MemoryTokens(token("canary-access", "canary-refresh"))
        credential = AuthorizationCode(
            "2_id", "canary-secret", redirect_uri="https://app.example.com/back", tokens=store
        )
        basic = BasicAuth("ada", "canary-password")
        header = await credential.header(site)
        shown = [repr(thing) for thing in (credential, basic, store, header, await store.load(), credential._token)]
        shown.append(repr(await basic.header(site)))
        held = credential._token
        for reason in ("canary-secret", "canary-refresh", "canary-code"):
            site.script = [refusal("invalid_grant", f"bad {reason}")]
            credential._last_failure, credential._token = None, held
            attempt = (
                credential.renew(header, site) if reason != "canary-code" else login(credential, site, code=reason)
            )
            with pytest.raises(MauticError) as caught:
                await attempt
            error = caught.value
            shown += [repr(error), str(error)]
            shown += traceback.TracebackException.from_exception(error, capture_locals=True).format()
        for thing in (credential._client, await store.load(), header):
            with contextlib.suppress(TypeError):
                shown.append(repr(pickle.dumps(thing)) if not isinstance(thing, str) else "")
        return shown

    with caplog.at_level(logging.DEBUG):
        shown = run_virtual(main())
    shown += [record.getMessage() + repr(record.args) for record in caplog.records]
    text = "\n".join(shown)
    # the test's own frames hold what it sends; ours must not
    assert [canary for canary in canaries if not _only_in_tests(text, canary)] == []


def _only_in_tests(text: str, canary: str) -> bool:
    ours = False
    for line in text.splitlines():
        if line.startswith('  File "'):
            ours = "mautic_async" in line and "tests" not in line
        elif not line.startswith("    "):
            ours = True
        if canary in line and ours:
            return False
    return True


def test_auth_imports_neither_an_http_client_nor_authlib_integrations() -> None:
    import subprocess
    import sys

    code = (
        "import sys; import mautic_async.auth.authorization_code;"
        "bad = [m for m in sys.modules if m.startswith(('httpx', 'requests', 'authlib.integrations'))];"
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(room.__all__) >= {"Auth", "BasicAuth", "ClientCredentials", "AuthorizationCode"}


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
