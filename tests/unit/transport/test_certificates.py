"""Certificates are checked, always: real TLS on the loopback interface."""

import asyncio
import inspect
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest
from httpx_aiohttp import AiohttpTransport

from mautic_async import (
    BasicAuth,
    ClientCredentials,
    ConfigurationError,
    InsecureWarning,
    Mautic,
    Timeouts,
    TransportError,
)
from mautic_async.errors import Fate
from mautic_async.protocol import Request
from mautic_async.transport.aiohttp import Fast
from mautic_async.transport.client import Transport, new_client
from mautic_async.transport.connection_pool import Connections
from tests.support.certificates import Authority
from tests.support.raw_socket_server import answer, serving


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.new(tmp_path)


async def refusal(base: str, http: httpx.AsyncClient | None = None) -> TransportError:
    async with Mautic(base, auth=BasicAuth("ada", "hunter2"), http=http) as mautic:
        with pytest.raises(TransportError) as found:
            await mautic.contacts.get(1)
    return found.value


CASES = {
    "for another name": {"name": "other.example.com"},
    "for a part of the name": {"name": "host"},
    "for another address": {"name": "127.0.0.2"},
    "expired": {"name": "localhost", "days": (-9, -1)},
    "not valid yet": {"name": "localhost", "days": (1, 9)},
    "signed by itself": {"name": "localhost", "own": True},
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_a_wrong_certificate_is_refused_before_anything_is_sent(
    authority: Authority, case: dict[str, object]
) -> None:
    context = authority.server(**case)  # type: ignore[arg-type]  # a table
    async with (
        serving(answer("200 OK"), tls=context) as server,
        httpx.AsyncClient(verify=authority.client(), trust_env=False) as http,
    ):
        error = await refusal(f"https://localhost:{server.port}", http)
    assert error.event == "certificate"
    assert error.verdict is not None
    assert error.verdict.fate is Fate.FATAL
    assert error.attempts == 1
    assert "certificate" in str(error)
    assert server.requests == []


async def test_an_authority_that_nobody_knows_is_refused_by_the_clients_own_settings(authority: Authority) -> None:
    async with serving(answer("200 OK"), tls=authority.server("localhost")) as server:
        error = await refusal(f"https://localhost:{server.port}")
    assert error.event == "certificate"
    assert server.requests == []


async def test_a_token_is_asked_for_once_where_the_certificate_is_wrong(authority: Authority) -> None:
    async with (
        serving(answer("200 OK"), tls=authority.server("localhost")) as server,
        Mautic(f"https://localhost:{server.port}", auth=ClientCredentials("id", "hunter2")) as mautic,
    ):
        with pytest.raises(TransportError) as found:
            await mautic.contacts.get(1)
    assert (found.value.event, found.value.attempts) == ("certificate", 1)
    assert server.requests == []


async def test_the_environment_cannot_add_an_authority(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    file = tmp_path / "authority.pem"
    file.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    async with serving(answer("200 OK"), tls=authority.server("localhost")) as server:
        error = await refusal(f"https://localhost:{server.port}")
    assert error.event == "certificate"


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
async def test_a_right_certificate_is_taken(authority: Authority, name: str) -> None:
    async with (
        serving(answer("200 OK", body=b'{"contact": {"id": 1}}'), tls=authority.server(name)) as server,
        httpx.AsyncClient(verify=authority.client(), trust_env=False) as http,
        Mautic(f"https://{name}:{server.port}", auth=BasicAuth("ada", "hunter2"), http=http) as mautic,
    ):
        assert (await mautic.contacts.get(1)).id == 1


async def test_a_server_without_tls_gets_no_request_in_the_clear() -> None:
    got: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n{}")
        got.append(await reader.read(4096))
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        transport = Transport(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", Timeouts())
        with pytest.raises(TransportError) as found:
            await transport.exchange(Request("GET", "api/contacts", headers={"authorization": "Basic hunter2"}))
        await transport.aclose()
    assert found.value.event == "connect"
    assert len(got) == 1
    assert got[0][:1] == b"\x16"  # a TLS handshake
    assert b"hunter2" not in got[0]


async def test_the_clients_own_settings_check_names_and_know_no_old_protocol(authority: Authority) -> None:
    async with serving(answer("200 OK"), tls=authority.server("localhost")) as server:
        client = new_client(Timeouts())
        with pytest.raises(httpx.ConnectError):
            await client.get(f"https://localhost:{server.port}")
        assert isinstance(client._transport, Connections)
        context = client._transport._context
        await client.aclose()
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_there_is_no_setting_that_switches_the_checks_off() -> None:
    for made in (Mautic, Transport, new_client):
        assert not {"verify", "ssl", "ssl_context", "cert", "trust_env"} & set(inspect.signature(made).parameters)


# --- a client that does not check them -----------------------------------------------------------------------------


def unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def any_name() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    return context


class Wrapped(httpx.AsyncBaseTransport):
    """A transport that adds something to another, as those for caches and retries do."""

    def __init__(self, *inner: httpx.AsyncBaseTransport) -> None:
        self._others = inner


class Odd(httpx.AsyncBaseTransport):
    """A transport whose inside raises when it is looked at."""

    @property
    def __dict__(self) -> Any:  # type: ignore[override]  # which is what is odd
        raise RuntimeError


class Turning(httpx.AsyncBaseTransport):
    """A transport that holds itself."""

    def __init__(self) -> None:
        self.inner = self


SITE = "https://mautic.example.com"
BLIND: dict[str, Callable[[], dict[str, Any]]] = {
    "a client": lambda: {"http": httpx.AsyncClient(verify=False)},
    "a client with a context": lambda: {"http": httpx.AsyncClient(verify=unchecked())},
    "a client that takes any name": lambda: {"http": httpx.AsyncClient(verify=any_name())},
    "a client by its mounts": lambda: {
        "http": httpx.AsyncClient(mounts={"https://": httpx.AsyncHTTPTransport(verify=False)})
    },
    "a client through a proxy": lambda: {"http": httpx.AsyncClient(proxy="http://127.0.0.1:9", verify=False)},
    "a client over aiohttp": lambda: {"http": httpx.AsyncClient(transport=AiohttpTransport(verify=False))},
    "a transport": lambda: {"transport": httpx.AsyncHTTPTransport(verify=False)},
    "a transport over aiohttp": lambda: {"transport": AiohttpTransport(verify=False)},
    "a transport in another": lambda: {"transport": Wrapped(Wrapped(httpx.AsyncHTTPTransport(verify=False)))},
    "one of two": lambda: {"transport": Wrapped(httpx.AsyncHTTPTransport(), httpx.AsyncHTTPTransport(verify=False))},
    "our own": lambda: {"transport": Connections(unchecked())},
    "the fast one": lambda: {"transport": Fast(unchecked())},
}
CHECKED: dict[str, Callable[[], dict[str, Any]]] = {
    "none": dict,
    "a client": lambda: {"http": httpx.AsyncClient()},
    "a client with an authority of its own": lambda: {"http": httpx.AsyncClient(verify=ssl.create_default_context())},
    "a client that is blind elsewhere": lambda: {
        "http": httpx.AsyncClient(mounts={"https://other.example.com": httpx.AsyncHTTPTransport(verify=False)})
    },
    "our own": lambda: {"transport": Connections()},
    "the fast one": lambda: {"transport": Fast()},
    "one without a form": lambda: {"transport": object()},
    "one that raises": lambda: {"transport": Odd()},
    "one in itself": lambda: {"transport": Turning()},
}


def warnings_of(work: Callable[[], object]) -> list[warnings.WarningMessage]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        work()
    return caught


@pytest.mark.parametrize("made", BLIND.values(), ids=BLIND.keys())
async def test_a_client_that_does_not_check_has_to_be_asked_for_and_warns(made: Callable[[], dict[str, Any]]) -> None:
    auth = BasicAuth("ada", "hunter2")
    with pytest.raises(ConfigurationError, match="insecure=True"):
        Mautic(SITE, auth=auth, **made())
    (warning,) = warnings_of(lambda: Mautic(SITE, auth=auth, insecure=True, **made()))
    assert warning.category is InsecureWarning
    assert "not checked" in str(warning.message)
    assert warning.filename == __file__  # the line of the user


async def test_the_warning_points_at_the_users_line_from_everywhere() -> None:
    environ = {"MAUTIC_BASE_URL": SITE, "MAUTIC_USERNAME": "ada", "MAUTIC_PASSWORD": "hunter2"}

    class Ours(Mautic):
        """A subclass."""

    for kind in (Mautic, Ours):
        transport = Connections(unchecked())
        (warning,) = warnings_of(
            lambda kind=kind, transport=transport: kind.from_env(environ, transport=transport, insecure=True)  # type: ignore[misc]
        )
        assert warning.filename == __file__


@pytest.mark.parametrize("insecure", [False, True])
@pytest.mark.parametrize("made", CHECKED.values(), ids=CHECKED.keys())
async def test_one_that_checks_or_cannot_be_judged_is_taken(made: Callable[[], dict[str, Any]], insecure: bool) -> None:  # noqa: FBT001 - a table
    assert warnings_of(lambda: Mautic(SITE, auth=BasicAuth("ada", "hunter2"), insecure=insecure, **made())) == []


async def test_without_tls_there_is_nothing_to_check() -> None:
    made = httpx.AsyncClient(verify=False)
    assert warnings_of(lambda: Mautic("http://127.0.0.1:8080", auth=BasicAuth("ada", "hunter2"), http=made)) == []


async def test_aiohttp_with_its_checks_off_is_found_in_a_session() -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session:
        with pytest.raises(ConfigurationError, match="insecure=True"):
            Mautic(SITE, auth=BasicAuth("ada", "hunter2"), transport=AiohttpTransport(client=session))
    async with aiohttp.ClientSession() as session:
        Mautic(SITE, auth=BasicAuth("ada", "hunter2"), transport=AiohttpTransport(client=session))


async def test_who_says_insecure_reaches_a_server_signed_by_itself_and_nobody_else_does(authority: Authority) -> None:
    respond = answer("200 OK", body=b'{"contact": {"id": 1}}')
    async with (
        serving(respond, tls=authority.server("other.example.com", own=True)) as server,
        httpx.AsyncClient(verify=False, trust_env=False) as http,
    ):
        base, auth = f"https://localhost:{server.port}", BasicAuth("ada", "hunter2")
        with pytest.raises(ConfigurationError, match="does not check"):
            Mautic(base, auth=auth, http=http)
        assert server.connections == 0
        with pytest.warns(InsecureWarning):
            mautic = Mautic(base, auth=auth, http=http, insecure=True)
        async with mautic:
            assert (await mautic.contacts.get(1)).id == 1
