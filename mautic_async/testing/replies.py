"""Answers before they are bytes: bodies, and every shape of error the real server has."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing.http import Headers, Response

if TYPE_CHECKING:
    from collections.abc import Mapping

GENERIC_ERROR: Final = (
    "Looks like I encountered an error (error #{}). If I do it again, please report me to the system administrator!"
)
NOT_FOUND: Final = "Item was not found."
FORBIDDEN: Final = "You do not have access to the requested area/action."


@dataclass(slots=True)
class Reply:
    """The answer of an action.

    Attributes:
        body: JSON; bytes are sent as they are.
        status: HTTP status.
        location: Path for the ``Location`` header.
        has_version_header: Whether the controller's ``view()`` made it, so that ``Mautic-Version`` is there.
        media_type: Content type.
        headers: More of them.
    """

    body: Any
    status: int = 200
    location: str | None = None
    has_version_header: bool = True
    media_type: str = "application/json"
    headers: Headers = field(default_factory=list)


class ControllerError(Exception):
    """A controller says no (E1, E2): ``code``, ``message``, ``details``.

    Attributes:
        draft: For an edit in a batch: the entity with the values that were not saved.
    """

    def __init__(self, status: int, message: str, details: Any = None, draft: Any = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.details: Any = [] if details is None else details
        self.draft = draft

    def to_reply(self) -> Reply:
        """Return the error as the answer of a single call. A code that is no HTTP status breaks the server."""
        if not 100 <= self.status < 600:
            return UnhandledError().to_reply()
        return Reply({"errors": [{"code": self.status, "message": self.message, "details": self.details}]}, self.status)

    def to_row_error(self) -> dict[str, Any]:
        """Return the error as that of one row of a batch."""
        return {"code": self.status, "message": self.message, "details": self.details, "type": None}


class BatchRowError(ControllerError):
    """The batch itself, not the form, refuses a row (404, 403, no id)."""

    def to_row_error(self) -> dict[str, Any]:
        """Return the error of a row in the shape of the batch itself."""
        return {"message": self.message, "code": self.status, "type": "api"}


class UnhandledError(Exception):
    """An uncaught exception of the server (E7): the whole request fails, and what was stored before stays.

    Args:
        status: HTTP status and ``code``.
        message: Shown instead of the generic text.
        type: ``access_denied`` and the like, or None.
    """

    def __init__(self, status: int = 500, message: str | None = None, type: str | None = None) -> None:
        super().__init__(message or GENERIC_ERROR.format(status))
        self.status = status
        self.type = type

    def to_reply(self) -> Reply:
        """Return the answer; it has no ``Mautic-Version``."""
        error = {"message": str(self), "code": self.status, "type": self.type}
        return Reply({"errors": [error]}, self.status, has_version_header=False)


class PlainError(UnhandledError):
    """A 401 of Mautic 7 that does not have the shape of an error.

    Args:
        body: The body of the answer.
        media_type: Its content type.
        headers: More headers.
    """

    def __init__(self, body: bytes, media_type: str, headers: Headers) -> None:
        super().__init__(401)
        self._reply = Reply(body, 401, has_version_header=False, media_type=media_type, headers=headers)

    def to_reply(self) -> Reply:
        """Return the answer as it is."""
        return self._reply


def not_found(message: str = NOT_FOUND) -> ControllerError:
    """404: the entity is not there."""
    return ControllerError(404, message)


def forbidden() -> ControllerError:
    """403: no permission."""
    return ControllerError(403, FORBIDDEN)


def form_errors(problems: Mapping[str, str | list[str]], status: int = 400, draft: Any = None) -> ControllerError:
    """400: the form found something; *problems* is the last message per field, in the form's order."""
    details = {name: [problem] if isinstance(problem, str) else problem for name, problem in problems.items()}
    message = ", ".join(f"{name}: {', '.join(error)}" for name, error in details.items())
    return ControllerError(status, message, details, draft)


def to_json(body: Any) -> bytes:
    """JSON as PHP prints it: compact, ASCII, with the slashes escaped."""
    return json.dumps(body, separators=(",", ":")).replace("/", "\\/").encode()


def to_response(reply: Reply, date: str, extra_headers: Headers, version: str) -> Response:
    """Return an answer as bytes."""
    body = reply.body if isinstance(reply.body, bytes) else _json_dumps(reply.body)
    headers: Headers = [("Content-Type", reply.media_type), ("Cache-Control", "no-cache, private"), ("Date", date)]
    if reply.location is not None:
        headers.append(("Location", reply.location))
    if reply.has_version_header:
        headers.append(("Mautic-Version", version))
    headers += reply.headers
    headers += extra_headers
    return Response(reply.status, headers, body)


def _make_json_dumps() -> Any:
    try:
        import orjson
    except ImportError:
        return to_json
    return orjson.dumps


_json_dumps = _make_json_dumps()
