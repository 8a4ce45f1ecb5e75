from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
import traceback
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from mautic_async.auth import authorization_code as room
from mautic_async.auth.authorization_code import (
    AuthorizationCode,
    BasicAuth,
    ClientCredentials,
    MemoryTokens,
)
from mautic_async.errors import (
    AuthenticationError,
    ConfigurationError,
    MauticError,
    ReauthorizationNeeded,
    Secret,
)
from mautic_async.testing.virtual_time import run_virtual
from tests.support.token_site import SECRET, Site, Strict, machine, person, refusal, token


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
