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
def test_invariant_01_maps_decode_alike_from_lists_and_objects(contacts: Any, codes: Any, errors: Any) -> None:
    rows = protocol.parse_batch({"contacts": contacts, "statusCodes": codes, "errors": errors}, "contacts", 3)
    assert [row.entity for row in rows] == [{"id": 1}, None, {"id": 3}]
    assert [row_status(row) for row in rows] == ["created", "rejected", "updated"]


@given(st.dictionaries(st.integers(0, 5), st.integers(1, 99), max_size=6), st.randoms())
def test_invariant_01_any_order_and_any_gap(entities: dict[int, int], random: Any) -> None:
    keys = list(entities)
    random.shuffle(keys)
    as_object = {str(key): {"id": entities[key]} for key in keys}
    rows = protocol.parse_batch({"contacts": as_object}, "contacts", 6)
    assert {index: row.entity["id"] for index, row in enumerate(rows) if row.entity} == entities
    if sorted(keys) == list(range(len(keys))):
        as_list = [{"id": entities[key]} for key in sorted(keys)]
        assert protocol.parse_batch({"contacts": as_list}, "contacts", 6) == rows


def test_invariant_02_a_row_in_both_errors_and_contacts_has_failed() -> None:
    body = {"contacts": [{"id": 1}], "statusCodes": [200], "errors": [{"code": 400, "message": "no", "details": []}]}
    (row,) = protocol.parse_batch(body, "contacts", 1)
    assert row_status(row) == "rejected"


def test_invariant_03_a_row_in_neither_is_unknown() -> None:
    (row,) = protocol.parse_batch({"contacts": [], "statusCodes": [201]}, "contacts", 1)
    assert row_status(row) == "unknown"


@pytest.mark.parametrize("failing", [{0}, {2}, {0, 1, 2}, {1}])
def test_invariant_04_results_map_to_rows_by_index(failing: set[int]) -> None:
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
def test_invariant_05_odd_codes_are_partial(code: int) -> None:
    body = {"contacts": [], "statusCodes": [code], "errors": [{"code": code, "message": "'x' is not a URL"}]}
    (row,) = protocol.parse_batch(body, "contacts", 1)
    assert row_status(row) == "partial"


@pytest.mark.parametrize(
    "message", ["A max of 2 entities are supported at a time.", "Es werden höchstens 2 unterstützt."]
)
def test_invariant_06_an_over_long_batch_names_its_limit_in_any_language(message: str) -> None:
    error = refused(BATCH, answer(500, {"errors": [{"code": 500, "message": message, "details": []}]}))
    assert isinstance(error, ServerError)
    assert error.batch_limit == 2
    assert verdict_for(error, Effect.UPSERT).kind == "too-many-rows"


def test_invariant_06_a_500_without_details_is_not_taken_for_it() -> None:
    error = refused(BATCH, answer(500, {"errors": [{"code": 500, "message": "(error #2)", "type": None}]}))
    assert isinstance(error, ServerError)
    assert error.batch_limit is None
    assert verdict_for(error, Effect.UPSERT).kind == "server-fault"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_invariant_11_a_redirect_is_an_error(status: int) -> None:
    with pytest.raises(UnexpectedResponse, match="base URL"):
        protocol.parse_response(BATCH, answer(status, b"", location="https://elsewhere.example/"))


def test_a_clone_is_the_one_redirect_that_is_read() -> None:
    call = Call("POST", "campaigns/clone/1", Effect.NON_IDEMPOTENT, follow_302_body=True)
    assert protocol.parse_response(call, answer(302, {"campaign": {"id": 2}})).body == {"campaign": {"id": 2}}


def test_invariant_12_json_is_read_by_content_not_by_type() -> None:
    given = answer(200, {"contact": {"id": 1}}, content_type="text/html; charset=UTF-8")
    assert protocol.parse_response(GET, given).body == {"contact": {"id": 1}}


def test_invariant_12_html_under_json_is_a_clean_error() -> None:
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
def test_each_status_has_its_class(status: int, kind: type[APIError]) -> None:
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
def test_every_error_shape_is_read(body: object) -> None:
    assert [problem.message for problem in refused(GET, answer(400, body)).problems] == ["no"]


def test_details_name_the_fields() -> None:
    body = {"errors": [{"code": 400, "message": "flat", "details": {"email": ["bad"], "name": {"x": "short"}}}]}
    error = refused(GET, answer(400, body))
    assert [(problem.field, problem.message) for problem in error.problems] == [("email", "bad"), ("name", "short")]
    assert "email: bad; name: short" in str(error)


def test_details_may_be_a_text_and_the_code_too() -> None:
    body = {"errors": [{"code": "uuid", "message": "bad", "details": "events[0].name", "type": "validation"}]}
    (problem,) = refused(GET, answer(422, body)).problems
    assert (problem.field, problem.code, problem.type) == ("events[0].name", "uuid", "validation")


def test_a_disabled_api_says_where_to_enable_it() -> None:
    body = {"errors": [{"message": "API disabled.", "code": 403, "type": "api_disabled"}]}
    assert "Configuration > API Settings" in str(refused(GET, answer(403, body)))


