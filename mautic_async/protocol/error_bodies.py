"""Error bodies in all shapes that Mautic, and proxies before it, send."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from attrs import evolve

from mautic_async.errors import (
    APIError,
    AuthenticationError,
    NotFound,
    PermissionDenied,
    Problem,
    RateLimited,
    Rejected,
    ServerError,
    sanitize,
)
from mautic_async.protocol.call import Call, Response
from mautic_async.protocol.headers import parse_rate_limit, parse_retry_after

_ERROR_CLASSES: Final[Mapping[int, type[APIError]]] = {
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFound,
    429: RateLimited,
}
ERROR_DESCRIPTIONS: Final[Mapping[type[APIError], str]] = {
    AuthenticationError: "not authenticated",
    PermissionDenied: "forbidden",
    NotFound: "not found",
    RateLimited: "rate limited",
    Rejected: "rejected",
    ServerError: "server error",
}
_HINTS: Final[Mapping[str, str]] = {
    "api_disabled": "switch the API on in Mautic: Settings > Configuration > API Settings > API enabled",
    "basic_disabled": "switch it on in Mautic: Settings > Configuration > API Settings > Enable HTTP basic auth,"
    " or use OAuth2 credentials, which are also much faster",
    "credentials": "check user name and password, and that this Mautic allows Basic authentication",
    "no_tokens": "this Mautic takes no OAuth2 token below /api/v2; use BasicAuth, or Mautic 7.1.3 with a user's token",
    "unique": "another record (or two of them) already holds this value; merge them in Mautic",
}


NO_TOKENS: Final = "no_tokens"
"""The `Problem.type` of an answer that refuses every OAuth2 token."""

MAX_PROBLEMS: Final = 100
"""Reasons kept of one response, or of one row of a batch."""
MAX_MESSAGE_CHARS: Final = 1000
"""Characters of all reasons in one message."""


def error_class(status: int) -> type[APIError]:
    """Return the exception class of an HTTP status."""
    if status >= 500:
        return ServerError
    return _ERROR_CLASSES.get(status, Rejected)


def parse_problems(body: Any) -> tuple[tuple[Problem, ...], bool]:
    """Return the reasons in an error body, and whether Mautic refused on purpose (an error with ``details``).

    Reads every shape of an error body: ``errors`` as list or map, ``error`` as map or text with ``error_description``.
    """
    if not isinstance(body, Mapping):
        return (), False
    problems: list[Problem] = []
    deliberate = False
    for item in (_values(body.get("errors")) or _legacy_errors(body))[:MAX_PROBLEMS]:
        if isinstance(item, Mapping):
            # Mautic adds ``details`` to errors that it raises on purpose, not to those of a crash.
            deliberate = deliberate or "details" in item
            problems.extend(parse_row_problems(item))
        elif isinstance(item, str):
            problems.append(Problem(sanitize(item)))
    return tuple(problems[:MAX_PROBLEMS]), deliberate


def format_problems(problems: Sequence[Problem]) -> str:
    """Return all *problems* in one line of at most `MAX_MESSAGE_CHARS` characters."""
    text = "; ".join(map(str, problems))
    return text if len(text) <= MAX_MESSAGE_CHARS else text[:MAX_MESSAGE_CHARS] + "..."


def _legacy_errors(body: Mapping[str, Any]) -> list[Any]:
    error = body.get("error")
    if isinstance(error, Mapping):
        return [error]
    # OAuth 2 (RFC 6749).
    if isinstance(error, str):
        return [{"message": str(body.get("error_description") or error), "type": error}]
    # API Platform, in JSON-LD.
    if "hydra:title" in body or "hydra:description" in body:
        return [{"message": str(body.get("hydra:description") or body.get("hydra:title"))}]
    # A problem document (RFC 9457).
    if "detail" in body and "status" in body:
        return [{"message": str(body["detail"]), "type": body.get("type")}]
    return []


def parse_row_problems(item: Any) -> tuple[Problem, ...]:
    """Return the reasons in one entry of ``errors``, one for each message of a field in ``details``."""
    if not isinstance(item, Mapping):
        return (Problem(sanitize(str(item))),)
    message, code, kind = item.get("message"), item.get("code"), item.get("type")
    code = sanitize(code, 60) if isinstance(code, str) else code if type(code) is int else None
    kind = sanitize(kind, 60) if isinstance(kind, str) else None
    details = item.get("details")
    if isinstance(details, Mapping) and details:
        # A generator with a bound: a hostile answer may hold millions of messages.
        complaints = ((str(name), text) for name, value in details.items() for text in _leaf_texts(value))
        return tuple(
            Problem(sanitize(text), sanitize(name, 200), code, kind) for name, text in islice(complaints, MAX_PROBLEMS)
        )
    where = sanitize(details, 200) if isinstance(details, str) and details else None
    return (Problem(sanitize(str(message or "no reason given")), where, code, kind),)


def _leaf_texts(value: Any) -> Iterator[str]:
    if isinstance(value, (Mapping, list)):
        for item in _values(value):
            yield from _leaf_texts(item)
    else:
        yield str(value)


def _values(container: Any) -> list[Any]:
    if isinstance(container, Mapping):
        return list(container.values())
    return list(container) if isinstance(container, list) else []


def add_hint(problem: Problem) -> Problem:
    """Return the reason with advice in its message, if there is any."""
    if problem.code == 422 and "must be unique" in problem.message:
        return evolve(problem, message=f"{problem.message} -> {_HINTS['unique']}")
    return problem


def is_from_mautic(call: Call, response: Response, body: Any) -> bool:
    """Return True if Mautic wrote the error *response*, and no proxy before it.

    Only such an answer proves that the request has ended. Mautic's own errors are a JSON ``errors`` list with a message
    and a code each (API Platform: a problem document), or carry ``Mautic-Version``; nginx, load balancers and firewalls
    send pages, and gateways send JSON of other shapes.
    """
    if "mautic-version" in response.headers:
        return True
    if not isinstance(body, Mapping):
        return False
    errors = _values(body.get("errors"))
    if errors:
        return all(isinstance(item, Mapping) and "message" in item and "code" in item for item in errors)
    return (response.status < 500 or call.jsonld) and bool(_legacy_errors(body))  # OAuth's form, and problem documents


def refuses_all_tokens(call: Call, response: Response) -> bool:
    """Return True if ``/api/v2`` refused the kind of credentials: Mautic 7.0 takes no OAuth2 token there, however new.

    Its answer has no ``errors``. A token that has expired is refused in the form of the API v1.
    """
    text = response.content[:200]
    return call.jsonld and response.status == 401 and b"Invalid credentials" in text and b'"errors"' not in text


_NUMBER: Final = re.compile(r"\d{1,9}")


def build_error(call: Call, response: Response, body: Any) -> APIError:
    """Return the exception that the error *response* reports; *body* is its parsed JSON or None."""
    problems, deliberate = parse_problems(body)
    if refuses_all_tokens(call, response):
        problems = (Problem("Invalid credentials.", code=response.status, type=NO_TOKENS),)
    kind = error_class(response.status)
    reason = format_problems(problems) or body_excerpt(response)
    hint = _hint(response.status, problems)
    error = kind(
        f"{call} {ERROR_DESCRIPTIONS[kind]} ({response.status}): {reason}{hint}",
        status=response.status,
        problems=problems,
        call=str(call),
        retry_after=parse_retry_after(response),
        # A 429 with rate-limit headers is that of Mautic's limiter, though it has no details.
        deliberate=deliberate or (kind is RateLimited and parse_rate_limit(response) is not None),
        by_proxy=not is_from_mautic(call, response, body),
    )
    if isinstance(error, ServerError) and deliberate and call.row_count:
        # The limit stands only in the words of the message; a number below the size of the batch is taken for it.
        numbers = [int(text) for problem in problems for text in _NUMBER.findall(problem.message)]
        error.batch_limit = next((number for number in numbers if 0 < number < call.row_count), None)
    return error


def _hint(status: int, problems: Sequence[Problem]) -> str:
    kinds = {problem.type for problem in problems}
    texts = " ".join(problem.message for problem in problems)
    if "api_disabled" in kinds:
        return f" -> {_HINTS['api_disabled']}"
    if NO_TOKENS in kinds:
        return f" -> {_HINTS['no_tokens']}"
    if status == 403 and "Basic Auth" in texts:
        return f" -> {_HINTS['basic_disabled']}"
    if status == 401 and not problems:
        return f" -> {_HINTS['credentials']}"
    if status == 422 and "unique" in texts:
        return f" -> {_HINTS['unique']}"
    return ""


def redact(response: Response, authorization: str) -> Response:
    """Return *response* without the credential of *authorization*, which a proxy's page may repeat.

    Messages of errors quote such pages.
    """
    secret = authorization.rpartition(" ")[2].encode("ascii", "replace")
    page = response.status >= 300 or response.content[:1] == b"<"
    # JSON is parsed and never quoted, and a short secret may be part of common words.
    if not page or len(secret) < 8 or secret not in response.content:
        return response
    return evolve(response, content=response.content.replace(secret, b"***"))


def body_excerpt(response: Response) -> str:
    """Return the first words of an unexpected body, safe to print."""
    # The page is cut first, and tags are bounded: a hostile page must not cost time.
    text = re.sub(r"<[^<>]{0,200}>|\s+", " ", response.content[:1024].decode("utf-8", "replace"))
    return sanitize(" ".join(text.split()), 120) or "an empty body"
