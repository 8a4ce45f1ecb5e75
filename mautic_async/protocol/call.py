"""What is asked and what comes back, as values."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from attrs import field, frozen

from mautic_async.models._base import JSON

QueryParams: TypeAlias = tuple[tuple[str, str], ...]
"""Query parameters, in order; names may repeat."""

ByteSink: TypeAlias = Callable[[bytes], object]
"""Takes pieces of a file, in order."""


class Effect(enum.Enum):
    """What a call does to the server when it is applied twice."""

    READ = "read"
    """Nothing."""
    IDEMPOTENT = "set"
    """The same as once."""
    UPSERT = "upsert"
    """The same as once, if the first has ended before the second begins."""
    NON_IDEMPOTENT = "append"
    """Adds something each time."""


@frozen
class FilePart:
    """One file of a multipart body."""

    filename: str
    content: bytes = field(repr=False)
    name: str = "file"
    media_type: str = "application/octet-stream"


@frozen
class Call:
    """One thing asked of Mautic, before anybody decides when and how often.

    Attributes:
        method: HTTP verb in capitals.
        path: Below ``/api/``, already quoted: build it with `path`.
        effect: What a repetition would do.
        query: Parameters, in order.
        body: A JSON value, or None for no body. A list is sent as a list.
        file: Sent as multipart/form-data instead of *body*.
        text: The body as JSON text, where it is ready; instead of *body*.
        row_count: How many entities a batch holds, or 0.
        is_batch: Whether the answer reports row by row, so that its ``errors`` are not the call's.
        follow_302_body: Whether a 302 carries the result (campaign clone does).
        binary: Whether the answer is a file, not JSON.
        background: Whether interactive calls go first (bulk jobs).
        retryable: Whether the pipeline may repeat it at all; bulk decides for itself.
        timeout: Seconds to wait for the answer, or None for the client's own.
        jsonld: Whether it is below ``/api/v2/`` (JSON-LD).
        write_to: Takes the bytes of a `binary` answer as they come, instead of keeping them.
        job_requests_left: Requests that the background job behind it still needs at most, this one included; None: not
    known.
    """

    method: str
    path: str
    effect: Effect = Effect.READ
    query: QueryParams = field(default=(), repr=False)
    body: JSON = field(default=None, repr=False)
    file: FilePart | None = field(default=None, repr=False)
    text: bytes | None = field(default=None, repr=False)
    row_count: int = 0
    is_batch: bool = False
    follow_302_body: bool = False
    binary: bool = False
    background: bool = False
    retryable: bool = True
    timeout: float | None = None
    jsonld: bool = False
    write_to: ByteSink | None = field(default=None, repr=False)
    job_requests_left: int | None = None

    def __str__(self) -> str:
        """Method and path, without the query: it may hold addresses."""
        return f"{self.method} {self.path}"


@frozen
class Request:
    """One HTTP request, relative to the site's base URL, ready to be signed."""

    method: str
    path: str
    query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    timeout: float | None = None
    write_to: ByteSink | None = field(default=None, repr=False)


@frozen
class Response:
    """One HTTP answer, decompressed; header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)


@frozen
class Payload:
    """What a successful call gave.

    Attributes:
        status: The HTTP status: 201 created, 200 otherwise, 202 accepted.
        body: The parsed JSON; for a `Call.binary` the bytes are in *content* instead.
        content: The bytes of a file.
        headers: Lower-case names.
        attempts: How often the call was sent.
        seconds: From sending the request that succeeded to its answer, without waiting for the rate limiter.
    """

    status: int
    body: Any = field(default=None, repr=False)
    content: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    attempts: int = 1
    seconds: float = 0.0
