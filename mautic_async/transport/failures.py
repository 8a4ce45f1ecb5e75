"""The errors of both transports: each names the host and the call, says what is known, and what to check."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import frozen

from mautic_async.errors import TransportError, sanitize

if TYPE_CHECKING:
    from mautic_async.protocol import Request
    from mautic_async.transport.interface import Timeouts


@frozen
class Exchange:
    """One request on its way, as error messages name it.

    Attributes:
        request: The request.
        host: Host and port, such as ``crm.example.com:443``.
        timeouts: The client's time-outs.
        proxy: Host and port of the proxy, or None.
    """

    request: Request
    host: str
    timeouts: Timeouts
    proxy: str | None = None

    def __str__(self) -> str:
        """Return method and path, without the query: it may hold addresses."""
        return f"{self.request.method} {self.request.path.removeprefix('api/')}"

    def no_connection(self, error: BaseException) -> TransportError:
        """Return the error for a connection that could not be made: nothing was sent."""
        # httpx and aiohttp wrap the same OSErrors in different classes, so the chain of causes decides.
        reasons = list(causes(error))
        if any(isinstance(reason, ssl.SSLCertVerificationError) for reason in reasons):
            return self.bad_certificate(error)
        reason, check = _explain(reasons, self.timeouts.connect)
        way = f" through the proxy {self.proxy}" if self.proxy else ""
        check = f"{check}, and the proxy" if self.proxy else check
        return TransportError(f"no connection to {self.host}{way} for {self}: {reason}; {check}", kind="connect")

    def bad_certificate(self, error: BaseException) -> TransportError:
        """Return the error for a certificate that was refused: nothing was sent."""
        found = [reason for reason in causes(error) if isinstance(reason, ssl.SSLCertVerificationError)]
        reason = sanitize(getattr(found[0] if found else None, "verify_message", str(error)), 200)
        return TransportError(
            f"no connection to {self.host} for {self}: its certificate is refused ({reason}); if an authority of your"
            " own has signed it, name that authority by ca= or SSL_CERT_FILE",
            kind="certificate",
        )

    def too_late(self, seconds: float) -> TransportError:
        """Return the error for a response that did not come, or not whole, within *seconds*."""
        return TransportError(
            f"no whole response from {self.host} to {self} within {seconds:.0f} s; the server may still be at work"
            " (Timeouts sets how long to wait)",
            kind="read-timeout",
        )

    def not_sent_whole(self, error: BaseException) -> TransportError:
        """Return the error for a request whose body was cut."""
        return TransportError(
            f"{self} did not go out whole to {self.host}: {sanitize(str(error) or type(error).__name__, 200)}",
            kind="write",
        )

    def disconnected(self, reason: str) -> TransportError:
        """Return the error for a connection that broke before the whole response had come."""
        return TransportError(
            f"the connection to {self.host} broke before the whole response to {self} came: {reason}",
            kind="disconnected",
        )


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield *error* and the errors beneath it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _explain(reasons: list[BaseException], connect: float) -> tuple[str, str]:
    """Return the reason of a failed connection in plain words, and what to check."""
    for reason in reasons:
        # From the special to the general: a refusal is a ConnectionError, too.
        if isinstance(reason, socket.gaierror):
            return "name not known", "check the base URL"
        if isinstance(reason, ConnectionRefusedError):
            return "refused", "check host and port of the base URL, and that the server is running"
        if isinstance(reason, ssl.SSLError):
            return f"no TLS ({sanitize(str(reason), 100)})", "check scheme and port of the base URL"
        if isinstance(reason, ConnectionError):
            return "closed by the server at once", "check scheme and port of the base URL, and that it takes TLS 1.2"
        if isinstance(reason, TimeoutError):
            return f"none within {connect:.0f} s", "check the base URL and firewalls, or raise Timeouts(connect=...)"
    return sanitize(str(reasons[0]) or type(reasons[0]).__name__, 200), "check the base URL"


def strip_error(error: Exception) -> Exception:
    """Strip message, traceback and causes from *error*, and return it: they may contain credentials or bodies."""
    error.__traceback__ = error.__cause__ = error.__context__ = None
    error.args = ()
    return error
