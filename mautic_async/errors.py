"""The exceptions of the package, and the classes of a failure's effect.

::

    MauticError
    |-- ConfigurationError      the settings or the input are wrong; nothing was sent (also a ValueError)
    |-- TransportError          no response came
    |-- UnexpectedResponse      a response that Mautic does not document
    |-- ValueNotKept            the entity is stored, but not all of its values: .problems .entity
    |-- OutcomeUnknown          the request may have been applied; the message says how to find out
    |-- Unavailable             the circuit breaker is open: the server was down a moment ago; nothing was sent
    |-- DeadlineExceeded        no time was left; nothing was sent
    |-- ReauthorizationNeeded   the refresh token is spent: the user must log in again
    |-- WebhookRejected         a webhook that is invalid, or was received before: .reason .status
    `-- APIError                Mautic refused: .status .problems .call .retry_after
        |-- AuthenticationError 401
        |-- PermissionDenied    403
        |-- NotFound            404
        |-- Rejected            400, 406, 409, 413, 414, 415, 422, 428 and every other 4xx
        |-- RateLimited         429
        `-- ServerError         5xx

Messages hold methods, paths, statuses and Mautic's own words, cleaned of control characters. They never hold a token, a
secret or an e-mail address.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Any, NoReturn

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence


class Fate(enum.Enum):
    """The known effect of a request on the server."""

    REFUSED = "refused"
    """Certainly not applied."""
    UNKNOWN = "unknown"
    """Possibly applied, wholly or in part."""
    DONE = "done"
    """Certainly applied; only the response is lost."""


class Action(enum.Enum):
    """The reaction to a failure."""

    RAISE = "raise"
    """Raise the error; a repetition would not help or would not be safe."""
    RETRY = "retry"
    """Send the request again after a pause."""
    RECONCILE_LATER = "reconcile-later"
    """Wait until the server has surely ended the request, look the rows up, and send the missing ones."""
    RECONCILE = "reconcile"
    """Look the rows up, send the missing ones, and search for the row that causes the failure if it comes again. Wait
    first if the server may still be working on the request."""
    SPLIT = "split"
    """Send the rows again in smaller batches."""
    REJECT = "reject"
    """Reject the row; the other rows go on."""
    ABORT = "abort"
    """End the whole job; every other row would fail, too."""


@frozen
class Verdict:
    """One cell of the failure table: the meaning of a failure for a call of one effect class.

    Attributes:
        kind: Row of the table, such as ``"read-timeout"``.
        fate: Known effect of the request.
        may_still_run: Whether the server may still be working on the request.
        single: Reaction for a single call.
        batch: Reaction for the rows of a batch.
        backoff_base: Base of the exponential back-off before a repetition, in seconds.
        max_attempts: Attempts in total, or None for the number of the retry policy.
        overload: Whether the failure means that the server is overloaded, so that concurrency is halved.
    """

    kind: str
    fate: Fate
    may_still_run: bool
    single: Action
    batch: Action
    backoff_base: float = 1.0
    max_attempts: int | None = None
    overload: bool = False


@frozen
class Problem:
    """One reason for a refusal.

    Attributes:
        message: Mautic's words, or the client's if it refused the row before sending it.
        field: The field that caused it, or None if the whole entity did.
        code: Mautic's code: usually the HTTP status, 0 for a failed custom item, sometimes a text.
        type: Mautic's name of the kind, such as ``invalid_grant``, or None.
    """

    message: str
    field: str | None = None
    code: int | str | None = None
    type: str | None = None

    def __str__(self) -> str:
        """Return the message after the name of the field."""
        return f"{self.field}: {self.message}" if self.field else self.message


_EMAIL = re.compile(
    r"""(?:(?<![^\s@<>"',;:()])(?:[^\s@%<>"',;:()]|%(?!40))++|"[^"@\r\n]{1,64}")(?:@|%40)[^\s<>"',;:()]++"""
)
"""Matches addresses of any length in linear time: possessive quantifiers look at each word once."""
_CONTROL_CHARACTERS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control and direction characters and halves of surrogate pairs, which can disturb a terminal or a log."""


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def sanitize(text: str, limit: int = 300) -> str:
    """Return *text* safe to print: control characters escaped, e-mail addresses masked, cut at *limit* characters."""
    # Cut before the search, so that a large body costs no time; masking may shorten the rest.
    cut = text[: limit * 4]
    # Masked before the last cut, which could leave half of an address that no longer looks like one.
    masked = _EMAIL.sub("<email>", cut)
    escaped = _CONTROL_CHARACTERS.sub(_escape, masked)
    return escaped if len(escaped) <= limit else escaped[:limit] + "..."


class MauticError(Exception):
    """Base class of all exceptions of the package.

    Attributes:
        verdict: Meaning of the failure by the failure table, or None if no request was involved.
        attempts: Number of times the request was sent before this was raised.
        history: Failures of the earlier attempts, oldest first.
        sent: False if the request was never sent, or was refused for its token and could not get another one.
    """

    verdict: Verdict | None = None
    attempts: int = 0
    history: tuple[MauticError, ...] = ()
    sent: bool = True


class ConfigurationError(MauticError, ValueError):
    """The settings or the input are wrong; nothing was sent. The message says what to change."""


class TransportError(MauticError):
    """A failure of the connection: no response came, or not all of it.

    Attributes:
        kind: Row of the failure table.
    """

    def __init__(self, message: str, *, kind: str = "disconnected") -> None:
        super().__init__(message)
        self.kind = kind


class UnexpectedResponse(MauticError):
    """A response that Mautic does not document, such as HTML, truncated JSON or a redirect.

    Attributes:
        status: HTTP status.
        kind: Row of the failure table.
    """

    def __init__(self, message: str, *, status: int = 0, kind: str = "undecodable-body") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class OutcomeUnknown(MauticError):
    """A request that may have been applied; sending it again could apply it twice.

    Attributes:
        call: Method and path.
        sent_at: Epoch seconds at which the last attempt was sent.
        may_still_run: Whether the server may still be working on it.
    """

    def __init__(self, message: str, *, call: str = "", sent_at: float = 0.0, may_still_run: bool = True) -> None:
        super().__init__(message)
        self.call = call
        self.sent_at = sent_at
        self.may_still_run = may_still_run


class ValueNotKept(MauticError):
    """A success after which Mautic has stored the entity without some of the values that were sent.

    The request was carried out, so it is not retried. The message and the problems name properties, never values.

    Attributes:
        problems: One for each value, with the path of its property as `Problem.field`, such as ``events[0].name``.
        entity: The entity as Mautic stored it, with its id.
        call: Method and path, such as ``PATCH segments/3/edit``.
    """

    def __init__(self, message: str, *, problems: Sequence[Problem], entity: Any, call: str = "") -> None:
        super().__init__(message)
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.entity = entity
        self.call = call


class Unavailable(MauticError):
    """An open circuit breaker: the server was down a moment ago, so nothing was sent.

    Attributes:
        retry_after: Seconds until the next probe.
    """

    def __init__(self, message: str, *, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DeadlineExceeded(MauticError):
    """The caller's deadline leaves no time for the request, so nothing was sent."""


class ReauthorizationNeeded(MauticError):
    """The refresh token is spent or revoked: the user must log in again."""


class WebhookRejected(MauticError):
    """A webhook that is invalid, or was received before. The message holds none of its content.

    Attributes:
        reason: ``size``, ``signature``, ``unreadable``, ``date`` or ``replay``.
        status: HTTP status to answer with. A replay gets 200, because Mautic itself may send a body twice after a
            time-out, and treats other statuses as a broken receiver. It is never 410, after which Mautic switches the
            webhook off.
    """

    def __init__(self, message: str, *, reason: str, status: int) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status


class APIError(MauticError):
    """A refusal by Mautic, or by a proxy before it.

    Attributes:
        status: HTTP status.
        problems: The reasons, one for each field or message; Mautic gives one message for each field.
        call: Method and path, such as ``PATCH segments/3/edit``.
        retry_after: Seconds after which the call may be tried again, or None.
        deliberate: Whether Mautic refused on purpose: its error has ``details``.
        by_proxy: Whether a proxy wrote the response. It proves nothing about the request: PHP may still be working on
            it.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        problems: Sequence[Problem] = (),
        call: str = "",
        retry_after: float | None = None,
        deliberate: bool = False,
        by_proxy: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.call = call
        self.retry_after = retry_after
        self.deliberate = deliberate
        self.by_proxy = by_proxy


class AuthenticationError(APIError):
    """401: wrong credentials, or an access token that is refused even after a refresh."""


class PermissionDenied(APIError):
    """403: the role may not do this, or the API or Basic authentication is switched off."""


class NotFound(APIError):
    """404: there is no entity with this id, or this Mautic has no such route."""


class Rejected(APIError):
    """400, 422 and every other 4xx: a value or the whole request was refused; `problems` says which."""


class RateLimited(APIError):
    """429, or a wait for the rate limit that is longer than the caller's patience; `retry_after` is in seconds.

    `sent` is False if the client did not send the call, because Mautic would have refused it.
    """


class ServerError(APIError):
    """5xx. With Mautic a 500 is mostly a permanent fault of the request, and part of a batch may be stored.

    Attributes:
        batch_limit: Number of rows that this Mautic takes in one batch, if the batch had more; else None.
    """

    batch_limit: int | None = None


class Secret:
    """A text that no repr, format, log line or pickle shows.

    Attributes:
        reveal: The text itself.
    """

    __slots__ = ("reveal",)

    reveal: str

    def __init__(self, reveal: str) -> None:
        # Past the method below, which refuses every change.
        object.__setattr__(self, "reveal", reveal)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Raise AttributeError: a secret does not change."""
        raise AttributeError(name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reveal == other.reveal

    def __hash__(self) -> int:
        return hash(self.reveal)

    def __str__(self) -> str:
        """Return three stars."""
        return "***"

    def __repr__(self) -> str:
        """Return three stars instead of the text, for tracebacks with locals."""
        return "Secret('***')"

    def __reduce__(self) -> str:
        """Raise TypeError: a secret is not pickled."""
        raise TypeError("a Secret does not leave the process by pickle")
