"""Certificates are checked, always: real TLS on the loopback interface."""

import asyncio
import inspect
import ssl
import warnings
from pathlib import Path
from typing import Any

import httpx
import pytest

from mautic_async import (
    BasicAuth,
    ClientCredentials,
    ConfigurationError,
    Limits,
    Mautic,
    Timeouts,
    TransportError,
    fast_transport,
)
from mautic_async.errors import Fate
from mautic_async.protocol import Request
from mautic_async.transport.client import Transport, new_client, new_transport
from mautic_async.transport.network import Network
from tests.support.certificates import Authority
from tests.support.raw_socket_server import fixed_answer, serve_raw


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
async def test_transport_refuses_a_wrong_certificate_before_sending(
    authority: Authority, case: dict[str, object]
) -> None:
    context = authority.server(**case)  # type: ignore[arg-type]  # a table
    async with (
        serve_raw(fixed_answer("200 OK"), tls=context) as server,
        httpx.AsyncClient(verify=authority.client(), trust_env=False) as http,
    ):
        error = await refusal(f"https://localhost:{server.port}", http)
    assert error.kind == "certificate"
    assert error.verdict is not None
    assert error.verdict.fate is Fate.REFUSED
    assert error.attempts == 1
    assert "certificate" in str(error)
    assert server.requests == []


async def test_transport_refuses_an_unknown_certificate_authority(authority: Authority) -> None:
    async with serve_raw(fixed_answer("200 OK"), tls=authority.server("localhost")) as server:
        error = await refusal(f"https://localhost:{server.port}")
    assert error.kind == "certificate"
    assert server.requests == []


async def test_transport_requests_a_token_once_from_a_wrong_certificate(authority: Authority) -> None:
    async with (
        serve_raw(fixed_answer("200 OK"), tls=authority.server("localhost")) as server,
        Mautic(f"https://localhost:{server.port}", auth=ClientCredentials("id", "hunter2")) as mautic,
    ):
        with pytest.raises(TransportError) as found:
            await mautic.contacts.get(1)
    assert (found.value.kind, found.value.attempts) == ("certificate", 1)
    assert server.requests == []


FOUND = fixed_answer("200 OK", body=b'{"contact": {"id": 1}}')


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("way", ["argument", "SSL_CERT_FILE"])
async def test_transport_trusts_an_authority_of_argument_or_environment(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, way: str, *, fast: bool
) -> None:
    settings: dict[str, Any] = {"transport": fast_transport() if fast else None}
    if way == "argument":
        settings["ca"] = authority.file
    else:
        monkeypatch.setenv(way, str(authority.file))
    async with (
        serve_raw(FOUND, tls=authority.server("localhost")) as server,
        Mautic(f"https://localhost:{server.port}", auth=BasicAuth("ada", "hunter2"), **settings) as mautic,
    ):
        assert (await mautic.contacts.get(1)).id == 1


def test_network_takes_a_folder_of_authorities_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert Network().ssl_context().get_ca_certs() == []  # OpenSSL looks into the folder during a handshake


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
async def test_mautic_refuses_authorities_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    async with Mautic("https://localhost:9", auth=BasicAuth("ada", "hunter2"), ca=file) as mautic:
        with pytest.raises(ConfigurationError, match=r"ca: .*ca\.pem holds no certificate authorities"):
            await mautic.contacts.get(1)


async def test_mautic_refuses_ca_beside_a_client_of_the_user(tmp_path: Path) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        with pytest.raises(ConfigurationError, match="ca= and proxy= have no effect"):
            Mautic("https://localhost:9", auth=BasicAuth("ada", "hunter2"), ca=tmp_path, http=http)


@pytest.mark.parametrize("fast", [False, True])
async def test_transport_refuses_tls_below_1_2(authority: Authority, *, fast: bool) -> None:
    context = authority.server("localhost")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    transport = fast_transport() if fast else None
    async with (
        serve_raw(FOUND, tls=context) as server,
        Mautic(
            f"https://localhost:{server.port}",
            auth=BasicAuth("ada", "hunter2"),
            ca=authority.file,
            transport=transport,
            limits=Limits(patience=0),
        ) as mautic,
    ):
        with pytest.raises(TransportError, match=r"no connection to localhost.*(no TLS|TLS 1\.2)"):
            await mautic.contacts.get(1)
    assert Network().ssl_context().minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("fast", [False, True])
async def test_transport_error_of_an_unknown_authority_names_the_remedy(authority: Authority, *, fast: bool) -> None:
    transport = fast_transport() if fast else None
    async with (
        serve_raw(FOUND, tls=authority.server("localhost")) as server,
        Mautic(f"https://localhost:{server.port}", auth=BasicAuth("ada", "hunter2"), transport=transport) as mautic,
    ):
        with pytest.raises(TransportError) as found:
            await mautic.contacts.get(1)
    text = str(found.value)
    assert text.startswith(f"no connection to localhost:{server.port} for GET contacts/1: its certificate is refused (")
    assert "name that authority by ca= or SSL_CERT_FILE" in text


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
async def test_transport_accepts_a_right_certificate(authority: Authority, name: str) -> None:
    async with (
        serve_raw(fixed_answer("200 OK", body=b'{"contact": {"id": 1}}'), tls=authority.server(name)) as server,
        httpx.AsyncClient(verify=authority.client(), trust_env=False) as http,
        Mautic(f"https://{name}:{server.port}", auth=BasicAuth("ada", "hunter2"), http=http) as mautic,
    ):
        assert (await mautic.contacts.get(1)).id == 1


async def test_transport_sends_no_cleartext_to_a_server_without_tls() -> None:
    got: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n{}")
        got.append(await reader.read(4096))
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        transport = new_transport(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", Timeouts())
        with pytest.raises(TransportError) as found:
            await transport.exchange(Request("GET", "api/contacts", headers={"authorization": "Basic hunter2"}))
        await transport.aclose()
    assert found.value.kind == "connect"
    assert len(got) == 1
    assert got[0][:1] == b"\x16"  # a TLS handshake
    assert b"hunter2" not in got[0]


async def test_transport_tls_settings_check_names_and_refuse_old_protocols(authority: Authority) -> None:
    async with serve_raw(fixed_answer("200 OK"), tls=authority.server("localhost")) as server:
        client = new_client(Timeouts())
        with pytest.raises(httpx.ConnectError):
            await client.get(f"https://localhost:{server.port}")
        await client.aclose()
    context = Network().ssl_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_transport_has_no_setting_that_disables_tls_checks() -> None:
    for made in (Mautic, Transport, new_client):
        assert not {"verify", "ssl", "ssl_context", "cert", "trust_env"} & set(inspect.signature(made).parameters)


async def test_transport_keeps_the_tls_settings_of_a_given_client(authority: Authority) -> None:
    respond = fixed_answer("200 OK", body=b'{"contact": {"id": 1}}')
    async with (
        serve_raw(respond, tls=authority.server("other.example.com", own=True)) as server,
        httpx.AsyncClient(verify=False, trust_env=False) as http,
        Mautic(f"https://localhost:{server.port}", auth=BasicAuth("ada", "hunter2"), http=http) as mautic,
    ):
        assert (await mautic.contacts.get(1)).id == 1
