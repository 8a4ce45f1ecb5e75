"""What an answer means: its body, or the exception it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mautic_async.errors import Problem, Rejected, UnexpectedResponse, quote
from mautic_async.protocol.call import Answer, Call, Payload
from mautic_async.protocol.error_bodies import WORDS, class_of, excerpt, problems_of, reasons, refusal
from mautic_async.protocol.json import STDLIB, Json, parse


def read(call: Call, answer: Answer, library: Json = STDLIB, seconds: float = 0.0) -> Payload:
    """Return the payload of *answer*, or raise the error that it reports.

    Args:
        call: The call that was sent.
        answer: The response to it.
        library: The JSON library that parses the body.
        seconds: How long the server took, for `Payload.seconds`.

    Raises:
        APIError: Mautic refused, also where it did so with a 200.
        UnexpectedResponse: It is not an answer that Mautic promises.
    """
    status = answer.status
    if 300 <= status < 400 and not (call.redirect and status == 302):
        raise UnexpectedResponse(
            f"{call}: redirected ({status}); no redirect is followed. Check the base URL: scheme, host and subfolder",
            status=status,
            event="redirect",
        )
    if call.raw and status < 300:
        return Payload(status, None, answer.content, answer.headers, seconds=seconds)
    try:
        body = parse(answer.content, library) if answer.content else None
    except ValueError as error:
        raise _unreadable(call, answer, str(error)) from error
    if status >= 400:
        if not problems_of(body)[0]:
            raise _unreadable(call, answer, "no error that Mautic sends")
        raise refusal(call, answer, body)
    body = _twice(body)
    if call.batch and not _reports_rows(answer, body):
        raise _unreadable(call, answer, "no answer to a batch")
    _raise_hidden(call, answer, body)
    return Payload(status, body, b"", answer.headers, seconds=seconds)


def _unreadable(call: Call, answer: Answer, why: str) -> Exception:
    status = answer.status
    if status in _PROXY_STATUSES or status == 500 or status in {401, 413, 414, 429} or status >= 520:
        return refusal(call, answer, None)  # a proxy's page: its status is all that counts
    event = "unreadable" if status < 400 and "mautic-version" in answer.headers else "not-mautic"
    return UnexpectedResponse(
        f"{call}: status {status} with a body that is not Mautic's ({why[:80]}): {excerpt(answer)}",
        status=status,
        event=event,
    )


def _reports_rows(answer: Answer, body: Any) -> bool:
    if "mautic-version" in answer.headers:
        return True
    return isinstance(body, Mapping) and (
        not body or any(isinstance(value, (Mapping, list)) for value in body.values())
    )


_PROXY_STATUSES: Final = frozenset({408, 425, 502, 503, 504})


def _twice(body: Any) -> Any:
    """SMS send answers a JSON text that holds JSON; read it to the end."""
    if not isinstance(body, str):
        return body
    try:
        return parse(body.encode())
    except ValueError:
        return body


def _raise_hidden(call: Call, answer: Answer, body: Any) -> None:
    """Raise a refusal that came with a success status."""
    if call.batch or not isinstance(body, Mapping):
        return
    failed = isinstance(body.get("success"), (bool, int)) and not body["success"]
    if not failed and not body.get("errors") and "error" not in body:
        return
    if not failed and any(isinstance(body.get(key), (Mapping, list)) for key in body if key not in {"errors", "error"}):
        return
    problems, deliberate = problems_of(body)
    problems = problems or (Problem(_why_failed(body)),)
    code = problems[0].code
    kind = class_of(code) if isinstance(code, int) and 400 <= code < 600 else Rejected
    raise kind(
        f"{call} {WORDS[kind]} (although with status {answer.status}): {reasons(problems)}",
        status=answer.status,
        problems=problems,
        call=str(call),
        refusal=deliberate,
    )


def _why_failed(body: Mapping[str, Any]) -> str:
    reasons = [str(body[key]) for key in ("failed", "status", "message") if body.get(key)]
    return quote("; ".join(reasons)) or "success is false, and no reason is given"