def test_disabled_basic_auth_says_so() -> None:
    body = {"errors": [{"message": "Basic Auth disabled. ...", "code": 403, "type": "access_denied"}]}
    assert "HTTP basic auth" in str(refused(GET, answer(403, body)))


def test_a_unique_clash_is_explained() -> None:
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
def test_a_success_that_says_it_failed_is_an_error(body: object) -> None:
    error = refused(GET, answer(200, body))
    assert isinstance(error, Rejected)
    assert error.status == 200
    assert "@" not in str(error)


@pytest.mark.parametrize(
    "body", [{"success": 1}, {"success": True}, {"success": 1, "details": {"9": {"success": False}}}]
)
def test_a_success_is_one(body: object) -> None:
    assert protocol.parse_response(GET, answer(200, body)).body == body


def test_errors_beside_rows_are_the_rows_own() -> None:
    body = {"contacts": {}, "statusCodes": [400], "errors": [{"code": 400, "message": "no"}]}
    assert protocol.parse_response(BATCH, answer(201, body)).body == body


@pytest.mark.parametrize("status", [502, 503, 504, 413, 429, 522])
def test_a_proxy_page_is_known_by_its_status(status: int) -> None:
    error = refused(GET, answer(status, b"<html>Bad Gateway</html>"))
    assert error.status == status


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_firewall_page_is_not_taken_for_mautic(status: int) -> None:
    with pytest.raises(UnexpectedResponse) as caught:
        protocol.parse_response(GET, answer(status, b"<html>blocked</html>"))
    assert caught.value.kind == "not-mautic"


# --- paths and queries ---


@pytest.mark.parametrize("id", [0, -1, True, 1.5, None])
def test_an_id_is_a_positive_integer(id: Any) -> None:
    with pytest.raises(ConfigurationError, match="positive integer"):
        protocol.validate_id(id)


@pytest.mark.parametrize("part", ["", ".", "..", "a\nb", "a\x00b"])
def test_a_part_that_could_leave_its_place_is_refused(part: str) -> None:
    with pytest.raises(ConfigurationError):
        protocol.build_path("contacts", part)


@given(st.text(min_size=1, max_size=30))
def test_a_path_keeps_its_segments(part: str) -> None:
    try:
        built = protocol.build_path("files", part, "delete")
    except ConfigurationError:
        return
    except UnicodeEncodeError:
        pytest.fail("a lone surrogate must be refused cleanly")
    assert built.count("/") == 2
    assert built.startswith("files/")
    assert built.isascii()


def test_nested_parameters_are_written_phps_way() -> None:
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
def test_hostile_json_is_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        protocol.parse_json(text)


def test_brackets_in_texts_are_no_nesting() -> None:
    assert protocol.parse_json(json.dumps({"a": "[" * 200 + "{" * 200}).encode()) == {"a": "[" * 200 + "{" * 200}


def test_a_long_number_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="digits"):
        protocol.parse_json(b"1" * 5000)


# --- headers ---

WINDOW = {"x_ratelimit_limit": "100", "x_ratelimit_remaining": "7", "x_ratelimit_reset": "1795235925"}


def test_the_limiter_is_read_on_the_servers_clock() -> None:
    rate = protocol.parse_rate_limit(answer(200, {}, **WINDOW, date="Sat, 21 Nov 2026 03:38:45 GMT"))
    assert rate == protocol.RateLimitHeaders(100, 7, 1795235925, 1795232325.0)


@pytest.mark.parametrize("name", list(WINDOW))
@pytest.mark.parametrize("value", ["", "-1", "1e3", "٣", "9" * 40, " 5"])
def test_odd_limiter_headers_are_absent_ones(name: str, value: str) -> None:
    assert protocol.parse_rate_limit(answer(200, {}, **{**WINDOW, name: value})) is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7.0), ("999999", protocol.MAX_WAIT), ("Sat, 21 Nov 2026 03:40:45 GMT", 120.0), ("soon", None), ("-3", None)],
)
def test_invariant_19_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    given = answer(429, {}, retry_after=value, date="Sat, 21 Nov 2026 03:38:45 GMT")
    assert protocol.parse_retry_after(given) == seconds


@given(st.text(max_size=60))
def test_headers_are_read_by_total_functions(text: str) -> None:
    given = answer(200, {}, date=text, retry_after=text, x_ratelimit_limit=text, mautic_version=text)
    assert protocol.parse_retry_after(given) is None or protocol.parse_retry_after(given) is not None
    protocol.parse_rate_limit(given)
    version = protocol.parse_version(given)
    assert version is None or version.isascii()


@given(st.integers(100, 599), st.binary(max_size=300))
def test_any_answer_is_read_or_raises_ours(status: int, content: bytes) -> None:
    with contextlib.suppress(MauticError):
        protocol.parse_response(GET, Response(status, {}, content))


def test_version_is_remembered_only_when_it_is_one() -> None:
    assert protocol.parse_version(answer(200, {}, mautic_version="5.2.1-dev")) == "5.2.1-dev"
    assert protocol.parse_version(answer(200, {}, mautic_version="<script>")) is None
