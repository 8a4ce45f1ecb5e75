"""Where requests go: below the base URL, to that host, and nowhere else."""

import json
import random
import re
import string
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from mautic_async import BasicAuth, ClientCredentials, Mautic, MauticError, Timeouts
from mautic_async.errors import ConfigurationError, UnexpectedResponse
from mautic_async.pipeline import Pipeline
from mautic_async.protocol import Call, Request, build_path, encode_query, query_string
from mautic_async.transport.base_url import parse_base_url
from mautic_async.transport.client import new_transport
from tests.support.chunked_transport import ChunkedTransport, make_chunked_transport
from tests.support.raw_socket_server import RawSocketServer, fixed_answer, serve_raw
from tests.support.scripted_server import RUNS_ON_FAST

BASE = "https://mautic.example.com/sub"


# --- the base URL --------------------------------------------------------------------------------------------------

GOOD = {
    "https://mautic.example.com": "https://mautic.example.com",
    "https://mautic.example.com/": "https://mautic.example.com",
    "https://mautic.example.com:8443": "https://mautic.example.com:8443",
    "https://mautic.example.com/sub": "https://mautic.example.com/sub",
    "https://mautic.example.com/sub/": "https://mautic.example.com/sub",
    "https://mautic.example.com/index.php": "https://mautic.example.com/index.php",
    "https://mautic.example.com/api": "https://mautic.example.com",
    "https://mautic.example.com/sub/api/": "https://mautic.example.com/sub",
    "https://192.0.2.1": "https://192.0.2.1",
    "https://[2001:db8::1]:8443/m": "https://[2001:db8::1]:8443/m",
    "http://localhost:8080": "http://localhost:8080",
    "http://127.0.0.1:8080/mautic": "http://127.0.0.1:8080/mautic",
    "http://[::1]:8080": "http://[::1]:8080",
}
BAD: list[Any] = [
    *(
        "",
        " ",
        "mautic.example.com",
        "//mautic.example.com",
        "/mautic",
        "https://",
        "https:///sub",
        "https:mautic.example.com",
    ),
    *("http://mautic.example.com", "http://192.0.2.1", "http://localhost.example.com", "http://127.0.0.1.example.com"),
    *("http://0.0.0.0", "http://[::]", "ftp://mautic.example.com", "file:///etc/passwd", "javascript://x", "data:text"),
    *("https://user@mautic.example.com", "https://user:pass@mautic.example.com", "https://@mautic.example.com"),
    *("https://mautic.example.com?x=1", "https://mautic.example.com?", "https://mautic.example.com#x"),
    *("https://mautic.example.com#", "https://mautic.example.com/a/../b", "https://mautic.example.com/./a"),
    *("https://mautic.example.com//a", "https://mautic.example.com\\@evil.example", "https://mautic.example.com/a\\b"),
    *("https://mautic.example.com:0", "https://mautic.example.com:99999", "https://mautic.example.com:x"),
    *("https://mautic.example.com\r\nX: 1", "https://mautic.example.com/\tx", "https://mautic.example.com/a b"),
    *("https://m\u00fcller.example.com", "https://mautic.example.com/\u2028", "https://mautic.example.com\0"),
    *("https://[::1", "https://[v1.x]", None, 7, b"https://mautic.example.com"),
]


@pytest.mark.parametrize(("given", "base"), GOOD.items())
def test_base_url_accepts_valid_addresses(given: str, base: str) -> None:
    assert parse_base_url(given) == base


@pytest.mark.parametrize("given", BAD, ids=repr)
def test_base_url_refuses_invalid_addresses(given: Any) -> None:
    with pytest.raises(ConfigurationError):
        parse_base_url(given)
    with pytest.raises(ConfigurationError):
        Mautic(given, auth=BasicAuth("ada", "secret"))


def test_base_url_table_has_at_least_40_rows() -> None:
    assert len(GOOD) + len(BAD) >= 40


def test_base_url_with_http_to_another_host_requires_insecure() -> None:
    assert parse_base_url("http://mautic.example.com", insecure=True) == "http://mautic.example.com"


def test_base_url_error_does_not_repeat_the_password() -> None:
    with pytest.raises(ConfigurationError) as found:
        parse_base_url("https://ada:hunter2@mautic.example.com")
    assert "hunter2" not in str(found.value)


# --- paths ---------------------------------------------------------------------------------------------------------

