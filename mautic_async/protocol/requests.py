"""The HTTP request of a call: headers, and the body as JSON or as a file. Mautic: REST API, Getting started."""

from __future__ import annotations

from typing import Final

from mautic_async.errors import ConfigurationError
from mautic_async.protocol.call import Call, Request
from mautic_async.protocol.json import JsonLibrary
from mautic_async.protocol.multipart import encode_multipart
from mautic_async.protocol.paths import query_string

USER_AGENT: Final = "mautic_async/0.1"
JSONLD_TYPES: Final = {
    "PATCH": "application/merge-patch+json",
    "POST": "application/ld+json",
    "PUT": "application/ld+json",
}


def build_request(call: Call, library: JsonLibrary, timeout: float | None) -> Request:
    """Return the HTTP request of *call*, not signed yet.

    Args:
        call: The call.
        library: Writes the body.
        timeout: Seconds to wait for the response.

    Raises:
        ConfigurationError: The body cannot be written as JSON.
    """
    headers = {"accept": "application/ld+json" if call.jsonld else "application/json", "user-agent": USER_AGENT}
    content: bytes | None = None
    if call.file is not None:
        content, headers["content-type"] = encode_multipart(call.file)
    elif call.text is not None or call.body is not None:
        try:
            content = call.text or library.dumps(call.body)
        except (TypeError, ValueError, RecursionError) as error:
            error.__traceback__ = None  # its frames hold the body
            raise ConfigurationError(f"{call}: the body cannot be written as JSON: {error}") from error
        headers["content-type"] = (
            JSONLD_TYPES.get(call.method, "application/json") if call.jsonld else "application/json"
        )
    return Request(
        call.method,
        f"api/{call.path}",
        query_string(call.query),
        headers,
        content,
        timeout,
        call.write_to,
    )


MAX_AUTHORIZATION: Final = 16 * 2**10
"""Characters of an Authorization header. Web servers refuse longer ones; some refuse half of it."""


def sign_request(request: Request, header: str) -> Request:
    """Return *request* with the Authorization header *header*.

    Raises:
        ConfigurationError: The header is not visible ASCII, or longer than web servers take.
    """
    if not header.isascii() or not header.isprintable() or len(header) > MAX_AUTHORIZATION or header != header.strip():
        raise ConfigurationError(
            f"the Authorization header must be visible ASCII, at most {MAX_AUTHORIZATION} characters;"
            " check the credentials for line breaks, and for spaces around them"
        )
    # `attrs.evolve` would take five times as long.
    headers = {**request.headers, "authorization": header}
    return Request(
        request.method,
        request.path,
        request.query,
        headers,
        request.content,
        request.timeout,
        request.write_to,
    )
