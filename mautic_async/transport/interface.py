"""The protocol of a transport, and its time-outs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from attrs import frozen

from mautic_async.errors import UnexpectedResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mautic_async.protocol import Request, Response

MAX_HEADERS: Final = 200


@frozen(kw_only=True)
class Timeouts:
    """The time-outs of a client, in seconds.

    Attributes:
        connect: Wait for a connection.
        read: Wait for the next bytes of the response to a read.
        write: Wait until the server takes the next bytes of a request.
        server: Wait for the next bytes of the response to a write. A write that is given up goes on in PHP, so a short
            time-out creates load and unknown outcomes, never speed. A proxy's own limit is usually 60.
        drain: Wait for requests in flight when the client closes.
    """

    connect: float = 5.0
    read: float = 30.0
    write: float = 30.0
    server: float = 120.0
    drain: float = 10.0


class Transport(Protocol):
    """A sender of single requests below a base URL, with caps on time and size.

    Attributes:
        base: From `parse_base_url`. Every request goes below it, so that a token can reach no other place.
        timeouts: Time-outs in seconds.
    """

    base: str
    timeouts: Timeouts

    async def exchange(self, request: Request) -> Response:
        """Send *request* and read its response to the end.

        Raises:
            TransportError: No response came, or not all of it; its `kind` names the rule of the failure table.
            UnexpectedResponse: The response is larger than any of Mautic's, or its encoding is not as its headers say.
            ConfigurationError: The request cannot be sent at all.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections that are the transport's own."""
        ...

    def __repr__(self) -> str:
        """Return the base URL, the HTTP library and the proxy."""
        ...


def parse_headers(status: int, raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers of a response by their lower-case names.

    Raises:
        UnexpectedResponse: There are too many headers, or the response switches to another protocol.
    """
    if status < 200:  # aiohttp hands on a 101 although no request asks for one
        raise UnexpectedResponse("the server switched to another protocol, which no request asks for", status=101)
    if len(raw) > MAX_HEADERS:
        raise UnexpectedResponse(f"a response with {len(raw)} headers, more than {MAX_HEADERS}", status=status)
    # Latin-1 decodes any bytes, so a hostile header raises nothing here.
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}
