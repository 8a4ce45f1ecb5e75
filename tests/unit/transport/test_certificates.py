"""Certificates are checked, always: real TLS on the loopback interface."""

import asyncio
import inspect
import ssl
from pathlib import Path

import httpx
import pytest

from mautic_async import (
    BasicAuth,
    ClientCredentials,
    Mautic,
    Timeouts,
    TransportError,
)
from mautic_async.errors import Fate
from mautic_async.protocol import Request
from mautic_async.transport.client import Transport, new_client, new_transport
from mautic_async.transport.connection_pool import PooledTransport
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


async def test_transport_ignores_certificate_authorities_of_the_environment(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    file = tmp_path / "authority.pem"
    file.write_bytes(authority.certificate.public_bytes(Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    async with serve_raw(fixed_answer("200 OK"), tls=authority.server("localhost")) as server:
        error = await refusal(f"https://localhost:{server.port}")
    assert error.kind == "certificate"


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
        assert isinstance(client._transport, PooledTransport)
        context = client._transport._context
        await client.aclose()
    assert context is not None
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
