"""The other side: a process of its own that only sends canned bytes, so that the client is what is measured.

It knows four things: one contact, a page of contacts by id, a token, and a batch (or a single write), which takes a
server worker for a fixed time and a time per row. With ``--store`` it also keeps the rows and counts right, wrong and
doubled ones; that costs time on its side only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from collections import deque
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from benchmarks import _bodies

HEAD = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nMautic-Version: 5.1.1\r\nContent-Length: %d\r\n%s\r\n"
RATE = (
    b"Date: Sat, 21 Nov 2026 03:26:29 GMT\r\nX-RateLimit-Limit: 900000000\r\n"
    b"X-RateLimit-Remaining: 899999999\r\nX-RateLimit-Reset: 1795235000\r\n"
)
TOKEN = b'{"access_token":"canned","expires_in":86400,"token_type":"bearer","scope":null}'
EMPTY = b'{"total":"0","contacts":[]}'
ABOVE = re.compile(r"\[val\]=(\d+)")


class State:
    """What all connections share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.row = _bodies.row(options.row)
        self.one = frame(b'{"contact":' + _bodies.row(options.row).replace(b"%d", b"42") + b"}")
        self.token = frame(TOKEN)
        self.free = options.workers or 1 << 30
        self.waiting: deque[tuple[float, asyncio.Future[None]]] = deque()
        self.requests = 0
        self.rows: dict[str, dict[str, Any]] = {}
        self.writes: dict[str, int] = {}
        self.items: dict[str, list[str]] = {}
        self.batch = lru_cache(64)(self._batch)
        self.page = lru_cache(4)(self._page)

    def _batch(self, count: int) -> bytes:
        rows = b",".join(self.row.replace(b"%d", b"%d" % number) for number in range(1, count + 1))
        codes = b",".join([b"201"] * count)
        return frame(b'{"contacts":[' + rows + b'],"statusCodes":[' + codes + b"]}", 201)

    def _page(self, above: int, count: int) -> bytes:
        ids = [b"%d" % number for number in range(above + 1, above + count + 1)]
        rows = b",".join(b'"' + id + b'":' + self.row.replace(b"%d", id) for id in ids)
        return frame(b'{"total":"%d","contacts":{' % self.options.contacts + rows + b"}}")

    def stored(self, rows: list[dict[str, Any]]) -> bytes:
        """Keep *rows*; the answer tells their ids."""
        shown = []
        codes = []
        for row in rows:
            email = str(row.get("email"))
            codes.append(200 if email in self.rows else 201)
            self.writes[email] = self.writes.get(email, 0) + 1
            number = self.rows.setdefault(email, {"id": len(self.rows) + 1})["id"]
            self.rows[email].update(row)
            found: list[str] = []
            if isinstance(row.get("customObjects"), dict):
                for group in row["customObjects"].get("data", []):
                    found += [item["name"] for item in group["data"]]
            self.items.setdefault(email, []).extend(found)
            shown.append(self.row.replace(b"%d", b"%d" % number))
        return b'{"contacts":[' + b",".join(shown) + b'],"statusCodes":' + json.dumps(codes).encode() + b"}"

    def audit(self, expected: int) -> dict[str, int]:
        """Rows right, wrong, lost and doubled, against what `_bodies.contact_body` makes."""
        right = wrong = doubled = 0
        for number in range(expected):
            want = _bodies.contact_body(number)
            email = str(want["email"])
            have = self.rows.get(email)
            if have is None:
                continue
            fields = {key: value for key, value in want.items() if key not in {"tags", "customObjects"}}
            names = _bodies.item_names(number)
            tags = have.get("tags")
            tags = [tags] if isinstance(tags, str) else tags
            same = all(str(have.get(key)) == str(value) for key, value in fields.items()) and tags == want["tags"]
            if len(self.items[email]) > len(names) or self.writes[email] > 1:
                doubled += 1
            elif same and self.items[email] == names:
                right += 1
            else:
                wrong += 1
        lost = expected - sum(1 for number in range(expected) if _bodies.email(number) in self.rows)
        return {"right": right, "wrong": wrong, "lost": lost, "doubled": doubled, "requests": self.requests}


