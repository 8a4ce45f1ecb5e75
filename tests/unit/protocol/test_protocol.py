"""What answers mean, with values: no client, no loop."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mautic_async import protocol
from mautic_async.errors import (
    APIError,
    AuthenticationError,
    ConfigurationError,
    MauticError,
    NotFound,
    PermissionDenied,
    RateLimited,
    Rejected,
    ServerError,
    UnexpectedResponse,
)
from mautic_async.protocol import Call, Effect, Response
from mautic_async.resources._batch import row_status
from mautic_async.retry.policy import verdict_for

GET = Call("GET", "contacts/1")
BATCH = Call("POST", "contacts/batch/new", Effect.UPSERT, row_count=3, is_batch=True)


def answer(status: int, body: object, **headers: str) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, {name.replace("_", "-"): value for name, value in headers.items()}, content)


def refused(call: Call, given: Response) -> APIError:
    with pytest.raises(APIError) as caught:
        protocol.parse_response(call, given)
    return caught.value


ROWS = {0: {"id": 1}, 2: {"id": 3}}


@pytest.mark.parametrize(
    ("contacts", "codes", "errors"),
    [
        ({"0": {"id": 1}, "2": {"id": 3}}, [201, 400, 200], {"1": {"code": 400, "message": "no", "details": []}}),
        ({"2": {"id": 3}, "0": {"id": 1}}, {"2": 200, "1": 400, "0": 201}, {"1": {"code": 400, "message": "no"}}),
    ],
)
def test_parse_container_reads_lists_and_objects_alike(contacts: Any, codes: Any, errors: Any) -> None:
    """Invariant 1."""
    rows = protocol.parse_batch({"contacts": contacts, "statusCodes": codes, "errors": errors}, "contacts", 3)
    assert [row.entity for row in rows] == [{"id": 1}, None, {"id": 3}]
    assert [row_status(row) for row in rows] == ["created", "rejected", "updated"]


@given(st.dictionaries(st.integers(0, 5), st.integers(1, 99), max_size=6), st.randoms())
def test_parse_container_accepts_any_order_and_any_gap(entities: dict[int, int], random: Any) -> None:
    """Invariant 1."""
    keys = list(entities)
    random.shuffle(keys)
    as_object = {str(key): {"id": entities[key]} for key in keys}
    rows = protocol.parse_batch({"contacts": as_object}, "contacts", 6)
    assert {index: row.entity["id"] for index, row in enumerate(rows) if row.entity} == entities
    if sorted(keys) == list(range(len(keys))):
        as_list = [{"id": entities[key]} for key in sorted(keys)]
        assert protocol.parse_batch({"contacts": as_list}, "contacts", 6) == rows


def test_parse_batch_takes_a_row_with_entity_and_error_as_failed() -> None:
    """Invariant 2."""
    body = {"contacts": [{"id": 1}], "statusCodes": [200], "errors": [{"code": 400, "message": "no", "details": []}]}
    (row,) = protocol.parse_batch(body, "contacts", 1)
    assert row_status(row) == "rejected"


def test_parse_batch_takes_a_row_without_entity_and_error_as_unknown() -> None:
    """Invariant 3."""
    (row,) = protocol.parse_batch({"contacts": [], "statusCodes": [201]}, "contacts", 1)
    assert row_status(row) == "unknown"


@pytest.mark.parametrize("failing", [{0}, {2}, {0, 1, 2}, {1}])
def test_parse_batch_maps_results_to_rows_by_index(failing: set[int]) -> None:
    """Invariant 4."""
    fine = {index: {"id": index + 1} for index in range(3) if index not in failing}
    body = {
        "contacts": list(fine.values())
        if list(fine) == list(range(len(fine)))
        else {str(k): v for k, v in fine.items()},
        "statusCodes": [400 if index in failing else 201 for index in range(3)],
        "errors": {str(index): {"code": 400, "message": "no"} for index in failing},
    }
    states = [row_status(row) for row in protocol.parse_batch(body, "contacts", 3)]
    assert states == ["rejected" if index in failing else "created" for index in range(3)]


@pytest.mark.parametrize("code", [0, 1062, 1213])
def test_parse_batch_takes_unexpected_codes_as_partial(code: int) -> None:
    """Invariant 5."""
    body = {"contacts": [], "statusCodes": [code], "errors": [{"code": code, "message": "'x' is not a URL"}]}
    (row,) = protocol.parse_batch(body, "contacts", 1)
    assert row_status(row) == "partial"


@pytest.mark.parametrize(
    "message", ["A max of 2 entities are supported at a time.", "Es werden höchstens 2 unterstützt."]
)
def test_parse_error_reads_the_batch_limit_in_any_language(message: str) -> None:
    """Invariant 6."""
    error = refused(BATCH, answer(500, {"errors": [{"code": 500, "message": message, "details": []}]}))
    assert isinstance(error, ServerError)
    assert error.batch_limit == 2
    assert verdict_for(error, Effect.UPSERT).kind == "too-many-rows"


def test_parse_error_does_not_take_a_bare_500_for_the_batch_limit() -> None:
    """Invariant 6."""
    error = refused(BATCH, answer(500, {"errors": [{"code": 500, "message": "(error #2)", "type": None}]}))
    assert isinstance(error, ServerError)
    assert error.batch_limit is None
    assert verdict_for(error, Effect.UPSERT).kind == "server-fault"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_parse_response_raises_on_a_redirect(status: int) -> None:
    """Invariant 11."""
    with pytest.raises(UnexpectedResponse, match="base URL"):
        protocol.parse_response(BATCH, answer(status, b"", location="https://elsewhere.example/"))


def test_parse_response_reads_the_redirect_of_a_clone() -> None:
    call = Call("POST", "campaigns/clone/1", Effect.NON_IDEMPOTENT, follow_302_body=True)
    assert protocol.parse_response(call, answer(302, {"campaign": {"id": 2}})).body == {"campaign": {"id": 2}}


def test_parse_response_recognises_json_by_content() -> None:
    """Invariant 12."""
    given = answer(200, {"contact": {"id": 1}}, content_type="text/html; charset=UTF-8")
    assert protocol.parse_response(GET, given).body == {"contact": {"id": 1}}


def test_parse_response_raises_on_html_with_a_json_content_type() -> None:
    """Invariant 12."""
    page = b"<html><head><title>Login</title></head><body>" + b"x" * 5000
    with pytest.raises(UnexpectedResponse) as caught:
        protocol.parse_response(GET, answer(200, page, content_type="application/json"))
    assert "200" in str(caught.value)
    assert "Login" in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Rejected),
        (401, AuthenticationError),
        (403, PermissionDenied),
        (404, NotFound),
        (406, Rejected),
        (409, Rejected),
        (422, Rejected),
        (428, Rejected),
        (429, RateLimited),
        (500, ServerError),
        (503, ServerError),
    ],
)
def test_parse_error_maps_each_status_to_its_class(status: int, kind: type[APIError]) -> None:
    error = refused(GET, answer(status, {"errors": [{"code": status, "message": "because", "details": []}]}))
    assert type(error) is kind
    assert error.status == status
    assert [problem.message for problem in error.problems] == ["because"]
    assert "GET contacts/1" in str(error)


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"code": 400, "message": "no", "details": []}]},
        {"errors": [{"message": "no", "code": 400, "type": "access_denied"}]},
        {"errors": {"1": {"message": "no", "code": 400, "type": "api"}}},
        {"error": "invalid", "error_description": "no"},
        {"error": {"message": "no", "code": 400}},
        {"errors": ["no"]},
        {"hydra:title": "An error occurred", "hydra:description": "no"},
    ],
)
def test_parse_error_reads_every_error_shape(body: object) -> None:
    assert [problem.message for problem in refused(GET, answer(400, body)).problems] == ["no"]


def test_parse_error_details_name_the_fields() -> None:
    body = {"errors": [{"code": 400, "message": "flat", "details": {"email": ["bad"], "name": {"x": "short"}}}]}
    error = refused(GET, answer(400, body))
    assert [(problem.field, problem.message) for problem in error.problems] == [("email", "bad"), ("name", "short")]
    assert "email: bad; name: short" in str(error)


def test_parse_error_details_and_code_may_be_texts() -> None:
    body = {"errors": [{"code": "uuid", "message": "bad", "details": "events[0].name", "type": "validation"}]}
    (problem,) = refused(GET, answer(422, body)).problems
    assert (problem.field, problem.code, problem.type) == ("events[0].name", "uuid", "validation")


def test_parse_error_of_a_disabled_api_names_the_setting() -> None:
    body = {"errors": [{"message": "API disabled.", "code": 403, "type": "api_disabled"}]}
    assert "Configuration > API Settings" in str(refused(GET, answer(403, body)))


def test_parse_error_of_disabled_basic_auth_names_the_setting() -> None:
    body = {"errors": [{"message": "Basic Auth disabled. ...", "code": 403, "type": "access_denied"}]}
    assert "HTTP basic auth" in str(refused(GET, answer(403, body)))


def test_parse_error_of_a_unique_clash_explains_it() -> None:
    body = {"errors": [{"code": 422, "message": "x", "details": {"email": ["This field must be unique."]}}]}
    assert "already holds" in str(refused(GET, answer(422, body)))


@pytest.mark.parametrize(
    "body",
    [
        {"success": False, "failed": ["x@example.com"]},
        {"success": 0},
        {"errors": [{"message": "Unknown column", "code": 1054}]},
        {"errors": [{"message": "no", "code": 0}]},
        json.dumps({"error": {"message": "SMS transport is disabled.", "code": 417}}),
    ],
)
def test_parse_response_raises_a_success_that_reports_a_failure(body: object) -> None:
    error = refused(GET, answer(200, body))
    assert isinstance(error, Rejected)
    assert error.status == 200
    assert "@" not in str(error)


@pytest.mark.parametrize(
    "body", [{"success": 1}, {"success": True}, {"success": 1, "details": {"9": {"success": False}}}]
)
def test_parse_response_returns_the_body_of_a_success(body: object) -> None:
    assert protocol.parse_response(GET, answer(200, body)).body == body


def test_parse_batch_gives_errors_beside_rows_to_the_rows() -> None:
    body = {"contacts": {}, "statusCodes": [400], "errors": [{"code": 400, "message": "no"}]}
    assert protocol.parse_response(BATCH, answer(201, body)).body == body


@pytest.mark.parametrize("status", [502, 503, 504, 413, 429, 522])
def test_parse_error_reads_a_proxy_page_by_its_status(status: int) -> None:
    error = refused(GET, answer(status, b"<html>Bad Gateway</html>"))
    assert error.status == status


@pytest.mark.parametrize("status", [400, 403, 404])
def test_parse_error_does_not_attribute_a_firewall_page_to_mautic(status: int) -> None:
    with pytest.raises(UnexpectedResponse) as caught:
        protocol.parse_response(GET, answer(status, b"<html>blocked</html>"))
    assert caught.value.kind == "not-mautic"


# --- paths and queries ---


@pytest.mark.parametrize("id", [0, -1, True, 1.5, None])
def test_path_accepts_only_positive_integers_as_ids(id: Any) -> None:
    with pytest.raises(ConfigurationError, match="positive integer"):
        protocol.validate_id(id)


@pytest.mark.parametrize("part", ["", ".", "..", "a\nb", "a\x00b"])
def test_path_refuses_a_part_that_could_leave_its_place(part: str) -> None:
    with pytest.raises(ConfigurationError):
        protocol.build_path("contacts", part)


@given(st.text(min_size=1, max_size=30))
def test_path_keeps_its_segments(part: str) -> None:
    try:
        built = protocol.build_path("files", part, "delete")
    except ConfigurationError:
        return
    except UnicodeEncodeError:
        pytest.fail("a lone surrogate must be refused cleanly")
    assert built.count("/") == 2
    assert built.startswith("files/")
    assert built.isascii()


def test_query_writes_nested_parameters_as_php() -> None:
    query = {"where": [{"col": "id", "val": [1, 2]}], "minimal": True, "search": "é", "none": None}
    assert protocol.encode_query(query) == (
        ("where[0][col]", "id"),
        ("where[0][val][0]", "1"),
        ("where[0][val][1]", "2"),
        ("minimal", "1"),
        ("search", "é"),
    )
    assert protocol.query_string((("a[b]", "x y&z"),)) == "a%5Bb%5D=x%20y%26z"


# --- JSON ---


@pytest.mark.parametrize(
    "text", [b"NaN", b'{"a": Infinity}', b"[" * 100_000, b'{"a":' * 70 + b"1" + b"}" * 70, b"\xff"]
)
def test_loads_raises_value_error_for_hostile_json(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        protocol.parse_json(text)


def test_loads_does_not_count_brackets_in_texts() -> None:
    assert protocol.parse_json(json.dumps({"a": "[" * 200 + "{" * 200}).encode()) == {"a": "[" * 200 + "{" * 200}


def test_loads_raises_value_error_for_a_long_number() -> None:
    with pytest.raises(ValueError, match="digits"):
        protocol.parse_json(b"1" * 5000)


# --- headers ---

WINDOW = {"x_ratelimit_limit": "100", "x_ratelimit_remaining": "7", "x_ratelimit_reset": "1795235925"}


def test_limiter_headers_are_read_on_the_server_clock() -> None:
    rate = protocol.parse_rate_limit(answer(200, {}, **WINDOW, date="Sat, 21 Nov 2026 03:38:45 GMT"))
    assert rate == protocol.RateLimitHeaders(100, 7, 1795235925, 1795232325.0)


@pytest.mark.parametrize("name", list(WINDOW))
@pytest.mark.parametrize("value", ["", "-1", "1e3", "٣", "9" * 40, " 5"])
def test_limiter_headers_out_of_range_are_absent(name: str, value: str) -> None:
    assert protocol.parse_rate_limit(answer(200, {}, **{**WINDOW, name: value})) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("999999", protocol.MAX_WAIT), ("Sat, 21 Nov 2026 03:40:45 GMT", 120.0), ("soon", None), ("-3", None)],
)
def test_retry_after_is_read_as_seconds_or_a_date(value: str, seconds: float | None) -> None:
    """Invariant 19."""
    given = answer(429, {}, retry_after=value, date="Sat, 21 Nov 2026 03:38:45 GMT")
    assert protocol.parse_retry_after(given) == seconds


@given(st.text(max_size=60))
def test_header_readers_never_raise(text: str) -> None:
    given = answer(200, {}, date=text, retry_after=text, x_ratelimit_limit=text, mautic_version=text)
    assert protocol.parse_retry_after(given) is None or protocol.parse_retry_after(given) is not None
    protocol.parse_rate_limit(given)
    version = protocol.parse_version(given)
    assert version is None or version.isascii()


@given(st.integers(100, 599), st.binary(max_size=300))
def test_parse_response_returns_or_raises_mautic_error_for_any_response(status: int, content: bytes) -> None:
    with contextlib.suppress(MauticError):
        protocol.parse_response(GET, Response(status, {}, content))


def test_version_is_read_only_when_well_formed() -> None:
    assert protocol.parse_version(answer(200, {}, mautic_version="5.2.1-dev")) == "5.2.1-dev"
    assert protocol.parse_version(answer(200, {}, mautic_version="<script>")) is None
