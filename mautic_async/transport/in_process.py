"""An httpx transport that hands requests to a server object in the same process: the simulator, or one of a test."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping


def in_process(server: Any, module: Any = None) -> Any:
    """Return an httpx transport that hands requests to *server*, with the client's time-outs.

    Args:
        server: Has ``async exchange(method, target, headers, body) -> (status, headers, body)``. It raises
            `ConnectionRefusedError` (no request was taken), `ConnectionResetError` (no response), or an exception with
            ``status``, ``headers`` and ``body`` (a response that breaks off after that body).
        module: The HTTP library whose client will use the transport; httpx by default.
    """
    if module is None:
        import httpx as module

    class _TruncatedStream(module.AsyncByteStream):  # type: ignore[misc]  # the base is chosen at run time
        def __init__(self, body: bytes) -> None:
            self._body = body

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield self._body
            raise module.RemoteProtocolError("peer closed connection without sending complete message body")

    class InProcess(module.AsyncBaseTransport):  # type: ignore[misc]  # the base is chosen at run time
        name = "in process"

        async def handle_async_request(self, request: Any) -> Any:
            timeouts: Mapping[str, float] = request.extensions.get("timeout", {})
            body = await request.aread()
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers.raw}
            target = request.url.raw_path.decode("ascii")
            try:
                # Of the time-outs only this one applies, since there is no connection.
                async with asyncio.timeout(timeouts.get("read")):
                    status, fields, content = await server.exchange(request.method, target, headers, body)
            except TimeoutError as error:
                raise module.ReadTimeout("no answer", request=request) from error
            except ConnectionRefusedError as error:
                raise module.ConnectError("All connection attempts failed", request=request) from error
            except ConnectionError as error:
                raise module.ReadError("", request=request) from error
            except Exception as error:
                cut: Any = error
                # Not a response that breaks off, but a bug of the server object.
                if not hasattr(error, "body"):
                    raise
                return module.Response(cut.status, headers=cut.headers, stream=_TruncatedStream(cut.body))
            return module.Response(status, headers=fields, stream=module.ByteStream(content))

    return InProcess()