NASTY = [
    *("", ".", "..", "/", "//", "../..", "..%2f", "%2e%2e", "%2e%2e%2f", "..\\", "a/../b", "./a", "a/", "/a", "a//b"),
    *(
        "?x=1",
        "#x",
        "a?b",
        "a#b",
        "a;b",
        "a&b=c",
        "a%00",
        "a\0b",
        "a\r\nHost: evil",
        "a b",
        "\t",
        "\n",
        "\x7f",
        "\x1b[2J",
    ),
    *("https://evil.example", "//evil.example", "@evil.example", ":8080", "user:pass@evil", "\\\\evil\\share"),
    *(
        "\u2028",
        "\u2029",
        "\u202e",
        "\ufeff",
        "\u2024\u2024",
        "\uff0e\uff0e",
        "\uff0f",
        "\u2215",
        "\u00b7",
        "\U0001f600",
    ),
    *(
        "\ud800",
        "\udfff",
        "a\ud83d",
        "e\u0301",
        "%",
        "%%",
        "%zz",
        "%u002e",
        "+",
        "*",
        "'",
        '"',
        "<script>",
        "`id`",
        "$(id)",
    ),
    *(
        "{{7*7}}",
        "${x}",
        "' OR 1=1 --",
        "1",
        "0",
        "-1",
        "1e9",
        "0x1",
        "null",
        "true",
        "new",
        "batch",
        "~",
        "~root",
        "a" * 300,
    ),
]
ODD_IDS: list[Any] = [
    *(0, -1, True, False, None, 1.0, 1.5, float("nan"), float("inf"), 10**20, -(10**20), 10**5000, -(10**5000), 2**63),
    *("1", "1/../2", b"1", [1], (1,), {"id": 1}, {1}, object(), 1j, "ada@example.com", range(3)),
]


def hostile(count: int, seed: int) -> Iterator[str]:
    """Texts that want out: nasty ones as they are, doubled, cut, joined, escaped, and plain noise."""
    chance = random.Random(seed)
    letters = string.printable + "\u2028\u202e\uff0f\u2024\0\x7f\x80\xff\ud800\U0001f600"
    yield from NASTY
    for _ in range(count - len(NASTY)):
        kind = chance.randrange(5)
        if kind == 0:
            yield "".join(chance.choices(letters, k=chance.randint(1, 40)))
        elif kind == 1:
            yield chance.choice(NASTY) + chance.choice(NASTY)
        elif kind == 2:
            yield "/".join(chance.choices(NASTY, k=chance.randint(2, 6)))
        elif kind == 3:
            yield "".join(f"%{ord(char) % 256:02x}" if chance.random() < 0.5 else char for char in chance.choice(NASTY))
        else:
            yield chance.choice(["..", "%2e.", ".%2E", "../", "..;", ".. "]) * chance.randint(1, 9)


def test_path_quotes_ten_thousand_hostile_names_in_place(capsys: pytest.CaptureFixture[str]) -> None:
    sent, refused = 0, 0
    for name in hostile(10_000, seed=17):
        try:
            below = build_path("themes", name, 7)
        except ConfigurationError:
            refused += 1
            continue
        sent += 1
        url = httpx.URL(f"{BASE}/api/{below}")
        raw = url.raw_path.decode("ascii")
        assert (url.scheme, url.host, url.port, url.query, url.fragment) == (
            "https",
            "mautic.example.com",
            None,
            b"",
            "",
        )
        assert raw.startswith("/sub/api/themes/"), name
        assert raw.endswith("/7"), name
        assert raw.count("/") == 5, name
        assert raw.split("/")[4] not in {"", ".", ".."}, name
    assert sent + refused == 10_000
    assert sent > 5_000
    with capsys.disabled():
        print(f"\nfigure 17: 10,000 hostile ids: {sent:,} stayed under the base path, {refused:,} were refused, 0 left")


@pytest.mark.parametrize("odd", ODD_IDS, ids=range(len(ODD_IDS)))
def test_path_accepts_only_positive_integers_as_ids(odd: Any) -> None:
    if isinstance(odd, str):
        below = build_path("contacts", odd)
        assert below.count("/") == 1
        return
    with pytest.raises(ConfigurationError, match="positive integer"):
        build_path("contacts", odd)


@pytest.fixture
def transport() -> ChunkedTransport:
    return make_chunked_transport(b'{"contact": {"id": 1}, "contacts": {}}')


async def test_every_method_refuses_a_hostile_id_unsent(transport: ChunkedTransport) -> None:
    async with Mautic(BASE, auth=BasicAuth("ada", "secret"), transport=transport) as mautic:
        for odd in [*ODD_IDS, *NASTY]:
            for ask in (mautic.contacts.get, mautic.contacts.delete, mautic.segments.get, mautic.companies.delete):
                with pytest.raises(ConfigurationError) as found:
                    await ask(odd)
                assert "ada" not in str(found.value)
    assert transport.requests == []


async def test_call_refuses_paths_above_the_api(transport: ChunkedTransport) -> None:
    async with Mautic(BASE, auth=BasicAuth("ada", "secret"), transport=transport) as mautic:
        for name in hostile(2_000, seed=18):
            try:
                await mautic.call("GET", name, query={"search": name, name or "x": "1"})
            except MauticError:
                continue
    assert transport.requests
    for request in transport.requests:
        assert request.url.host == "mautic.example.com"
        assert request.url.raw_path.startswith(b"/sub/api/")
        assert not {"..", "."} & set(request.url.path.split("/"))


