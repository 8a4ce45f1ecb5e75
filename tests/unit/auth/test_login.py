"""The log-in by browser: a state is good once, for ten minutes, in the process that gave it out; so is a code."""

import hashlib
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Awaitable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from mautic_async import AuthorizationCode, Clock, Mautic, MauticError
from mautic_async.auth.authorization_code import LOGIN_LIFETIME
from mautic_async.errors import ConfigurationError, ReauthorizationNeeded
from tests.support.chunked_transport import ChunkedTransport, make_chunked_transport

BASE = "https://mautic.example.com"
HOME = "https://app.example.com/back"
TOKEN = json.dumps({"access_token": "new", "refresh_token": "next", "expires_in": 3600}).encode()


class Login:
    """One client, its credential, and a wall clock that a test turns."""

    def __init__(self, *, pkce: bool = False) -> None:
        self.now = 1_800_000_000.0
        clock = Clock(wall_time=lambda: self.now)
        self.inner: ChunkedTransport = make_chunked_transport(TOKEN)
        self.auth = AuthorizationCode("id", "hunter2", redirect_uri=HOME, pkce=pkce, clock=clock)
        self.mautic = Mautic(BASE, auth=self.auth, transport=self.inner, clock=clock)

    def begin(self) -> dict[str, str]:
        address = urlsplit(self.auth.authorization_url(BASE))
        assert f"{address.scheme}://{address.netloc}{address.path}" == f"{BASE}/oauth/v2/authorize"
        return {name: values[0] for name, values in parse_qs(address.query).items()}

    def finish(self, **query: str) -> Awaitable[None]:
        return self.mautic.authorize(f"{HOME}?{urlencode(query)}")

    @property
    def sent(self) -> list[dict[str, str]]:
        return [{k: v[0] for k, v in parse_qs(request.content.decode()).items()} for request in self.inner.requests]


@pytest.fixture
def login() -> Login:
    return Login()


async def test_login_state_has_256_random_bits_and_never_repeats(login: Login) -> None:
    states = [login.begin()["state"] for _ in range(100)]
    assert len(set(states)) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43,}", state) for state in states)  # 6 bits a character


async def test_login_with_the_right_state_exchanges_the_code_once(login: Login) -> None:
    asked = login.begin()
    await login.finish(code="c0de", state=asked["state"])
    (sent,) = login.sent
    assert (sent["grant_type"], sent["code"], sent["redirect_uri"]) == ("authorization_code", "c0de", HOME)
    assert asked["redirect_uri"] == HOME
    assert "code_verifier" not in sent


async def refused(login: Login, **query: str) -> None:
    before = len(login.inner.requests)
    with pytest.raises(ConfigurationError, match="nothing was sent") as found:
        await login.finish(**query)
    assert len(login.inner.requests) == before
    for value in query.values():
        assert not value or value not in str(found.value)


async def test_login_with_a_missing_or_foreign_state_is_refused_unsent(login: Login) -> None:
    state = login.begin()["state"]
    await refused(login, code="c0de")
    await refused(login, code="c0de", state="")
    await refused(login, code="c0de", state=state[:-1])
    await refused(login, code="c0de", state=state + "x")
    await refused(login, code="c0de", state=state.swapcase())
    await refused(login, code="c0de", state="\u00e9\U0001f600")
    await refused(login, code="c0de", state="x" * 100_000)


async def test_login_with_a_state_of_another_login_is_refused(login: Login) -> None:
    theirs = Login().begin()["state"]
    login.begin()
    await refused(login, code="c0de", state=theirs)


async def test_login_state_is_valid_once(login: Login) -> None:
    state = login.begin()["state"]
    await login.finish(code="c0de", state=state)
    await refused(login, code="c0de", state=state)
    await refused(login, code="other", state=state)


async def test_login_state_is_spent_when_the_user_declines(login: Login) -> None:
    state = login.begin()["state"]
    with pytest.raises(ReauthorizationNeeded, match="access_denied"):
        await login.finish(error="access_denied", state=state)
    await refused(login, code="c0de", state=state)


async def test_login_state_is_spent_when_the_exchange_fails(login: Login) -> None:
    state = login.begin()["state"]
    login.inner.status = 400
    with pytest.raises(MauticError):
        await login.finish(code="c0de", state=state)
    login.inner.status = 200
    await refused(login, code="c0de", state=state)


async def test_login_state_expires_after_ten_minutes(login: Login) -> None:
    early, late = login.begin()["state"], login.begin()["state"]
    login.now += LOGIN_LIFETIME - 1
    await login.finish(code="c0de", state=early)
    login.now += 1
    await refused(login, code="c0de", state=late)
    assert LOGIN_LIFETIME == 600


async def test_login_verifiers_of_two_logins_are_not_swapped() -> None:
    login = Login(pkce=True)
    first, second = login.begin(), login.begin()
    await login.finish(code="two", state=second["state"])
    await login.finish(code="one", state=first["state"])
    for asked, sent in zip((second, first), login.sent, strict=True):
        digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
        assert asked["code_challenge_method"] == "S256"
        assert asked["code_challenge"] == urlsafe_b64encode(digest).rstrip(b"=").decode()
        assert len(sent["code_verifier"]) >= 43
    assert login.sent[0]["code_verifier"] != login.sent[1]["code_verifier"]


@pytest.mark.parametrize(
    "query",
    [
        "code=a&code=b&state={}",
        "code=a&state={}&state={}",
        "code=a&state=x&state={}",
        "state={}&state=",
        "code=a#state={}",
    ],
)
async def test_login_callback_with_a_repeated_parameter_is_refused(login: Login, query: str) -> None:
    state = login.begin()["state"]
    with pytest.raises(MauticError):
        await login.mautic.authorize(f"{HOME}?{query.replace('{}', state)}")
    assert login.inner.requests == []


@pytest.mark.parametrize(
    "callback", ["", "?", "://", "https://[", "x" * 100_000, "?" + "a=1&" * 1000, "?state=%ff%fe", "\0"]
)
async def test_login_with_any_other_text_is_refused_unsent(login: Login, callback: str) -> None:
    login.begin()
    with pytest.raises(MauticError):
        await login.mautic.authorize(callback)
    with pytest.raises(MauticError):
        await login.mautic.authorize(callback, state="wrong")
    assert login.inner.requests == []


async def test_login_states_that_are_never_used_are_bounded(login: Login) -> None:
    states = [login.begin()["state"] for _ in range(3_000)]
    assert len(login.auth._logins) <= 1_000
    await login.finish(code="c0de", state=states[-1])
    await refused(login, code="c0de", state=states[0])


def attributes(value: object) -> dict[str, Any]:
    return vars(value)


async def test_login_repr_and_errors_show_no_secret(login: Login) -> None:
    state = login.begin()["state"]
    shown = repr(login.auth) + str(login.auth) + repr(attributes(login.auth)) + repr(login.mautic)
    assert state not in shown
    assert "hunter2" not in shown
