"""What every transport offers to the pipeline, and what all of them need."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Final, Protocol

from attrs import frozen

from mautic_async.errors import TransportError, UnexpectedResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mautic_async.protocol import Request, Response

MAX_HEADERS: Final = 200


@frozen(kw_only=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        connect: For a connection.
        read: For the next bytes of an answer to a read.
        write: For the server to take the next bytes of a request.
        server: For the next bytes of an answer to a write. A write that is given up goes on in PHP, so a short time
            here creates load and doubt, never speed; a proxy's own limit is usually 60.
        drain: How long closing the client waits for requests under way.
    """

    connect: float = 5.0
    read: float = 30.0
    write: float = 30.0
    server: float = 120.0
    drain: float = 10.0

    def total(self, read: float) -> float:
        """Return how long one exchange may take in all, if its answer has *read* seconds between its bytes."""
        return self.connect + self.write + 2 * read


class Transport(Protocol):
    """Sends one request at a time below a base URL, with caps on time and size.

    Attributes:
        base: From `parse_base_url`. Every request goes below it, so that a token can reach no other place.
        timeouts: In seconds.
    """

    base: str
    timeouts: Timeouts

    async def exchange(self, request: Request) -> Response:
        """Send *request* and read its answer to the end.

        Raises:
            TransportError: No answer came, or not all of it; its `event` says what is known.
            UnexpectedResponse: The answer is larger than any that Mautic gives, or not what its headers say.
            ConfigurationError: The request cannot be sent at all.
        """
        ...

    async def aclose(self) -> None:
        """Close all connections that are the transport's own."""
        ...

    def __repr__(self) -> str:
        """Return the base URL and what is in use beneath."""
        ...


def parse_headers(status: int, raw: Sequence[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers of an answer by their lower-case names.

    Raises:
        UnexpectedResponse: There are too many, or the answer is a change of protocols.
    """
    if status < 200:  # aiohttp hands on a change of protocols that nobody asked for
        raise UnexpectedResponse("an answer that is none: the server went on to something else", status=101)
    if len(raw) > MAX_HEADERS:
        raise UnexpectedResponse(f"an answer with {len(raw)} headers", status=status)
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}


def too_late(seconds: float) -> TransportError:
    """Return the error of an exchange that took more than *seconds* in all."""
    return TransportError(
        f"no whole answer within {seconds:.0f} s; the server may still be at work", kind="read-timeout"
    )


def is_about_certificate(error: BaseException | None) -> bool:
    """Return True if *error* or one beneath it says that the server's certificate is refused."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def strip_error(error: Exception) -> Exception:
    """Strip message, traceback and causes from *error*, and return it: they may contain credentials or bodies."""
    error.__traceback__ = error.__cause__ = error.__context__ = None
    error.args = ()
    return error
