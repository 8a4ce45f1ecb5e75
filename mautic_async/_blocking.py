"""A synchronous client for scripts and notebooks: the asyncio client on an event loop in a thread of its own.

The thread makes it work in a notebook, too, whose own event loop is already running.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from typing import TYPE_CHECKING, Any, Self, TypeVar

from attrs import define

from mautic_async.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from types import TracebackType

    from mautic_async.client import Mautic

T = TypeVar("T")


def blocking(client: Mautic) -> BlockingMautic:
    """Return a synchronous client that makes its calls through *client*.

    Every method blocks until its result is there. An ``iterate`` is an iterator, and a bulk job runs to its end and
    returns its report. Exceptions are those of the asyncio client. Any thread may use it.

    Args:
        client: A client that no event loop has used yet; it is closed at the end of the ``with`` block.

    Example:
        ::

            with mautic_async.blocking(Mautic("https://mautic.example.com", auth=...)) as mautic:
                print(mautic.contacts.get(42).email)
    """
    return BlockingMautic(client)


class BlockingMautic:
    """The synchronous form of a `Mautic`, with the same namespaces and methods; see `blocking`.

    Args:
        client: The asyncio client.
    """

    def __init__(self, client: Mautic) -> None:
        self._client = client
        self._loop = _LoopThread()

    def __enter__(self) -> Self:
        self._loop.start()
        try:
            self._loop.run(self._client.__aenter__())
        except BaseException:
            self._loop.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._loop.run(self._client.aclose())
        finally:
            self._loop.stop()

    def __getattr__(self, name: str) -> Any:
        # Also a property is read on the event loop: that of the rate limit asks for its time.
        return _wrap(self._loop.run(_call(getattr, self._client, name)), self._loop)

    def __dir__(self) -> list[str]:
        return [name for name in dir(self._client) if not name.startswith("_")]

    def __repr__(self) -> str:
        return f"blocking({self._client!r})"


@define
class _Namespace:
    """The synchronous form of a namespace."""

    _namespace: Any
    _loop: _LoopThread

    def __getattr__(self, name: str) -> Any:
        return _wrap(getattr(self._namespace, name), self._loop)

    def __dir__(self) -> list[str]:
        return [name for name in dir(self._namespace) if not name.startswith("_")]

    def __repr__(self) -> str:
        return f"blocking({self._namespace!r})"


def _wrap(value: Any, loop: _LoopThread) -> Any:
    """Return the synchronous form of an attribute: of a namespace, a method, or a plain value."""
    if type(value).__module__.startswith("mautic_async.resources."):
        return _Namespace(value, loop)
    if not inspect.ismethod(value):
        return value

    @functools.wraps(value)
    def call(*args: Any, **named: Any) -> Any:
        # A plain method runs on the event loop, too: it may start a task or read the loop's time.
        result = loop.run(_call(value, *args, **named))
        if hasattr(result, "__aiter__"):
            return _iterate(result, loop)
        if hasattr(result, "__aenter__"):
            raise ConfigurationError(f"{value.__name__}() needs `async with`; use the asyncio client for it")
        return result

    return call


def _iterate(source: AsyncIterator[T], loop: _LoopThread) -> Iterator[T]:
    """Yield what *source* yields; close it if the caller stops early."""
    ended = object()
    try:
        while (item := loop.run(anext(source, ended))) is not ended:
            yield item  # type: ignore[misc]  # not the sentinel
    finally:
        # An iterator that is left early may have a task that reads ahead; closing it ends the task.
        close = getattr(source, "aclose", None)
        if close is not None:
            loop.run(close())


class _LoopThread:
    """An event loop in a daemon thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; raise ConfigurationError if it was started before."""
        if self._thread is not None:
            raise ConfigurationError("this client was used in a `with` block before; make a new one")
        started = threading.Event()
        self._thread = threading.Thread(target=self._serve, args=(started.set,), name="mautic_async", daemon=True)
        self._thread.start()
        started.wait()

    def _serve(self, started: Callable[[], None]) -> None:
        with asyncio.Runner() as runner:
            self._loop = runner.get_loop()
            # Called by the running loop, so that `start` returns only when calls can be served.
            self._loop.call_soon(started)
            self._loop.run_forever()

    def run(self, work: Awaitable[T]) -> T:
        """Wait for *work* on the event loop, and return its result; if the wait is interrupted, cancel *work*.

        Raises:
            ConfigurationError: The ``with`` block has not begun, or has ended.
        """
        if self._loop is None or self._loop.is_closed():
            if inspect.iscoroutine(work):
                # A coroutine that is never awaited would warn.
                work.close()
            raise ConfigurationError("use this client inside `with blocking(...) as mautic:`")
        future = asyncio.run_coroutine_threadsafe(_as_coroutine(work), self._loop)
        try:
            return future.result()
        except BaseException:  # Ctrl-C among them
            future.cancel()
            raise

    def stop(self) -> None:
        """Stop the event loop, and wait for the thread."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()


async def _call(function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """Call *function* on the event loop, and await its result if that is needed."""
    result = function(*args, **named)
    return await result if inspect.isawaitable(result) else result


async def _as_coroutine(work: Awaitable[T]) -> T:
    return await work
