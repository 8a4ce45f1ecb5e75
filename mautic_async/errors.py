"""Every exception of the package, and the facts that each carries.

::

    MauticError
    |-- ConfigurationError      the set-up or the input is wrong; nothing was sent (also a ValueError)
    |-- TransportError          no answer came
    |-- UnexpectedResponse      an answer came, but not one that Mautic promises
    |-- ValueNotKept            stored, but not every value of it: .problems .entity
    |-- OutcomeUnknown          it may have been done: the message says how to find out
    |-- Unavailable             the breaker is open: the server was down a moment ago; nothing was sent
    |-- DeadlineExceeded        no time was left; nothing was sent
    |-- ReauthorizationNeeded   the refresh token is spent: a person must log in again
    |-- WebhookRejected         a webhook that is not to be believed: .reason .status
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
    """What is known of a request's effect on the server."""

    REFUSED = "refused"
    """Surely not applied."""
    UNKNOWN = "unknown"
    """Perhaps applied, wholly or in part."""
    DONE = "done"
    """Surely applied; only its answer is lost."""


class Action(enum.Enum):
    """What to do after a failure."""

    RAISE = "raise"
    """Tell the caller; repeating would not help or would not be safe."""
    RETRY = "retry"
    """Send it again after a pause."""
    RECONCILE_LATER = "reconcile-later"
    """Wait until the server can no longer be at work on it, look what is there, send what is missing."""
    RECONCILE = "reconcile"
    """Look what is there, send what is missing, and find the row that is to blame if that fails again. Where the server
    may still be at work on it, wait first."""
    SPLIT = "split"
    """Send it again in smaller pieces."""
    REJECT = "reject"
    """The row is refused; the others go on."""
    ABORT = "abort"
    """The whole job is refused; no other row would fare better."""


@frozen
class Verdict:
    """One cell of the failure table: what an event means for a call of one effect class.

    Attributes:
        kind: The row of the table, such as ``"read-timeout"``.
        fate: What is known of the effect.
        may_still_run: Whether the server may still be at work on the request.
        single: What to do with a single call.
        batch: What to do with the rows of a batch.
        backoff_base: Base of the back-off before a repetition, in seconds.
        max_attempts: How often the call may be sent in all, or None for the policy's own number.
        overload: Whether the event says that the server is overloaded (concurrency is halved).
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
        message: Mautic's words, or ours when the row was refused before it was sent.
        field: The field it is about, or None when it is about the whole.
        code: Mautic's code for it: usually the HTTP status, 0 for a failed custom item, sometimes a text.
        type: Mautic's word for the kind, such as ``invalid_grant``, or None.
    """

    message: str
    field: str | None = None
    code: int | str | None = None
    type: str | None = None

    def __str__(self) -> str:
        """The message, led by its field."""
        return f"{self.field}: {self.message}" if self.field else self.message