async def test_call_refuses_a_hostile_method(transport: ChunkedTransport) -> None:
    async with Mautic(BASE, auth=BasicAuth("ada", "secret"), transport=transport) as mautic:
        for verb in (
            "",
            "GET /x HTTP/1.1\r\nX: 1",
            "GE T",
            "G\u00c9T",
            "GET\0",
            "\ud800",
            "CONNECT",
            "TRACE",
            "X" * 9999,
        ):
            with pytest.raises(ConfigurationError):
                await mautic.call(verb, "contacts")
    assert transport.requests == []


def test_query_percent_encodes_any_text() -> None:
    for name in hostile(2_000, seed=19):
        try:
            text = query_string(encode_query({"where": [{"col": name}], "search": name}))
        except ConfigurationError:
            assert any("\ud800" <= char <= "\udfff" for char in name)
            continue
        assert text.isascii()
        assert text.isprintable()
        assert not set(text) & set(" \r\n#?/\\<>\"'")
        assert text.count("&") == 1


# --- header values -------------------------------------------------------------------------------------------------

NO_VALUE = [
    *(
        "x\r\ny",
        "x\r\nX-Evil: 1",
        "x\n",
        "\rx",
        "x\0",
        "x\u2028",
        "x\u0085",
        "x\u00ff",
        "x\u20ac",
        "x\x7f",
        "x\x1b[0m",
        "x\t",
    ),
    *("\ud800", "x" * 30_000 + "\r\n", "with-a-space-behind "),
]


class Fixed:
    def __init__(self, value: str) -> None:
        self._value = value

    async def header(self, _: object) -> str:
        return self._value

    async def renew(self, refused: str, _: object) -> None:
        pass


@pytest.mark.parametrize("value", NO_VALUE, ids=range(len(NO_VALUE)))
async def test_auth_header_of_a_custom_credential_must_be_visible_ascii(
    value: str, transport: ChunkedTransport
) -> None:
    async with Mautic(BASE, auth=Fixed(f"Bearer {value}"), transport=transport) as mautic:
        with pytest.raises(ConfigurationError) as found:
            await mautic.contacts.get(1)
    assert transport.requests == []
    assert value not in str(found.value)


async def test_auth_header_of_64_kib_is_refused(transport: ChunkedTransport) -> None:
    async with Mautic(BASE, auth=Fixed("Bearer " + "x" * 65_536), transport=transport) as mautic:
        with pytest.raises(ConfigurationError):
            await mautic.contacts.get(1)
    assert transport.requests == []


@pytest.mark.parametrize("value", NO_VALUE, ids=range(len(NO_VALUE)))
async def test_credentials_with_a_line_break_are_refused(value: str) -> None:
    with pytest.raises(ConfigurationError) as found:
        ClientCredentials("id", value)
    assert value not in str(found.value)
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        with pytest.raises(ConfigurationError):
            BasicAuth("ada", value)


async def test_multipart_part_cannot_be_broken_by_a_file_name() -> None:
    from mautic_async.protocol import FilePart

    inner = make_chunked_transport(b'{"file": {}}')
    async with Mautic(BASE, auth=BasicAuth("ada", "secret"), transport=inner) as mautic:
        for name in ('a"; filename="b', "a\\", 'a\r\nX: 1\r\n\r\n"', "a\0", "\ud800", "\u202e", "a\n"):
            call = Call("POST", "files/images/new", file=FilePart(name, b"--boundary--"))
            try:
                await pipeline_of(mautic).send(call)
            except MauticError:
                continue
            body = inner.requests[-1].content
            head = body.split(b"\r\n\r\n")[0].split(b"\r\n")
            assert len(head) == 3, name
            bare = re.sub(rb"\\.", b"", head[1])
            assert re.fullmatch(rb'Content-Disposition: form-data; name="file"; filename="[^"]*"', bare), name


def pipeline_of(mautic: Mautic) -> Pipeline:
    return mautic._pipeline


# --- redirects, and other hosts ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 399, *([] if RUNS_ON_FAST else [304])])
async def test_transport_follows_no_redirect(status: int) -> None:
    async with serve_raw(fixed_answer("200 OK")) as other:
        for location in (f"{other.base}/api/contacts", "/api/contacts/2", "https://evil.example/", "//evil.example"):
            async with (
                serve_raw(fixed_answer(f"{status} Moved", f"Location: {location}\nRefresh: 0; url={location}")) as here,
                Mautic(here.base, auth=BasicAuth("ada", "secret")) as mautic,
            ):
                with pytest.raises(UnexpectedResponse, match="no redirect is followed") as found:
                    await mautic.contacts.delete(1)
                with pytest.raises(UnexpectedResponse):
                    await mautic.call("POST", "contacts/new", body={"email": "ada@example.com"})
            assert len(here.requests) == 2
            assert "evil" not in str(found.value)
        assert other.connections == 0