def frame(body: bytes, status: int = 200, more: bytes = b"") -> bytes:
    return HEAD % (status, len(body), RATE + more) + body


class Canned(asyncio.Protocol):
    """One connection: a request, an answer, in turn."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.buffer = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.buffer = buffer = self.buffer + data if self.buffer else data
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        length = 0
        if not buffer.startswith(b"GET"):
            head = buffer[:end].lower()
            at = head.find(b"content-length:")
            if at >= 0:
                length = int(head[at + 15 : head.find(b"\r\n", at) if head.find(b"\r\n", at) > 0 else end])
        if len(buffer) < end + 4 + length:
            return
        self.buffer = b""
        method, target, _ = buffer[: buffer.index(b"\r\n")].split(b" ", 2)
        self.serve(method, target.decode(), buffer[end + 4 : end + 4 + length], buffer[:end])

    def serve(self, method: bytes, target: str, body: bytes, head: bytes) -> None:
        state = self.state
        assert self.transport is not None
        if target.startswith("/oauth"):
            self.transport.write(state.token)
        elif target.startswith("/audit/"):
            self.transport.write(frame(json.dumps(state.audit(int(target[7:]))).encode()))
        elif target == "/reset":
            state.__init__(state.options)  # type: ignore[misc]  # anew
            self.transport.write(frame(b"{}"))
        elif target.startswith("/set/"):
            for name, value in parse_qsl(target[5:]):
                setattr(state.options, name, float(value))
            state.__init__(state.options)  # type: ignore[misc]  # anew
            self.transport.write(frame(b"{}"))
        elif target.startswith("/api/fields"):
            self.transport.write(frame(_bodies.field_definitions()))
        elif method != b"GET":
            task = asyncio.ensure_future(self.write_rows(target, body, head))
            task.add_done_callback(lambda done: done.result() if not done.cancelled() else None)
        elif target.startswith("/api/contacts?"):
            found = ABOVE.search(unquote(target))
            above = int(found[1]) if found else 0
            count = min(state.options.page, state.options.contacts - above)
            self.transport.write(state.page(above, int(count)) if count > 0 else frame(EMPTY))
        elif state.options.delay:
            asyncio.get_running_loop().call_later(state.options.delay, self.transport.write, state.one)
        else:
            self.transport.write(state.one)

    async def write_rows(self, target: str, body: bytes, head: bytes) -> None:
        state, options = self.state, self.state.options
        state.requests += 1
        rows: list[dict[str, Any]] = []
        if options.store:
            if b"urlencoded" in head.lower():
                rows = [dict(parse_qsl(body.decode()))]
            else:
                sent = json.loads(body)
                rows = sent if isinstance(sent, list) else [sent]
        count = len(rows) or body.count(b'"email"')
        loop = asyncio.get_running_loop()
        if not state.free:
            turn = loop.create_future()
            state.waiting.append((0.0, turn))
            await turn
        else:
            state.free -= 1
        await asyncio.sleep(options.fixed + options.each * count)
        if state.waiting:
            state.waiting.popleft()[1].set_result(None)
        else:
            state.free += 1
        assert self.transport is not None
        if not options.store:
            self.transport.write(state.batch(count))
            return
        answer = state.stored(rows)
        if "/batch/" not in target:
            answer = b'{"contact":' + json.dumps(json.loads(answer)["contacts"][0]).encode() + b"}"
        self.transport.write(frame(answer, 201))


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--row", default="lean", help="lean, full or items: the contact in answers")
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--page", type=int, default=200)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before the answer to a read")
    parser.add_argument("--fixed", type=float, default=0.0, help="seconds a write takes")
    parser.add_argument("--each", type=float, default=0.0, help="seconds a row of a write takes")
    parser.add_argument("--workers", type=int, default=0, help="writes at once; 0: any number")
    parser.add_argument("--store", action="store_true", help="keep the rows and count them")
    state = State(parser.parse_args())
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Canned(state), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
