"""Responses to payloads, or to the exceptions that they report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mautic_async.errors import Problem, Rejected, UnexpectedResponse, sanitize
from mautic_async.protocol.call import Call, Payload, Response
from mautic_async.protocol.error_bodies import (
    ERROR_DESCRIPTIONS,
    body_excerpt,
    build_error,
    error_class,
    format_problems,
    parse_problems,
)
from mautic_async.protocol.json import STDLIB, JsonLibrary, parse_json


def parse_response(call: Call, response: Response, library: JsonLibrary = STDLIB, seconds: float = 0.0) -> Payload:
    """Return the payload of *response*, or raise the error that it reports.

    Args:
        call: The call that was sent.
        response: The response to it.
        library: The JSON library that parses the body.
        seconds: How long the server took, for `Payload.seconds`.

    Raises:
        APIError: Mautic refused, with whatever status: some refusals come with a 200.
        UnexpectedResponse: The response is none that Mautic documents.
    """
    status = response.status
    if 300 <= status < 400 and not (call.follow_302_body and status == 302):
        raise UnexpectedResponse(
            f"{call}: redirected ({status}); no redirect is followed. Check the base URL: scheme, host and subfolder",
            status=status,
            kind="redirect",
        )
    if call.binary and status < 300:
        return Payload(status, None, response.content, response.headers, seconds=seconds)
    try:
        body = parse_json(response.content, library) if response.content else None
    except ValueError as error:
        raise _undecodable(call, response, str(error)) from error
    if status >= 400:
        # JSON without a reason is not an error of Mautic's, but perhaps of a gateway.
        if not parse_problems(body)[0]:
            raise _undecodable(call, response, "no error that Mautic sends")
        raise build_error(call, response, body)
    body = _unwrap_double_json(body)
    if call.is_batch and not _has_row_results(response, body):
        raise _undecodable(call, response, "no answer to a batch")
    _raise_error_in_success(call, response, body)
    return Payload(status, body, b"", response.headers, seconds=seconds)


def _undecodable(call: Call, response: Response, reason: str) -> Exception:
    status = response.status
    if status in _PROXY_STATUSES or status == 500 or status in {401, 413, 414, 429} or status >= 520:
        return build_error(call, response, None)  # a proxy's page: only its status counts
    # The header proves that Mautic has answered; without it a firewall may have.
    event = "undecodable-body" if status < 400 and "mautic-version" in response.headers else "not-mautic"
    return UnexpectedResponse(
        f"{call}: status {status} with a body that is not Mautic's ({reason[:80]}): {body_excerpt(response)}",
        status=status,
        kind=event,
    )


def _has_row_results(response: Response, body: Any) -> bool:
    # Mautic wrote this response, so it is accepted in any shape; without the header it must look like a batch's.
    if "mautic-version" in response.headers:
        return True
    return isinstance(body, Mapping) and (
        not body or any(isinstance(value, (Mapping, list)) for value in body.values())
    )


_PROXY_STATUSES: Final = frozenset({408, 425, 502, 503, 504})


def _unwrap_double_json(body: Any) -> Any:
    """Return the value of a JSON text that holds JSON, as the response to sending an SMS does."""
    if not isinstance(body, str):
        return body
    try:
        return parse_json(body.encode())
    except ValueError:
        return body


def _raise_error_in_success(call: Call, response: Response, body: Any) -> None:
    """Raise the refusal in a response with a success status, if it holds one."""
    if call.is_batch or not isinstance(body, Mapping):
        return
    # Several routes answer a refusal with status 200 and ``success`` 0 or false.
    failed = isinstance(body.get("success"), (bool, int)) and not body["success"]
    if not failed and not body.get("errors") and "error" not in body:
        return
    # Errors beside an entity do not mean that the call was refused.
    if not failed and any(isinstance(body.get(key), (Mapping, list)) for key in body if key not in {"errors", "error"}):
        return
    problems, deliberate = parse_problems(body)
    problems = problems or (Problem(_failure_text(body)),)
    code = problems[0].code
    # The body has the status that the response should have had.
    kind = error_class(code) if isinstance(code, int) and 400 <= code < 600 else Rejected
    raise kind(
        f"{call} {ERROR_DESCRIPTIONS[kind]} (although with status {response.status}): {format_problems(problems)}",
        status=response.status,
        problems=problems,
        call=str(call),
        deliberate=deliberate,
    )


def _failure_text(body: Mapping[str, Any]) -> str:
    texts = [str(body[key]) for key in ("failed", "status", "message") if body.get(key)]
    return sanitize("; ".join(texts)) or "success is false, and no reason is given"
