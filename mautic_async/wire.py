"""Calls, and what answers mean: envelopes, batches, refusals. Nothing here awaits.

Mautic answers errors in a dozen shapes, with statuses that do not always say what happened; this room knows them all,
so that no room above has to. Mautic: REST API, Getting started (error handling).
"""

from __future__ import annotations

import enum
import json
import re
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import quote as percent
from urllib.parse import urlencode

from attrs import field, frozen

from mautic_async.errors import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    NotFound,
    PermissionDenied,
    Problem,
    RateLimited,
    Rejected,
    ServerError,
    UnexpectedResponse,
    quote,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mautic_async.models._base import JSON

Pairs: TypeAlias = tuple[tuple[str, str], ...]
"""Query parameters, in order; names may repeat."""

Sink: TypeAlias = Callable[[bytes], object]
"""Takes pieces of a file, in order."""


class Effect(enum.Enum):
    """What a call does to the server when it is applied twice."""

    READ = "read"
    """Nothing."""
    SET = "set"
    """The same as once."""
    UPSERT = "upsert"
    """The same as once, if the first has ended before the second begins."""
    APPEND = "append"
    """Adds something each time."""


@frozen
class Part:
    """One file of a multipart body."""

    filename: str
    content: bytes = field(repr=False)
    name: str = "file"
    media_type: str = "application/octet-stream"


@frozen
class Call:
    """One thing asked of Mautic, before anybody decides when and how often.

    Attributes:
        method: HTTP verb in capitals.
        path: Below ``/api/``, already quoted: build it with `path`.
        effect: What a repetition would do.
        query: Parameters, in order.
        body: A JSON value, or None for no body. A list is sent as a list.
        file: Sent as multipart/form-data instead of *body*.
        text: The body as JSON text, where it is ready; instead of *body*.
        rows: How many entities a batch holds, or 0.
        batch: Whether the answer reports row by row, so that its ``errors`` are not the call's.
        redirect: Whether a 302 carries the result (campaign clone does).
        raw: Whether the answer is a file, not JSON.
        background: Whether interactive calls go first (bulk jobs).
        repeat: Whether the pipeline may repeat it at all; bulk decides for itself.
        timeout: Seconds to wait for the answer, or None for the client's own.
        v2: Whether it is below ``/api/v2/`` (JSON-LD).
        sink: Takes the bytes of a `raw` answer as they come, instead of keeping them.
    """

    method: str
    path: str
    effect: Effect = Effect.READ
    query: Pairs = ()
    body: JSON = field(default=None, repr=False)
    file: Part | None = field(default=None, repr=False)
    text: bytes | None = field(default=None, repr=False)
    rows: int = 0
    batch: bool = False
    redirect: bool = False
    raw: bool = False
    background: bool = False
    repeat: bool = True
    timeout: float | None = None
    v2: bool = False
    sink: Sink | None = field(default=None, repr=False)

    def __str__(self) -> str:
        """Method and path, without the query: it may hold addresses."""
        return f"{self.method} {self.path}"


@frozen
class Request:
    """One HTTP request, relative to the site's base URL, ready to be signed."""

    method: str
    path: str
    query: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)
    timeout: float | None = None
    sink: Sink | None = field(default=None, repr=False)


@frozen
class Answer:
    """One HTTP answer, decompressed; header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)


@frozen
class Payload:
    """What a successful call gave.

    Attributes:
        status: The HTTP status: 201 created, 200 otherwise, 202 accepted.
        body: The parsed JSON; for a `Call.raw` the bytes are in *content* instead.
        content: The bytes of a file.
        headers: Lower-case names.
    """

    status: int
    body: Any = None
    content: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(factory=dict, repr=False)


# --- paths and queries ---------------------------------------------------------------------------------------------

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,191}")


def id_of(value: object) -> int:
    """*value* as an id of Mautic.

    Raises:
        ConfigurationError: It is not a positive integer.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ConfigurationError(f"an id is a positive integer, not {value!r}; 0 means that Mautic has given none yet")
    return value


def path(*parts: str | int) -> str:
    """Join *parts* to a path that cannot leave its place: ids as they are, all else quoted.

    Raises:
        ConfigurationError: A part is empty, or ``.`` or ``..``, or an id is not a positive integer.
    """
    return "/".join(str(id_of(part)) if not isinstance(part, str) else _segment(part) for part in parts)


def _segment(part: str) -> str:
    if _NAME.fullmatch(part):
        return part
    if part in {"", ".", ".."} or any(ord(char) < 32 or ord(char) == 127 for char in part):
        raise ConfigurationError(f"{part!r} cannot be part of a path")
    try:
        return percent(part, safe="")
    except UnicodeEncodeError as error:
        raise ConfigurationError(f"{part!r} cannot be part of a path") from error


def pairs(query: Mapping[str, object]) -> Pairs:
    """Flatten *query* the way PHP reads it: ``{"where": [{"col": "id"}]}`` becomes ``where[0][col]=id``."""
    return tuple(_flat(query))


