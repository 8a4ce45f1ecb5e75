from __future__ import annotations

import json
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mautic_async.auth.authorization_code import (
    ClientCredentials,
)
from mautic_async.auth.token_endpoint import parse_redirect, parse_token_response
from mautic_async.errors import (
    APIError,
    AuthenticationError,
    MauticError,
    PermissionDenied,
    RateLimited,
    Secret,
    ServerError,
    UnexpectedResponse,
)
from mautic_async.protocol import Response
from tests.support.recordings import load_exchanges
from tests.support.token_site import SECRET, Site, Strict, machine, refusal, token


@pytest.mark.virtual_time
async def test_token_request_carries_credentials_in_the_form_with_any_character() -> None:
    site = Site()
    secret = "&=+%?#;/\\\"'~é".replace("é", "!")
    await ClientCredentials("1_id", secret).header(site)
    assert site.forms == [{"grant_type": "client_credentials", "client_id": "1_id", "client_secret": secret}]


E4 = {"errors": [{"message": "The client credentials are invalid", "code": 400, "type": "invalid_client"}]}
REFUSALS: list[tuple[int, object, type[MauticError]]] = [
    (400, E4, AuthenticationError),
    (400, {"errors": [{"message": "x", "code": 400, "type": "unauthorized_client"}]}, AuthenticationError),
    (400, {"errors": [{"message": "x", "code": 400, "type": "invalid_request"}]}, AuthenticationError),
    (400, {"errors": [{"message": "x", "code": 400, "type": "redirect_uri_mismatch"}]}, AuthenticationError),
    (400, {"errors": {"0": {"message": "x", "code": 400, "type": "invalid_client"}}}, AuthenticationError),
    (401, {"errors": [{"message": "x", "code": 401, "type": "invalid_grant"}]}, AuthenticationError),
    (400, {"error": "invalid_client", "error_description": "x"}, AuthenticationError),
    (400, {"error": "invalid_client", "error_description": None}, AuthenticationError),
    (403, {"errors": [{"message": "API disabled.", "code": 403, "type": "api_disabled"}]}, PermissionDenied),
    (403, {"error": {"message": "x", "code": 403}}, PermissionDenied),
    (404, {"errors": [{"message": "Requested URL not found", "code": 404, "type": None}]}, APIError),
    (400, {"errors": [{"code": 400, "message": "x", "details": []}]}, APIError),
    (400, {"errors": [{"code": 400, "message": "e: x", "details": {"e": ["x"]}}]}, APIError),
    (500, {"errors": [{"message": "x", "code": 500, "type": None}]}, ServerError),
    (429, {"errors": [{"code": 429, "message": "x", "details": []}]}, RateLimited),
    (200, E4, AuthenticationError),
    (200, {"error": "invalid_grant"}, AuthenticationError),
    (200, E4 | {"access_token": "x", "expires_in": 3600}, AuthenticationError),
    (200, {}, UnexpectedResponse),
    (200, [], UnexpectedResponse),
    (200, "access_token", UnexpectedResponse),
    (200, None, UnexpectedResponse),
    (200, {"access_token": ""}, UnexpectedResponse),
    (200, {"access_token": None}, UnexpectedResponse),
    (200, {"access_token": 5}, UnexpectedResponse),
    (200, {"access_token": ["x"]}, UnexpectedResponse),
    (200, {"access_token": "a b"}, UnexpectedResponse),
    (200, {"access_token": "a\r\nX-Evil: 1"}, UnexpectedResponse),
    (200, {"access_token": "\u2028"}, UnexpectedResponse),
    (200, {"access_token": "x" * 70_000}, UnexpectedResponse),
    (200, {"access_token": "x", "refresh_token": 5}, UnexpectedResponse),
    (200, b"<!DOCTYPE html><form>log in</form>", UnexpectedResponse),
    (404, b"<html>nginx</html>", UnexpectedResponse),
    (502, b"<html>nginx</html>", ServerError),
    (429, b"slow down", RateLimited),
    (401, b"", AuthenticationError),
    (302, b"", UnexpectedResponse),
    (200, b'{"access_token": "canary-in-a-cut-bo', UnexpectedResponse),
    (200, b"[" * 100_000, UnexpectedResponse),
    (200, b'{"access_token": NaN}', UnexpectedResponse),
]


def body_of(content: object) -> bytes:
    return content if isinstance(content, bytes) else json.dumps(content).encode()


@pytest.mark.virtual_time
@pytest.mark.parametrize(("status", "content", "kind"), REFUSALS)
async def test_token_request_raises_every_shape_of_error_and_stores_no_token(
    status: int, content: object, kind: type[MauticError]
) -> None:
    """Invariant 41."""
    site = Site()
    before = token("old", "refresh-0", seconds=-5)
    store = Strict(before)
    site.script = [Response(status, {}, body_of(content))] * 2
    with pytest.raises(kind) as caught:
        await machine(store).header(site)
    assert store.saved == []
    assert await store.load() is before
    text = "".join(traceback.format_exception(caught.value))
    assert "canary" not in text
    assert SECRET not in text
    assert "Evil" not in text


def test_token_error_advice_for_wrong_credentials_names_the_settings_to_check() -> None:
    with pytest.raises(AuthenticationError, match=r"invalid_client.*client_id and client_secret.*API Credentials"):
        parse_token_response(Response(400, {}, body_of(E4)))
    with pytest.raises(PermissionDenied, match="API enabled"):
        parse_token_response(refusal("api_disabled", status=403))


def test_token_error_masks_a_secret_that_the_server_repeats() -> None:
    with pytest.raises(AuthenticationError) as caught:
        parse_token_response(refusal("invalid_client", f"no client with {SECRET}"), Secret(SECRET))
    assert SECRET not in str(caught.value) + repr(caught.value.problems)


def test_parse_token_response_reads_every_recorded_response() -> None:
    seen = 0
    for recorded in load_exchanges().values():
        if recorded["request"]["path"] != "/oauth/v2/token":
            continue
        seen += 1
        answer = recorded["response"]
        headers = {name.lower(): value for name, value in answer["headers"].items()}
        told = Response(answer["status"], headers, json.dumps(answer["body"]).encode())
        if answer["status"] == 200:
            granted = parse_token_response(told)
            assert granted.lifetime == 3600
            assert (granted.refresh is not None) == ("refresh_token" in answer["body"])
            continue
        with pytest.raises(APIError) as caught:
            parse_token_response(told)
        error = answer["body"]["errors"][0]
        assert caught.value.status == answer["status"]
        assert caught.value.problems[0].type == error["type"]
        assert error["message"] in str(caught.value)
        assert isinstance(caught.value, AuthenticationError) == (answer["status"] == 400)
    assert seen >= 20


@pytest.mark.parametrize(
    "text",
    ["", "https://a.example/?code=1&code=2&state=x", "https://[", "?" + "a=1&" * 60, "https://a.example/"],
)
def test_parse_redirect_returns_no_code_for_other_urls(text: str) -> None:
    came = parse_redirect(text)
    assert came.code is None


@given(st.text(max_size=200))
def test_parse_redirect_accepts_any_text(text: str) -> None:
    came = parse_redirect(text)
    assert came.error is None or len(came.error) <= 40
