"""Error bodies in every shape that Mautic and what stands before it send."""

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
    quote,
)
from mautic_async.protocol.call import Answer, Call
from mautic_async.protocol.headers import rate_of, retry_after

_CLASSES: Final[Mapping[int, type[APIError]]] = {
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFound,
    429: RateLimited,
}
WORDS: Final[Mapping[type[APIError], str]] = {
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
    "unique": "another record (or two of them) already holds this value; merge them in Mautic",
}


MAX_PROBLEMS: Final = 100
"""Complaints kept of one answer, or of one row of a batch."""
MAX_REASON: Final = 1000
"""Characters of them in a message."""


def class_of(status: int) -> type[APIError]:
    """The exception class of an HTTP status."""
    if status >= 500:
        return ServerError
    return _CLASSES.get(status, Rejected)


def problems_of(body: Any) -> tuple[tuple[Problem, ...], bool]:
    """The complaints of an error body, and whether Mautic made them on purpose (an error with ``details``).

    Reads every shape of an error body: ``errors`` as list or map, ``error`` as map or text with ``error_description``.
    """
    if not isinstance(body, Mapping):
        return (), False
    found: list[Problem] = []
    refusal = False
    for item in (_values(body.get("errors")) or _old_style(body))[:MAX_PROBLEMS]:
        if isinstance(item, Mapping):
            refusal = refusal or "details" in item
            found.extend(row_problems(item))
        elif isinstance(item, str):
            found.append(Problem(quote(item)))
    return tuple(found[:MAX_PROBLEMS]), refusal


def reasons(problems: Sequence[Problem]) -> str:
    """All *problems* in one line, cut where nobody reads on."""
    text = "; ".join(map(str, problems))
    return text if len(text) <= MAX_REASON else text[:MAX_REASON] + "..."


def _old_style(body: Mapping[str, Any]) -> list[Any]:
    error = body.get("error")
    if isinstance(error, Mapping):
        return [error]
    if isinstance(error, str):
        return [{"message": str(body.get("error_description") or error), "type": error}]
    if "hydra:title" in body or "hydra:description" in body:
        return [{"message": str(body.get("hydra:description") or body.get("hydra:title"))}]
    if "detail" in body and "status" in body:
        return [{"message": str(body["detail"]), "type": body.get("type")}]
    return []


def row_problems(item: Any) -> tuple[Problem, ...]:
    """The complaints of one entry of ``errors``, one for each field that ``details`` names."""
    if not isinstance(item, Mapping):
        return (Problem(quote(str(item))),)
    message, code, kind = item.get("message"), item.get("code"), item.get("type")
    code = quote(code, 60) if isinstance(code, str) else code if type(code) is int else None
    kind = quote(kind, 60) if isinstance(kind, str) else None
    details = item.get("details")
    if isinstance(details, Mapping) and details:
        complaints = ((str(name), text) for name, value in details.items() for text in _texts(value))
        return tuple(
            Problem(quote(text), quote(name, 200), code, kind) for name, text in islice(complaints, MAX_PROBLEMS)
        )
    where = quote(details, 200) if isinstance(details, str) and details else None
    return (Problem(quote(str(message or "no reason given")), where, code, kind),)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, (Mapping, list)):
        for item in _values(value):
            yield from _texts(item)
    else:
        yield str(value)


def _values(container: Any) -> list[Any]:
    if isinstance(container, Mapping):
        return list(container.values())
    return list(container) if isinstance(container, list) else []


def explained(problem: Problem) -> Problem:
    """A complaint of a row, with what only its meaning tells."""
    if problem.code == 422 and "must be unique" in problem.message:
        return evolve(problem, message=f"{problem.message} -> {_HINTS['unique']}")
    return problem


def is_mautics(call: Call, answer: Answer, body: Any) -> bool:
    """Return True if Mautic wrote the error *answer*, and no proxy before it.

    Only such an answer proves that the request has ended. Mautic's own errors are a JSON ``errors`` list with a message
    and a code each (API Platform: a problem document), or carry ``Mautic-Version``; nginx, load balancers and firewalls
    send pages, and gateways send JSON of other shapes.
    """
    if "mautic-version" in answer.headers:
        return True
    if not isinstance(body, Mapping):
        return False
    errors = _values(body.get("errors"))
    if errors:
        return all(isinstance(item, Mapping) and "message" in item and "code" in item for item in errors)
    return (answer.status < 500 or call.v2) and bool(_old_style(body))  # OAuth's form, and problem documents


_NUMBER: Final = re.compile(r"\d{1,9}")


def refusal(call: Call, answer: Answer, body: Any) -> APIError:
    """The exception that an error answer is."""
    problems, deliberate = problems_of(body)
    kind = class_of(answer.status)
    reason = reasons(problems) or excerpt(answer)
    hint = _hint(answer.status, problems)
    error = kind(
        f"{call} {WORDS[kind]} ({answer.status}): {reason}{hint}",
        status=answer.status,
        problems=problems,
        call=str(call),
        retry_after=retry_after(answer),
        refusal=deliberate or (kind is RateLimited and rate_of(answer) is not None),
        by_proxy=not is_mautics(call, answer, body),
    )
    if isinstance(error, ServerError) and deliberate and call.rows:
        numbers = [int(text) for problem in problems for text in _NUMBER.findall(problem.message)]
        error.batch_limit = next((number for number in numbers if 0 < number < call.rows), None)
    return error


def _hint(status: int, problems: Sequence[Problem]) -> str:
    kinds = {problem.type for problem in problems}
    texts = " ".join(problem.message for problem in problems)
    if "api_disabled" in kinds:
        return f" -> {_HINTS['api_disabled']}"
    if status == 403 and "Basic Auth" in texts:
        return f" -> {_HINTS['basic_disabled']}"
    if status == 422 and "unique" in texts:
        return f" -> {_HINTS['unique']}"
    return ""


def blotted(answer: Answer, header: str) -> Answer:
    """*answer* without the credential of *header*, should the page of a proxy repeat it: excerpts go into messages."""
    secret = header.rpartition(" ")[2].encode("ascii", "replace")
    page = answer.status >= 300 or answer.content[:1] == b"<"
    if not page or len(secret) < 8 or secret not in answer.content:
        return answer
    return evolve(answer, content=answer.content.replace(secret, b"***"))


def excerpt(answer: Answer) -> str:
    """The first words of a body that is not what it should be, safe to print."""
    text = re.sub(r"<[^<>]{0,200}>|\s+", " ", answer.content[:1024].decode("utf-8", "replace"))
    return quote(" ".join(text.split()), 120) or "an empty body"
