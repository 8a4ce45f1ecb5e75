from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mautic_async import AuthorizationCode, BasicAuth, ConfigurationError, Limits, Mautic, MemoryTokens, Secret, Token
from mautic_async.cli.check_lines import Line, check
from mautic_async.cli.loopback import RedirectListener, is_loopback
from mautic_async.testing import FakeMautic
from tests.support import socket_server


async def lines(fake: FakeMautic, kind: str = "OAuth2 client", url: str = "", **settings: Any) -> dict[str, Line]:
    auth = settings.pop("auth", fake.auth)
    async with Mautic(
        url or fake.url, auth=auth, transport=fake.transport, limits=Limits(patience=0), **settings
    ) as mautic:
        return {line.name: line async for line in check(mautic, url or fake.url, kind)}


async def test_check_finds_nothing_wrong_with_a_fresh_server(fake_mautic: FakeMautic) -> None:
    contacts = len(fake_mautic.contacts)
    found = await lines(fake_mautic)
    assert [line.state for line in found.values() if line.name != "custom objects"] == ["ok"] * 11
    texts = {name: line.text for name, line in found.items()}
    assert texts["address"] == "https://mautic.test, TLS with a trusted certificate"
    assert texts["version"] == "5.1.1"
    assert texts["API"] == "enabled"
    assert texts["credentials"].startswith("OAuth2 client, user ")
    assert texts["credentials"].endswith("role Administrator (all rights)")
    assert texts["rate limiter"] == "off, or not told"
    assert texts["contacts"] == "may be edited in batches"
    assert texts["batch limit"] == "200 rows"
    assert texts["custom objects"] == "not listed (no /api/v2 for these credentials), and no contact shows an item"
    assert texts["unique fields"] == "email"
    assert texts["clock"].startswith(("the server's is 0 s ", "the server's is 1 s "))  # HTTP dates are whole seconds
    assert texts["times"].endswith(" s for a batch of one")
    assert texts["bulk job"].startswith("begins with 2 requests of 50 rows, at most 8 of 200")
    assert len(fake_mautic.contacts) == contacts, "nothing was written"


async def test_check_tells_a_disabled_api() -> None:
    async with FakeMautic(api_enabled=False) as fake:
        assert await lines(fake) == {
            "API": Line("API", "problem", "disabled. Enable it in Mautic's Configuration > API Settings")
        }


async def test_check_tells_wrong_passwords(fake_mautic: FakeMautic) -> None:
    (line,) = (await lines(fake_mautic, "user and password", auth=BasicAuth("admin", "wrong"))).values()
    assert (line.name, line.state) == ("credentials", "problem")
    assert line.text.startswith("user and password: GET users/self not authenticated (401)")
    assert line.text.endswith("Mautic's Configuration > API Settings allows HTTP basic auth")


async def test_check_recommends_an_oauth_client_over_a_password(fake_mautic: FakeMautic) -> None:
    found = await lines(fake_mautic, "user and password", auth=fake_mautic.basic_auth)
    assert found["credentials"].state == "warning"
    assert found["credentials"].text.endswith("An OAuth2 client (client credentials) is much faster")


async def test_check_tells_an_old_token(fake_mautic: FakeMautic) -> None:
    tokens = MemoryTokens()
    await tokens.save(Token(access=Secret("old"), refresh=Secret("older"), expires_at=0))
    auth = AuthorizationCode(
        fake_mautic.client_id, fake_mautic.client_secret, redirect_uri="http://127.0.0.1", tokens=tokens
    )
    (line,) = (await lines(fake_mautic, "token file t.json", auth=auth)).values()
    assert (line.name, line.state) == ("credentials", "problem")
    assert "the refresh token" in line.text
    assert line.text.endswith("Log in: mautic-async login")
    assert "authorization_url" not in line.text


async def test_check_tells_an_address_without_mautic(fake_mautic: FakeMautic) -> None:
    (line,) = (await lines(fake_mautic, url="https://mautic.test/elsewhere")).values()
    assert (line.name, line.state) == ("address", "problem")
    assert line.text.startswith("no Mautic API answers there: ")
    assert line.text.endswith("MAUTIC_BASE_URL is the address without /api")