_EMAIL = re.compile(
    r"""(?:(?<![^\s@<>"',;:()])(?:[^\s@%<>"',;:()]|%(?!40))++|"[^"@\r\n]{1,64}")(?:@|%40)[^\s<>"',;:()]++"""
)
"""Of any length, in linear time: a word is looked at once, from its beginning."""
_CONTROL_CHARACTERS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control and direction characters, halves of surrogate pairs: what moves a cursor, turns a line or breaks a log."""


def _escape(found: re.Match[str]) -> str:
    code = ord(found.group())
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def sanitize(text: str, limit: int = 300) -> str:
    """Make server text safe to print: control and direction characters escaped, addresses masked, cut at *limit*."""
    cut = text[: limit * 4]
    masked = _EMAIL.sub("<email>", cut)
    escaped = _CONTROL_CHARACTERS.sub(_escape, masked)
    return escaped if len(escaped) <= limit else escaped[:limit] + "..."


class MauticError(Exception):
    """The root of all that this package raises.

    Attributes:
        verdict: What the failure table says of it, or None where no request was involved.
        attempts: How often the request was sent before this was raised.
        history: The failures of the earlier attempts, oldest first.
        sent: False where the request itself never left, or was refused for its token and then got no better one.
    """

    verdict: Verdict | None = None
    attempts: int = 0
    history: tuple[MauticError, ...] = ()
    sent: bool = True


class ConfigurationError(MauticError, ValueError):
    """The set-up or the input is wrong; nothing was sent. The message says what to change."""


class TransportError(MauticError):
    """No answer came.

    Attributes:
        kind: The row of the failure table it belongs to.
    """

    def __init__(self, message: str, *, kind: str = "disconnected") -> None:
        super().__init__(message)
        self.kind = kind


class UnexpectedResponse(MauticError):
    """An answer came that Mautic does not promise: HTML, cut JSON, a redirect, a success that says it failed.

    Attributes:
        status: The HTTP status.
        kind: The row of the failure table it belongs to.
    """

    def __init__(self, message: str, *, status: int = 0, kind: str = "undecodable-body") -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind


class OutcomeUnknown(MauticError):
    """The request may have been applied; repeating it blindly could do it twice.

    Attributes:
        call: Method and path.
        sent_at: Epoch seconds at which the last attempt left.
        may_still_run: Whether the server may still be at work on it.
    """

    def __init__(self, message: str, *, call: str = "", sent_at: float = 0.0, may_still_run: bool = True) -> None:
        super().__init__(message)
        self.call = call
        self.sent_at = sent_at
        self.may_still_run = may_still_run


class ValueNotKept(MauticError):
    """Mautic answered with a success and stored the entity, but did not keep every value that was sent.

    The request was carried out, so it is not retried. The message and the problems name properties, never values.

    Attributes:
        problems: One for each value, with the path of its property as `Problem.field`, such as ``events[0].name``.
        entity: The entity as Mautic stored it, with its id.
        call: Method and path, such as ``PATCH segments/3/edit``.
    """

    def __init__(self, message: str, *, problems: Sequence[Problem], entity: Any, call: str = "") -> None:
        super().__init__(message)
        self.problems = tuple(problems)
        self.entity = entity
        self.call = call


class Unavailable(MauticError):
    """The server was down a moment ago, so nothing was sent.

    Attributes:
        retry_after: Seconds until the next probe.
    """

    def __init__(self, message: str, *, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DeadlineExceeded(MauticError):
    """The caller's deadline leaves no time for the request, so nothing was sent."""


class ReauthorizationNeeded(MauticError):
    """The refresh token is spent or revoked: a person must log in again."""


class WebhookRejected(MauticError):
    """A webhook that is not to be believed, or not a second time. None of its content is in the message.

    Attributes:
        reason: ``size``, ``signature``, ``unreadable``, ``date`` or ``replay``.
        status: The HTTP status to answer with. A replay gets 200: Mautic itself may send a body twice after a time-out,
            and takes other statuses for a broken receiver. Never 410, which makes Mautic switch the webhook off.
    """

    def __init__(self, message: str, *, reason: str, status: int) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status


class APIError(MauticError):
    """Mautic refused.

    Attributes:
        status: The HTTP status.
        problems: What it complains of, one entry a field or message. Mautic keeps one message a field.
        call: Method and path, such as ``PATCH segments/3/edit``.
        retry_after: Seconds after which it may be tried again, or None.
        deliberate: True where Mautic itself refused on purpose (its error had a ``details`` key).
        by_proxy: True where a proxy, not Mautic, wrote the answer. It proves nothing about the request: PHP may still
            be at work on it.
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
        self.problems = tuple(problems)
        self.call = call
        self.retry_after = retry_after
        self.deliberate = deliberate
        self.by_proxy = by_proxy


class AuthenticationError(APIError):
    """401: unknown credentials, or an access token that a renewal did not mend."""


class PermissionDenied(APIError):
    """403: the role may not do this, or the API or Basic authentication is switched off."""


class NotFound(APIError):
    """404: nothing has this id, or this Mautic has no such route."""


class Rejected(APIError):
    """400, 422 and every other 4xx: a value or the whole request was refused; `problems` says which."""


class RateLimited(APIError):
    """429, or a wait for the rate limit that is longer than the caller's patience; `retry_after` is in seconds.

    Its `sent` is False where the call was held back, because it would have been refused.
    """


class ServerError(APIError):
    """5xx. With Mautic a 500 is mostly a permanent fault of the request, and part of a batch may be stored.

    Attributes:
        batch_limit: The number of rows that this Mautic takes in one batch, where that was the reason.
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
        object.__setattr__(self, "reveal", reveal)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Refuse: a secret does not change."""
        raise AttributeError(name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reveal == other.reveal

    def __hash__(self) -> int:
        return hash(self.reveal)

    def __str__(self) -> str:
        """Three stars."""
        return "***"

    def __repr__(self) -> str:
        """Three stars, so that a traceback with locals stays clean."""
        return "Secret('***')"

    def __reduce__(self) -> str:
        """Refuse to be pickled."""
        raise TypeError("a Secret does not leave the process by pickle")
