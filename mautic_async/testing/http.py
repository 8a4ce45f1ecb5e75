"""Requests and responses of the simulator as plain data, independent of how they are carried."""

from __future__ import annotations

from dataclasses import dataclass, field

Headers = list[tuple[str, str]]


@dataclass(slots=True)
class Request:
    """One HTTP request as the web server hands it to PHP.

    Attributes:
        method: HTTP verb in capitals.
        path: Decoded path, without the query.
        query: The raw query string.
        headers: Names in lower case.
        body: The bytes, complete.
    """

    method: str
    path: str
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(slots=True)
class Response:
    """One HTTP answer.

    Attributes:
        drip_seconds: Seconds the body takes to arrive.
    """

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    drip_seconds: float = 0.0


class Truncated(Exception):
    """The connection broke after part of the answer had been sent.

    Attributes:
        status: The HTTP status of the answer.
        headers: All of its headers.
        body: The part that arrived.
    """

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        super().__init__(f"cut after {len(body)} bytes")
        self.status = status
        self.headers = headers
        self.body = body