async def test_check_tells_an_html_page(fake_mautic: FakeMautic) -> None:
    fake_mautic.fail("html", route="GET /api/users/self", times=None)
    (line,) = (await lines(fake_mautic)).values()
    assert line.state == "problem"
    assert line.text.startswith("no Mautic API answers there: ")


async def test_check_tells_the_rate_limit_and_its_end() -> None:
    async with FakeMautic(rate_limit=100) as fake:
        found = await lines(fake)
        assert found["rate limiter"] == Line("rate limiter", "ok", "100 calls an hour, 99 left")
        assert found["bulk job"].text.endswith("at the rate limit at most 20,000 rows an hour")
    async with FakeMautic(rate_limit=1) as fake:
        first = await lines(fake, auth=fake.basic_auth)
        assert first["rate limiter"] == Line("rate limiter", "warning", "1 calls an hour, 0 left")
        assert "the rate limit allows the next call in" in first["server"].text
        (line,) = (await lines(fake, auth=fake.basic_auth)).values()
        assert (line.name, line.state) == ("rate limiter", "problem")
        assert line.text.endswith("Wait for the next window, or raise api_rate_limiter_limit")


async def test_check_lists_custom_objects_and_a_small_batch_limit() -> None:
    async with FakeMautic(v2=True, batch_limit=50) as fake:
        found = await lines(fake)
    assert found["custom objects"].text.split(", ") == ["products", "orders", "samples"]
    assert found["batch limit"] == Line(
        "batch limit", "warning", "50 rows; import with --batch 50, or raise api_batch_max_limit"
    )
    assert "at most 8 of 50" in found["bulk job"].text


async def test_check_tells_the_difference_of_the_clocks() -> None:
    async with FakeMautic(skew=300.0) as fake:
        line = (await lines(fake))["clock"]
    assert line.state == "warning"
    assert line.text in {f"the server's is {n} s ahead of this machine's; set both by NTP" for n in (299, 300, 301)}


async def test_check_tells_rights_that_are_missing(fake_mautic: FakeMautic) -> None:
    found = await lines(fake_mautic, "user and password", auth=BasicAuth("limited", "limited"))
    assert found["credentials"].text.startswith("user and password, user limited, role Limited (rights of its role)")
    assert found["unique fields"].state in {"ok", "warning"}


async def test_check_tells_a_server_that_does_not_answer() -> None:
    async with Mautic("http://127.0.0.1:1", auth=BasicAuth("a", "b")) as mautic:
        (line,) = [line async for line in check(mautic, "http://127.0.0.1:1", "user and password")]
    assert (line.name, line.state) == ("address", "problem")
    assert line.text.startswith("no connection to 127.0.0.1:1")


# --- the redirect of a login -----------------------------------------------------------------------------------------


async def request(port: int, line: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(line + b"\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


async def test_redirect_listener_takes_only_the_registered_path() -> None:
    port = socket_server.free_port()
    listener = RedirectListener(f"http://127.0.0.1:{port}/callback")
    async with listener.listen():
        assert b"404" in await request(port, b"GET /favicon.ico HTTP/1.1")
        assert b"404" in await request(port, b"POST /callback?code=x HTTP/1.1")
        assert await request(port, b"GET /" + b"x" * 10_000) == b""
        assert listener.callbacks.empty()
        assert b"200 OK" in await request(port, b"GET /callback?code=x&state=y HTTP/1.1")
        assert await listener.callbacks.get() == f"http://127.0.0.1:{port}/callback?code=x&state=y"


@pytest.mark.parametrize("uri", ["https://127.0.0.1:8099/", "http://example.com:8099/", "http://127.0.0.1/callback"])
async def test_redirect_listener_listens_on_this_machine_only(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="it is like http://127"):
        async with RedirectListener(uri).listen():
            pass
    assert is_loopback("::1")
    assert not is_loopback("127.example.com")
