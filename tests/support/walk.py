"""The way of a call: the frames between the public method and httpx, and the files whose functions run on the way.

``python -m tests.support.walk`` writes them, in order, into `docs/architecture.md`. A file counts if the profiler sees a call of one of its functions between the
call of the public method, on a client that has made such a call before, and the moment at which the HTTP library's
transport gets the request. For bulk jobs it counts from the moment at which the job takes the row from its source. The
response is not part of the way, nor are files outside the package or in its simulator.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import httpx
from attrs import define, field

from mautic_async import Contact, Mautic
from mautic_async.testing import FakeMautic

PACKAGE = Path(__file__).resolve().parents[2] / "mautic_async"
ARCHITECTURE = PACKAGE.parent / "docs" / "architecture.md"
BEGIN, END = "<!-- the walk: written by python -m tests.support.walk -->\n", "<!-- end of the walk -->\n"


def own_file(code: Any) -> str | None:
    path = Path(code.co_filename)
    if not path.is_relative_to(PACKAGE) or path.is_relative_to(PACKAGE / "testing"):
        return None
    return path.relative_to(PACKAGE).as_posix()


@define
class Walk:
    """Records one way to the transport."""

    files: list[str] = field(factory=list)
    frames: list[str] = field(factory=list)
    _is_on: bool = False

    def begin(self) -> None:
        self.files.clear()
        self._is_on = True
        sys.setprofile(self._on_event)

    def _on_event(self, frame: FrameType, event: str, _: object) -> None:
        file = own_file(frame.f_code) if event == "call" else None
        if file is not None and file not in self.files:
            self.files.append(file)

    def arrive(self) -> None:
        """Stop at the transport, and keep the frames of the request and of the task that waits for it."""
        if not self._is_on:
            return
        self._is_on = False
        sys.setprofile(None)
        here = [frame.frame.f_code for frame in inspect.stack()]
        self.frames = [name_of(code) for code in reversed(here) if own_file(code)]
        for task in asyncio.all_tasks():
            chain = list(awaited(task.get_coro()))
            if any(name.endswith("Attempt.run") for name in chain):
                self.frames = chain + self.frames


def awaited(coroutine: Any) -> Any:
    """Yield the names of the package's functions that a task waits in, outermost first."""
    while inspect.iscoroutine(coroutine):
        if own_file(coroutine.cr_code):
            yield name_of(coroutine.cr_code)
        coroutine = coroutine.cr_await


def name_of(code: Any) -> str:
    return str(code.co_qualname)


@define
class WalkedTransport(httpx.AsyncBaseTransport):
    """Hands requests on, and tells the walk."""

    inner: httpx.AsyncBaseTransport
    walk: Walk

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.walk.arrive()
        return await self.inner.handle_async_request(request)


@asynccontextmanager
async def walked_client() -> AsyncIterator[tuple[Mautic, Walk]]:
    walk = Walk()
    async with FakeMautic() as fake:
        transport = WalkedTransport(fake.transport, walk)
        async with Mautic(fake.url, auth=fake.auth, transport=transport) as mautic:
            for number in range(50):
                await mautic.contacts.create(Contact(email=f"a{number}@example.com"))
            yield mautic, walk


async def walk_call(work: Callable[[Mautic], Awaitable[object]]) -> Walk:
    """Return the way of *work*, done for the second time."""
    async with walked_client() as (mautic, walk):
        await work(mautic)
        walk.begin()
        try:
            await work(mautic)
        finally:
            sys.setprofile(None)
        return walk


async def walk_bulk_row() -> Walk:
    """Return the way of a row of the second bulk job, from its source."""

    async def rows(*, walked: bool) -> AsyncIterator[Contact]:
        row = Contact(email="a1@example.com", firstname="Ada")
        if walked:
            walk.begin()
        yield row

    async with walked_client() as (mautic, walk):
        await mautic.contacts.bulk_upsert(rows(walked=False))
        try:
            await mautic.contacts.bulk_upsert(rows(walked=True))
        finally:
            sys.setprofile(None)
        return walk


async def walk_get() -> Walk:
    """Return the way of a single read."""
    return await walk_call(lambda mautic: mautic.contacts.get(42))


async def walk_edit() -> Walk:
    """Return the way of a single write."""
    changes = Contact(firstname="Ada")
    return await walk_call(lambda mautic: mautic.contacts.edit(42, changes))


WALKS: dict[str, Callable[[], Awaitable[Walk]]] = {
    "contacts.get(42)": walk_get,
    'contacts.edit(42, Contact(firstname="Ada"))': walk_edit,
    "one row of contacts.bulk_upsert(rows)": walk_bulk_row,
}


def render(walks: dict[str, Walk]) -> str:
    """Return the section of the architecture page."""
    return "".join(
        f"`{title}`: {len(walk.frames)} frames, {len(walk.files)} files.\n\n"
        f"- Frames: {', '.join(f'`{name}`' for name in walk.frames)}\n"
        f"- Files: {', '.join(f'`{name}`' for name in walk.files)}\n\n"
        for title, walk in walks.items()
    )


def documented() -> str:
    """Return the section as it is in the architecture page."""
    return ARCHITECTURE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]


async def main() -> None:
    """Write the section."""
    text = ARCHITECTURE.read_text(encoding="utf-8")
    fresh = render({title: await walk() for title, walk in WALKS.items()})
    ARCHITECTURE.write_text(text.replace(BEGIN + documented() + END, BEGIN + fresh + END), encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main())
