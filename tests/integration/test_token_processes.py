"""Figure 12: a thousand tasks in four processes meet an expired token; Mautic sees one token request."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from attrs import define, field

from mautic_async.auth.token_store import FileTokens, Token
from mautic_async.errors import Secret
from tests.support.processes import start_together

PROCESSES, TASKS = 4, 250

CHILD = """
import asyncio, json, sys
from mautic_async.auth.authorization_code import AuthorizationCode, ClientCredentials, FileTokens
from mautic_async.clock import Clock
from mautic_async._background import BackgroundTasks
from mautic_async.protocol import Response

kind, path, port, tasks, when = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]

class Site:
    clock = Clock()
    background = BackgroundTasks()

    def spawn(self, work):
        return self.background.spawn(work)

    async def __call__(self, request):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = f"POST /{request.path} HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: {len(request.content)}\\r\\n\\r\\n"
        writer.write(head.encode() + request.content)
        status = int((await reader.readline()).split()[1])
        while (await reader.readline()).strip():
            pass
        content = await reader.read()
        writer.close()
        return Response(status, {}, content)

async def main():
    site, store = Site(), FileTokens(path)
    if kind == "code":
        credential = AuthorizationCode("1_x", "secret", redirect_uri="https://a.example/back", tokens=store)
    else:
        credential = ClientCredentials("1_x", "secret", tokens=store)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)

    async def call():
        header = await credential.header(site)
        if when == "revoked" and header == "Bearer old":
            await credential.renew(header, site)
            header = await credential.header(site)
        return str(header)

    print(json.dumps(await asyncio.gather(*(call() for _ in range(tasks)))), flush=True)

asyncio.run(main())
"""


@define
class TokenServer:
    """Rotates refresh tokens, and takes its time."""

    port: int = 0
    forms: list[dict[str, str]] = field(factory=list)
    alive: set[str] = field(factory=lambda: {"refresh-0"})

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = 0
        while line := (await reader.readline()).strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        form = dict(parse_qsl((await reader.readexactly(length)).decode()))
        self.forms.append(form)
        number = len(self.forms)
        await asyncio.sleep(0.2)
        status, body = 200, {"access_token": f"access-{number}", "expires_in": 3600, "token_type": "bearer"}
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] in self.alive:
                self.alive = {f"refresh-{number}"}
                body["refresh_token"] = f"refresh-{number}"
            else:
                status, body = 400, {"error": "invalid_grant"}
        content = json.dumps(body).encode()
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content)
        await writer.drain()
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def serving() -> AsyncIterator[TokenServer]:
    told = TokenServer()
    async with await asyncio.start_server(told.serve, "127.0.0.1", 0) as server:
        told.port = server.sockets[0].getsockname()[1]
        yield told


@pytest.mark.skipif(sys.platform == "win32", reason="flock")
@pytest.mark.parametrize("kind", ["machine", "code"])
@pytest.mark.parametrize("when", ["expired", "revoked"])
async def test_file_token_store_makes_1000_tasks_in_4_processes_request_one_token(
    tmp_path: Path, kind: str, when: str
) -> None:
    """Figure 12."""
    path = tmp_path / "token.json"
    left = -10 if when == "expired" else 3000
    await FileTokens(path).save(
        Token(access=Secret("old"), refresh=Secret("refresh-0"), expires_at=int(time.time()) + left)
    )
    async with serving() as server:
        children = await start_together(CHILD, [(kind, str(path), str(server.port), str(TASKS), when)] * PROCESSES)
        outputs = await asyncio.gather(*(child.communicate(b"go\n") for child in children))
    headers = Counter(header for output, _ in outputs for header in json.loads(output))
    print(
        f"\nfigure 12, {kind}, {when}: {headers.total()} tasks in {PROCESSES} processes, {len(server.forms)} token request(s)"
    )
    assert headers == {"Bearer access-1": PROCESSES * TASKS}
    assert len(server.forms) == 1
