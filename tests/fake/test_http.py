"""The simulator as foreign clients meet it: forms, uploads, odd methods, and a real socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from mautic_async.testing import FakeMautic, Latency
from tests.support.raw_client import RawClient


async def test_form_body_with_bracket_names_is_a_tree(api: RawClient) -> None:
    body = b"firstname=Form&email=f%40example.com&tags[]=one&tags[]=two&doNotContact[0][channel]=email&doNotContact[0][reason]=1"
    got = await api.send("POST", "api/contacts/new", body, content_type="application/x-www-form-urlencoded")
    contact = got.json["contact"]
    assert (got.status, [tag["tag"] for tag in contact["tags"]]) == (201, ["one", "two"])
    assert contact["doNotContact"][0]["reason"] == 1


async def test_form_body_can_hold_a_batch(api: RawClient) -> None:
    body = b"0[email]=a%40example.com&1[email]=b%40example.com"
    got = await api.send("POST", "api/contacts/batch/new", body, content_type="application/x-www-form-urlencoded")
    assert got.json["statusCodes"] == [201, 201]


async def test_multipart_body_is_read_like_a_form(api: RawClient) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="email"\r\n\r\nm@example.com\r\n--x--\r\n'
    got = await api.send("POST", "api/contacts/new", body, content_type="multipart/form-data; boundary=x")
    assert got.json["contact"]["fields"]["all"]["email"] == "m@example.com"


async def test_body_of_another_type_is_ignored_and_makes_an_anonymous_contact(api: RawClient) -> None:
    got = await api.send("POST", "api/contacts/new", b'{"email":"a@example.com"}', content_type="text/plain")
    assert (got.status, got.json["contact"]["fields"]["all"]["email"]) == (201, None)
    assert (await api.post("contacts/new", [1, 2])).status == 201
    assert (await api.send("POST", "api/contacts/new", b"", content_type="application/json")).status == 201


@pytest.mark.parametrize("body", [b'{"firstname": ', b"3", b'"text"', b"null"])
async def test_body_of_broken_json_or_a_scalar_is_400(api: RawClient, body: bytes) -> None:
    got = await api.send("POST", "api/contacts/new", body, content_type="application/json")
    assert (got.status, got.error["message"][:40]) == (400, "Looks like I encountered an error (error")


async def test_post_with_method_override_is_a_patch(api: RawClient) -> None:
    id = await api.contact(email="p@example.com")
    assert (await api.post(f"contacts/{id}/edit", {"city": "Rome"})).status == 404
    assert (await api.post(f"contacts/{id}/edit", {"city": "Rome"}, x_http_method_override="PATCH")).status == 200
    assert (await api.field_values(id))["city"] == "Rome"


async def test_query_reads_arrays_and_lists_of_ids(api: RawClient) -> None:
    for name in "abc":
        await api.contact(email=f"{name}@example.com")
    got = await api.delete("contacts/batch/delete?ids[]=1&ids[]=2")
    assert [one["id"] for one in got.json["contacts"]] == [1, 2]
    assert (await api.json("DELETE", "contacts/batch/delete", [3])).json == {"contacts": []}
    assert len(api.fake.contacts) == 1


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
async def test_wrong_method_is_a_404_of_the_router(api: RawClient, method: str) -> None:
    got = await api.json(method, "contacts")
    assert (got.status, got.error) == (
        404,
        {"message": "Requested URL not found: /api/contacts", "code": 404, "type": None},
    )
    assert "Mautic-Version" not in got.headers


async def test_server_answers_head_options_slashes_and_paths_outside_the_api(api: RawClient) -> None:
    head = await api.json("HEAD", "contacts")
    assert (head.status, head.body, head.headers["Mautic-Version"]) == (200, b"", "5.1.1")
    options = await api.json("OPTIONS", "contacts")
    assert (options.status, options.headers["Content-Type"]) == (204, "text/html; charset=UTF-8")
    slash = await api.get("contacts/")
    assert (slash.status, slash.headers["Location"]) == (301, "http://mautic.test/api/contacts")
    assert (await api.get("contacts/abc")).status == 404
    assert (await api.get("contacts.json")).status == 404
    assert (await api.send("GET", "index.php/api/contacts")).status == 200
    assert (await api.send("GET", "s/login")).headers["Content-Type"] == "text/html; charset=UTF-8"


async def test_server_answers_414_html_for_a_url_of_8_kib(api: RawClient) -> None:
    got = await api.get("contacts", search="ids:" + ",".join(map(str, range(3000))))
    assert (got.status, got.headers["Content-Type"]) == (414, "text/html")


async def test_response_carries_location_date_and_version(api: RawClient) -> None:
    got = await api.post("tags/new", {"tag": "x"})
    assert (got.headers["Location"], got.headers["Mautic-Version"]) == ("/api/tags/1", "5.1.1")
    assert got.headers["Date"].endswith("GMT")


# --- on a socket -------------------------------------------------------------------------------------------------------


class Wire:
    """One keep-alive connection, spoken by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader, self._writer, self._token = reader, writer, token

    async def send(self, method: str, target: str, body: bytes = b"") -> None:
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            f"Authorization: {self._token}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        await self._writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return int(lines[0].split()[1]), headers, body

    async def ask(self, method: str, target: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
        await self.send(method, target, body)
        return await self.answer()


@asynccontextmanager
async def wired(fake: FakeMautic, url: str) -> AsyncIterator[Wire]:
    api = await RawClient(fake).login()
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Wire(reader, writer, api.headers["authorization"])
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def test_connection_serves_many_requests() -> None:
    async with FakeMautic() as fake, fake.serve() as url, wired(fake, url) as wire:
        assert url.startswith("http://127.0.0.1:")
        status, headers, body = await wire.ask("POST", "/api/contacts/new", b'{"email":"s@example.com"}')
        assert (status, headers["location"]) == (201, "/api/contacts/1")
        assert json.loads(body)["contact"]["id"] == 1
        status, _, body = await wire.ask("GET", "/api/contacts?limit=1&search=email%3As%40example.com")
        assert (status, json.loads(body)["total"]) == (200, "1")
        assert (await wire.ask("OPTIONS", "/api/contacts"))[0] == 204
        slow = fake.fail("drip", seconds=0.02)
        assert (await wire.ask("GET", "/api/contacts"))[0] == 200
        assert slow.hits == 1
        redirected = await wire.ask("GET", "/api/contacts/")
        assert redirected[1]["location"] == f"{url}/api/contacts"
    assert fake.url == "https://mautic.test"


@pytest.mark.parametrize("what", ["reset", "refuse"])
async def test_fault_reset_resets_the_socket(what: str) -> None:
    async with FakeMautic() as fake, fake.serve() as url, wired(fake, url) as wire:
        fake.fail(what, work="undone")
        await wire.send("GET", "/api/contacts")
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await wire.answer()


async def test_fault_cut_response_promises_more_bytes_than_it_sends() -> None:
    async with FakeMautic() as fake, fake.serve() as url, wired(fake, url) as wire:
        fake.fail("cut")
        await wire.send("POST", "/api/contacts/new", b"{}")
        with pytest.raises(asyncio.IncompleteReadError):
            await wire.answer()
        assert len(fake.contacts) == 1


async def test_server_finishes_a_batch_after_the_client_disconnects() -> None:
    latency = Latency(request=0.0, row=0.005)
    async with FakeMautic(latency=latency) as fake, fake.serve() as url:
        async with wired(fake, url) as wire:
            rows = [{"email": f"{n}@example.com"} for n in range(20)]
            await wire.send("POST", "/api/contacts/batch/new", json.dumps(rows).encode())
            while not fake.contacts:  # noqa: ASYNC110 - the server's state has no event
                await asyncio.sleep(0)
        while len(fake.contacts) < 20:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0)