async def test_campaign_clone_reads_its_redirect_without_following_it() -> None:
    async with serve_raw(fixed_answer("200 OK")) as other:
        body = json.dumps({"campaign": {"id": 9}}).encode()
        async with (
            serve_raw(fixed_answer("302 Found", f"Location: {other.base}/api/campaigns/9", body)) as here,
            Mautic(here.base, auth=BasicAuth("ada", "secret")) as mautic,
        ):
            payload = await pipeline_of(mautic).send(Call("POST", "campaigns/clone/1", follow_302_body=True))
        assert payload.body == {"campaign": {"id": 9}}
        assert (len(here.requests), other.connections) == (1, 0)


async def test_transport_disables_redirects_of_a_given_httpx_client() -> None:
    async with (
        serve_raw(fixed_answer("200 OK")) as other,
        serve_raw(fixed_answer("302 Found", f"Location: {other.base}/")) as here,
    ):
        async with (
            httpx.AsyncClient(
                follow_redirects=True, trust_env=False, headers={"Authorization": "Bearer mine"}, auth=("me", "mine")
            ) as http,
            Mautic(here.base, auth=BasicAuth("ada", "secret"), http=http) as mautic,
        ):
            with pytest.raises(UnexpectedResponse):
                await mautic.contacts.get(1)
        assert other.connections == 0
        assert b"mine" not in here.requests[0]
        assert here.requests[0].lower().count(b"authorization:") == 1


async def test_token_endpoint_follows_no_redirect() -> None:
    async with serve_raw(fixed_answer("200 OK", body=b'{"access_token": "x"}')) as other:
        async with (
            serve_raw(fixed_answer("307 Moved", f"Location: {other.base}/oauth/v2/token")) as here,
            Mautic(here.base, auth=ClientCredentials("id", "secret")) as mautic,
        ):
            with pytest.raises(UnexpectedResponse, match="redirect") as found:
                await mautic.contacts.get(1)
        assert found.value.attempts == 1
        assert other.connections == 0
        assert [b"/oauth/v2/token" in request for request in here.requests] == [True]


async def test_client_visits_no_address_named_in_a_response() -> None:
    async with serve_raw(fixed_answer("200 OK")) as other:
        links = {
            "next": f"{other.base}/2",
            "webhookUrl": other.base,
            "avatar": other.base,
            "@id": f"{other.base}/api/v2/x",
        }
        row = {"id": 1, "firstname": "Ada", "fields": {"all": links}, **links}
        page = {"total": 1, "contacts": {"1": row}, "hydra:view": {"hydra:next": other.base}, "_links": links}
        headers = (
            f'Link: <{other.base}/2>; rel=next\nContent-Location: {other.base}\nAlt-Svc: h2="127.0.0.1:{other.port}"'
        )
        async with (
            serve_raw(fixed_answer("200 OK", headers, json.dumps(page).encode())) as here,
            Mautic(here.base, auth=BasicAuth("ada", "secret")) as mautic,
        ):
            assert [contact.id async for contact in mautic.contacts.iterate()] == [1]
        assert other.connections == 0


async def test_transport_sends_no_cookie_back() -> None:
    async with (
        serve_raw(fixed_answer("200 OK", "Set-Cookie: session=1; Path=/")) as here,
        Mautic(here.base, auth=BasicAuth("ada", "secret")) as mautic,
    ):
        await mautic.call("GET", "contacts")
        await mautic.call("GET", "contacts")
    assert len(here.requests) == 2
    assert b"cookie" not in here.requests[1].lower()


PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


async def test_transport_ignores_proxies_and_passwords_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("default login eve password fromnetrc\n")
    netrc.chmod(0o600)
    async with serve_raw(fixed_answer("200 OK")) as proxy, serve_raw(fixed_answer("200 OK")) as here:
        for name in PROXIES:
            monkeypatch.setenv(name, proxy.base)
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        async with Mautic(here.base, auth=BasicAuth("ada", "secret")) as mautic:
            await mautic.call("GET", "contacts")
        assert (proxy.connections, here.connections) == (0, 1)
        assert here.requests[0].lower().count(b"authorization:") == 1


async def test_transport_sends_no_authorization_without_a_credential() -> None:
    async with serve_raw(fixed_answer("200 OK")) as here:
        transport = new_transport(here.base, Timeouts())
        await transport.exchange(Request("GET", "api/contacts"))
        await transport.aclose()
    assert b"authorization" not in here.requests[0].lower()


def test_request_counting_server_counts_requests() -> None:
    assert RawSocketServer().connections == 0
