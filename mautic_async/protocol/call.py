"""Calls, requests, responses and payloads as values."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from attrs import field, frozen

from mautic_async.models._base import JSON

QueryParams: TypeAlias = tuple[tuple[str, str], ...]
"""Query parameters in order; names may repeat."""

ByteSink: TypeAlias = Callable[[bytes], object]
"""A callable that takes the bytes of a file, piece by piece."""


class Effect(enum.Enum):
    """The effect of a call that is applied twice."""

    READ = "read"
    """The call changes nothing."""
    IDEMPOTENT = "set"
    """The same as applied once."""
    UPSERT = "upsert"
    """The same as applied once, if the first has ended before the second begins."""
    NON_IDEMPOTENT = "append"
    """The call adds something each time."""


@frozen
class FilePart:
    """One file of a multipart body.

    Attributes:
        filename: Name of the file for the server.
        content: The bytes.
        name: Name of the form field.
        media_type: Value of ``Content-Type``.
    """

    filename: str
    content: bytes = field(repr=False)
    name: str = "file"
    media_type: str = "application/octet-stream"


@frozen
class Call:
    """A call of Mautic's API, however often it is sent.

    Attributes:
        method: HTTP verb in capitals.
        path: Path below ``/api/``, quoted: from `build_path`.
        effect: The effect of a repetition.
        query: Parameters in order.
        body: A JSON value, or None for no body.
        file: A file, sent as multipart/form-data instead of *body*.
        text: The body as JSON text, if it exists already; instead of *body*.
        row_count: Number of entities in a batch, or 0.
        is_batch: Whether the response reports row by row, so that its ``errors`` are not those of the call.
        follow_302_body: Whether a 302 carries the result, as for the clone of a campaign.
        binary: Whether the response is a file, not JSON.
        background: Whether interactive calls go first, as for bulk jobs.
        retryable: Whether the pipeline may send it again at all; bulk jobs decide for themselves.
        timeout: Seconds to wait for the response; None: the client's time-out.
        jsonld: Whether the path is below ``/api/v2/`` (JSON-LD).
        write_to: Takes the bytes of a `binary` response as they come, so that they are not kept.
        job_requests_left: Upper bound of the requests that the bulk job still sends, this one included, or None.
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
        """Return method and path, without the query: it may hold addresses."""
        return f"{self.method} {self.path}"


@frozen
class Request:
    """One HTTP request below the base URL. See `Call` for *write_to*; *timeout* is in seconds."""

    method: str
    path: str
    query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    timeout: float | None = None
    write_to: ByteSink | None = field(default=None, repr=False)


@frozen
class Response:
    """One HTTP response, decompressed; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)


@frozen
class Payload:
    """The result of a successful call.

    Attributes:
        status: HTTP status: 201 created, 202 accepted, else 200.
        body: The parsed JSON; None for a `Call.binary`.
        content: The bytes of a file, for a `Call.binary`.
        headers: The headers, with names in lower case.
        attempts: Number of times the call was sent.
        seconds: Time from sending the successful request to its response, without the wait for the rate limiter.
    """

    status: int
    body: Any = field(default=None, repr=False)
    content: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    attempts: int = 1
    seconds: float = 0.0