def _flat(query: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in query.items():
        name = f"{prefix}[{key}]" if prefix else str(key)
        yield from _flat_value(name, value)


def _flat_value(name: str, value: object) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if isinstance(value, Mapping):
        yield from _flat(value, name)
    elif isinstance(value, (list, tuple)):
        yield from _flat({str(index): item for index, item in enumerate(value)}, name)
    elif isinstance(value, bool):
        yield name, "1" if value else "0"
    else:
        yield name, str(value)


def query_string(query: Pairs) -> str:
    """*query* as it stands in a URL."""
    return urlencode(query, quote_via=percent) if query else ""


# --- JSON ----------------------------------------------------------------------------------------------------------

MAX_DEPTH: Final = 64
"""Nesting that no answer of Mautic comes near; beyond it a text is hostile."""


@frozen
class Json:
    """A JSON library: the standard one, or orjson where the ``fast`` extra is installed and chosen."""

    name: str
    dumps: Callable[[Any], bytes]
    loads: Callable[[bytes], Any]


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_decode: Final = json.JSONDecoder(parse_constant=_no_constant).decode
_encode: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode

STDLIB: Final = Json("json", lambda value: _encode(value).encode(), lambda content: _decode(content.decode()))


def orjson() -> Json:
    """The JSON of the ``fast`` extra.

    Raises:
        ConfigurationError: orjson is not installed.
    """
    try:
        import orjson as library
    except ImportError as error:
        raise ConfigurationError("orjson is not installed: pip install 'mautic-async[fast]'") from error
    return Json("orjson", library.dumps, library.loads)


_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def parse(content: bytes, library: Json = STDLIB) -> Any:
    """Read JSON from a server that may be broken or hostile.

    Raises:
        ValueError: It is not JSON, holds NaN or Infinity, a number of absurd length, or is nested too deeply.
    """
    try:
        value = library.loads(content)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if _may_be_deep(content) and _depth(value) > MAX_DEPTH:
        raise ValueError("nested too deeply")
    return value


def _may_be_deep(content: bytes) -> bool:
    """An upper bound of the nesting at the speed of C; wrong only towards yes, when strings hold brackets."""
    brackets = content.translate(None, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return bool(brackets)


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(item.values())
            elif isinstance(item, list):
                inner.extend(item)
        level = [item for item in inner if isinstance(item, (dict, list))]
    return depth


# --- refusals ------------------------------------------------------------------------------------------------------

_CLASSES: Final[Mapping[int, type[APIError]]] = {
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFound,
    429: RateLimited,
}
_WORDS: Final[Mapping[type[APIError], str]] = {
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
    "unique": "another contact (or two of them) already holds this value; merge them in Mautic",
}


def class_of(status: int) -> type[APIError]:
    """The exception class of an HTTP status."""
    if status >= 500:
        return ServerError
    return _CLASSES.get(status, Rejected)


def problems_of(body: Any) -> tuple[tuple[Problem, ...], bool]:
    """The complaints of an error body, and whether Mautic made them on purpose (an error with ``details``).

    Reads every shape of mautic-api 1.4: ``errors`` as list or map, ``error`` as map or text with ``error_description``.
    """
    if not isinstance(body, Mapping):
        return (), False
    found: list[Problem] = []
    refusal = False
    for item in _values(body.get("errors")) or _old_style(body):
        if isinstance(item, Mapping):
            refusal = refusal or "details" in item
            found.extend(row_problems(item))
        elif isinstance(item, str):
            found.append(Problem(quote(item)))
    return tuple(found), refusal


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
    code = code if isinstance(code, (int, str)) and not isinstance(code, bool) else None
    kind = kind if isinstance(kind, str) else None
    details = item.get("details")
    if isinstance(details, Mapping) and details:
        return tuple(
            Problem(quote(text), str(name), code, kind) for name, value in details.items() for text in _texts(value)
        )
    where = details if isinstance(details, str) and details else None
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


_NUMBER: Final = re.compile(r"\d{1,9}")


def refusal(call: Call, answer: Answer, body: Any) -> APIError:
    """The exception that an error answer is."""
    problems, deliberate = problems_of(body)
    kind = class_of(answer.status)
    reason = "; ".join(map(str, problems)) or excerpt(answer)
    hint = _hint(answer.status, problems)
    error = kind(
        f"{call} {_WORDS[kind]} ({answer.status}): {reason}{hint}",
        status=answer.status,
        problems=problems,
        call=str(call),
        retry_after=retry_after(answer),
        refusal=deliberate or (kind is RateLimited and rate_of(answer) is not None),
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


def excerpt(answer: Answer) -> str:
    """The first words of a body that is not what it should be, safe to print."""
    text = re.sub(r"<[^>]{0,200}>|\s+", " ", answer.content[:1024].decode("utf-8", "replace"))
    return quote(" ".join(text.split()), 120) or "an empty body"


# --- answers -------------------------------------------------------------------------------------------------------


def read(call: Call, answer: Answer, library: Json = STDLIB) -> Payload:
    """What *answer* means for *call*.

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
        return Payload(status, None, answer.content, answer.headers)
    try:
        body = parse(answer.content, library) if answer.content else None
    except ValueError as error:
        raise _unreadable(call, answer, str(error)) from error
    if status >= 400:
        if not problems_of(body)[0]:
            raise _unreadable(call, answer, "no error that Mautic sends")
        raise refusal(call, answer, body)
    body = _twice(body)
    _raise_hidden(call, answer, body)
    return Payload(status, body, b"", answer.headers)


def _unreadable(call: Call, answer: Answer, why: str) -> Exception:
    status = answer.status
    if status in _PROXY_STATUSES or status == 500 or status in {401, 413, 414, 429} or status >= 520:
        return refusal(call, answer, None)  # a proxy's page: its status is all that counts
    event = "not-mautic" if status >= 400 else "unreadable"
    return UnexpectedResponse(
        f"{call}: status {status} with a body that is not Mautic's ({why[:80]}): {excerpt(answer)}",
        status=status,
        event=event,
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
        f"{call} {_WORDS[kind]} (although with status {answer.status}): {'; '.join(map(str, problems))}",
        status=answer.status,
        problems=problems,
        call=str(call),
        refusal=deliberate,
    )


def _why_failed(body: Mapping[str, Any]) -> str:
    reasons = [str(body[key]) for key in ("failed", "status", "message") if body.get(key)]
    return quote("; ".join(reasons)) or "success is false, and no reason is given"


def version_of(answer: Answer) -> str | None:
    """The ``Mautic-Version`` of an answer; many have none."""
    version = answer.headers.get("mautic-version", "")
    return version if re.fullmatch(r"[0-9A-Za-z.+-]{1,40}", version) else None


# --- batches -------------------------------------------------------------------------------------------------------


@frozen
class Row:
    """What a batch answer says of one row.

    Attributes:
        status: Mautic's code for it, or None where it gives none: 201, 200, a 4xx, 0 (saved, but an item failed).
        entity: The entity as it stands in the answer, or None.
        problems: The complaints; a row with any has failed.
    """

    status: int | None
    entity: Any
    problems: tuple[Problem, ...] = ()


def indexed(container: Any) -> dict[int, Any]:
    """A PHP array as a map from index: a list when it has no gap, else an object with text keys, in any order."""
    if isinstance(container, list):
        return dict(enumerate(container))
    if isinstance(container, Mapping):
        return {int(key): value for key, value in container.items() if isinstance(key, str) and key.isdecimal()}
    return {}


def read_rows(body: Any, many: str, count: int) -> list[Row]:
    """Split the answer of a batch of *count* rows, by position in the request.

    Mautic: REST API, Batch requests.
    """
    if not isinstance(body, Mapping):
        return [Row(None, None)] * count
    entities, codes, errors = (indexed(body.get(key)) for key in (many, "statusCodes", "errors"))
    rows = []
    for index in range(count):
        code = codes.get(index)
        problems = row_problems(errors[index]) if index in errors else ()
        entity = entities.get(index)
        rows.append(Row(_row_code(code, problems), entity if isinstance(entity, Mapping) else None, problems))
    return rows


def _row_code(code: Any, problems: Iterable[Problem]) -> int | None:
    first = next(iter(problems), None)
    if first is not None and isinstance(first.code, int):
        return first.code
    return code if isinstance(code, int) else None


# --- headers -------------------------------------------------------------------------------------------------------

MAX_WAIT: Final = 3660.0
"""No wait that a server asks for is longer than its window of an hour and a minute, in seconds."""


@frozen
class Rate:
    """The limiter's headers of one answer; *reset* and *date* are epoch seconds of the server's clock."""

    limit: int
    remaining: int
    reset: int
    date: float | None


def rate_of(answer: Answer) -> Rate | None:
    """The limiter's state, or None where the limiter is off or its headers are odd."""
    headers = answer.headers
    values = [_count(headers.get(f"x-ratelimit-{name}")) for name in ("limit", "remaining", "reset")]
    limit, remaining, reset = values
    if limit is None or remaining is None or reset is None or limit <= 0:
        return None
    return Rate(limit, remaining, reset, date_of(answer))


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdecimal() and len(text) <= 12 else None


def date_of(answer: Answer) -> float | None:
    """The server's clock, in epoch seconds."""
    return _epoch(answer.headers.get("date"))


def _epoch(text: str | None) -> float | None:
    if not text or len(text) > 40:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def retry_after(answer: Answer) -> float | None:
    """Seconds that ``Retry-After`` asks for, from a number or from a date against the answer's own ``Date``."""
    text = answer.headers.get("retry-after")
    seconds = _count(text)
    if seconds is not None:
        return min(float(seconds), MAX_WAIT)
    until, now = _epoch(text), date_of(answer)
    return None if until is None or now is None else min(max(0.0, until - now), MAX_WAIT)
