"""Answers before they are bytes: bodies, and every shape of error the real server has."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing.http import Headers, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = "5.1.1"
BROKEN: Final = (
    "Looks like I encountered an error (error #{}). If I do it again, please report me to the system administrator!"
)
NOT_FOUND: Final = "Item was not found."
DENIED: Final = "You do not have access to the requested area/action."


@dataclass(slots=True)
class Said:
    """What an action answers.

    Attributes:
        body: JSON; bytes are sent as they are.
        status: HTTP status.
        location: Path for the ``Location`` header.
        versioned: Whether the controller's ``view()`` made it, so that ``Mautic-Version`` is there.
        media_type: Content type.
        headers: More of them.
    """

    body: Any
    status: int = 200
    location: str | None = None
    versioned: bool = True
    media_type: str = "application/json"
    headers: Headers = field(default_factory=list)


class Refused(Exception):
    """A controller says no (E1, E2): ``code``, ``message``, ``details``.

    Attributes:
        draft: For an edit in a batch: the entity with the values that were not saved.
    """

    def __init__(self, status: int, message: str, details: Any = None, draft: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details = [] if details is None else details
        self.draft = draft

    def said(self) -> Said:
        """As the answer of a single call. A code that is no HTTP status breaks the server."""
        if not 100 <= self.status < 600:
            return Crash().said()
        return Said({"errors": [{"code": self.status, "message": self.message, "details": self.details}]}, self.status)

    def row(self) -> dict[str, Any]:
        """As the error of one row of a batch."""
        return {"code": self.status, "message": self.message, "details": self.details, "type": None}


class RowRefused(Refused):
    """The batch itself, not the form, refuses a row (404, 403, no id)."""

    def row(self) -> dict[str, Any]:
        """The other shape of a row's error."""
        return {"message": self.message, "code": self.status, "type": "api"}


class Crash(Exception):
    """An exception nobody caught (E7): the whole request fails; what was stored before stays.

    Args:
        status: HTTP status and ``code``.
        message: Shown instead of the generic text.
        type: ``access_denied`` and the like, or None.
    """

    def __init__(self, status: int = 500, message: str | None = None, type: str | None = None) -> None:
        super().__init__(message or BROKEN.format(status))
        self.status = status
        self.type = type

    def said(self) -> Said:
        """As the answer; it has no ``Mautic-Version``."""
        error = {"message": str(self), "code": self.status, "type": self.type}
        return Said({"errors": [error]}, self.status, versioned=False)


def missing(message: str = NOT_FOUND) -> Refused:
    """404: the entity is not there."""
    return Refused(404, message)


def denied() -> Refused:
    """403: no permission."""
    return Refused(403, DENIED)


def invalid(problems: Mapping[str, str | list[str]], status: int = 400, draft: Any = None) -> Refused:
    """400: the form found something; *problems* is the last message per field, in the form's order."""
    details = {name: [one] if isinstance(one, str) else one for name, one in problems.items()}
    message = ", ".join(f"{name}: {', '.join(said)}" for name, said in details.items())
    return Refused(status, message, details, draft)


def encode(body: Any) -> bytes:
    """JSON as PHP prints it: compact, ASCII, with the slashes escaped."""
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def respond(said: Said, date: str, more: Headers) -> Response:
    """The bytes of an answer."""
    body = said.body if isinstance(said.body, bytes) else _encode(said.body)
    headers: Headers = [("Content-Type", said.media_type), ("Cache-Control", "no-cache, private"), ("Date", date)]
    if said.location is not None:
        headers.append(("Location", said.location))
    if said.versioned:
        headers.append(("Mautic-Version", VERSION))
    headers += said.headers
    headers += more
    return Response(said.status, headers, body)


def _fast() -> Any:
    try:
        import orjson
    except ImportError:
        return encode
    return orjson.dumps


_encode = _fast()
