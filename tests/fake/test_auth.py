"""Who may ask the simulator, and what: recordings `auth-*`, `oauth-*`, `permission-*`, `api-disabled-*`."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from mautic_async.testing import FakeMautic
from mautic_async.testing.virtual_time import virtual_clock
from tests.support.raw_client import RawClient, RawResponse

CODE_CLIENT = {"client_id": "2_fake-code-client", "client_secret": "fake-code-secret"}
BACK = "http://127.0.0.1:8099/callback"


def error(got: RawResponse) -> tuple[int, str, str]:
    return got.status, got.error["type"], got.error["message"]


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def token(api: RawClient, **fields: str) -> RawResponse:
    return await api.form("oauth/v2/token", **fields)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", (401, "access_denied", "API authorization denied.")),
        ("Bearer nope", (401, "invalid_grant", "The access token provided is invalid.")),
        ("Bearer ", (401, "access_denied", "API authorization denied.")),
        ("Token abc", (401, "access_denied", "API authorization denied.")),
        (basic("admin", "wrong"), (401, "access_denied", "Authorization denied, invalid credentials.")),
        (basic("nobody", "mautic"), (401, "access_denied", "Authorization denied, invalid credentials.")),
        ("Basic %%%", (401, "access_denied", "Authorization denied, invalid credentials.")),
    ],
)
async def test_auth_refuses_bad_credentials_in_the_recorded_words(
    api: RawClient, header: str, expected: tuple[int, str, str]
) -> None:
    api.headers["authorization"] = header
    got = await api.get("contacts")
    assert error(got) == expected
    assert not {"Mautic-Version", "WWW-Authenticate"} & set(got.headers)


async def test_auth_scheme_is_case_sensitive_and_two_tokens_are_a_500(api: RawClient) -> None:
    bearer = api.headers["authorization"]
    assert (await api.get("contacts", access_token=bearer[7:])).status == 500
    api.headers["authorization"] = bearer.replace("Bearer", "bearer")
    assert (await api.get("contacts")).status == 401
    del api.headers["authorization"]
    assert (await api.get("contacts", access_token=bearer[7:])).status == 200


async def test_auth_settings_switch_the_api_and_basic_auth_off() -> None:
    async with FakeMautic(api_enabled=False) as fake:
        got = await token(RawClient(fake), grant_type="client_credentials")
        assert (got.status, got.error["type"]) == (403, "api_disabled")
    async with FakeMautic(basic_auth=False) as fake:
        api = await RawClient(fake).login()
        assert (await api.get("contacts")).status == 200
        api.headers["authorization"] = basic("admin", "mautic")
        assert (await api.get("contacts")).error["message"].startswith("Basic Auth disabled.")


async def test_token_endpoint_errors_are_all_400_with_a_type(api: RawClient) -> None:
    own = {"client_id": api.fake.client_id, "client_secret": api.fake.client_secret}
    told: list[tuple[dict[str, str], str, str]] = [
        (own, "invalid_request", "Invalid grant_type parameter or parameter missing"),
        (own | {"grant_type": "nonsense"}, "invalid_request", "Invalid grant_type parameter or parameter missing"),
        ({"grant_type": "client_credentials"}, "invalid_client", "Client id was not found in the headers or body"),
        (
            own | {"grant_type": "client_credentials", "client_secret": "x"},
            "invalid_client",
            "The client credentials are invalid",
        ),
        (own | {"grant_type": "password"}, "unauthorized_client", "The grant type is unauthorized for this client_id"),
        (
            CODE_CLIENT | {"grant_type": "client_credentials"},
            "unauthorized_client",
            "The grant type is unauthorized for this client_id",
        ),
        (CODE_CLIENT | {"grant_type": "refresh_token"}, "invalid_request", 'No "refresh_token" parameter found'),
        (CODE_CLIENT | {"grant_type": "refresh_token", "refresh_token": "x"}, "invalid_grant", "Invalid refresh token"),
        (
            CODE_CLIENT | {"grant_type": "authorization_code", "code": "x", "redirect_uri": BACK},
            "invalid_grant",
            "Code doesn't exist or is invalid for the client",
        ),
    ]
    for fields, type, message in told:
        assert error(await token(api, **fields)) == (400, type, message)
    assert (await api.send("PUT", "oauth/v2/token")).status == 404


async def test_token_endpoint_reads_forms_json_queries_and_the_basic_header(api: RawClient) -> None:
    own = {"client_id": api.fake.client_id, "client_secret": api.fake.client_secret}
    grant = {"grant_type": "client_credentials"}
    header = basic(own["client_id"], own["client_secret"])
    query = "&".join(f"{name}={value}" for name, value in (own | grant).items())
    raw = json.dumps(own | grant).encode()
    answers = [
        await token(RawClient(api.fake, {"authorization": header}), **grant),
        await api.send("GET", f"oauth/v2/token?{query}"),
        await api.send("POST", "oauth/v2/token", raw, content_type="application/json"),
    ]
    for got in answers:
        assert (got.status, sorted(got.json)) == (200, ["access_token", "expires_in", "scope", "token_type"])


async def walk(api: RawClient, state: str = "s-1") -> str:
    """Log in and consent, as a script does it; gives the code."""
    asked = (
        f"oauth/v2/authorize?client_id={CODE_CLIENT['client_id']}&response_type=code&redirect_uri={BACK}&state={state}"
    )
    browser = RawClient(api.fake)

    async def follow(got: RawResponse) -> str:
        assert got.status == 302
        if "Set-Cookie" in got.headers:
            browser.headers["cookie"] = got.headers["Set-Cookie"].partition(";")[0]
        return got.headers["Location"]

    assert (await follow(await browser.send("GET", asked))).endswith("/oauth/v2/authorize_login")
    form = await browser.send("GET", "oauth/v2/authorize_login")
    assert b"_username" in form.body
    location = await follow(await browser.form("oauth/v2/authorize_login_check", _username="admin", _password="mautic"))
    consent = await browser.send("GET", location.partition("://")[2].partition("/")[2])
    assert b"lab-code-only" in consent.body
    fields = {"client_id": CODE_CLIENT["client_id"], "response_type": "code", "redirect_uri": BACK, "state": state}
    answer = parse_qs(urlsplit(await follow(await browser.form("oauth/v2/authorize", accepted="1", **fields))).query)
    assert answer["state"] == [state]
    return answer["code"][0]


async def test_authorization_pages_can_be_walked_by_a_script(api: RawClient) -> None:
    code = await walk(api)
    wrong = await token(api, grant_type="authorization_code", code=code, redirect_uri="http://else.test", **CODE_CLIENT)
    assert wrong.error["type"] == "redirect_uri_mismatch"
    got = await token(api, grant_type="authorization_code", code=code, redirect_uri=BACK, **CODE_CLIENT)
    assert got.status == 200
    again = await token(api, grant_type="authorization_code", code=code, redirect_uri=BACK, **CODE_CLIENT)
    assert again.status == 400
    user = RawClient(api.fake, {"authorization": f"Bearer {got.json['access_token']}"})
    contact = (await user.post("contacts/new", {"email": "u@example.com"})).json["contact"]
    assert (contact["createdBy"], contact["createdByUser"]) == (1, "Admin Lab")


async def test_authorization_refusal_redirects_with_an_error(api: RawClient) -> None:
    browser = RawClient(api.fake)
    got = await browser.form("oauth/v2/authorize_login_check", _username="admin", _password="mautic")
    browser.headers["cookie"] = got.headers["Set-Cookie"].partition(";")[0]
    fields = {"client_id": CODE_CLIENT["client_id"], "response_type": "code", "redirect_uri": BACK}
    refused = await browser.form("oauth/v2/authorize", rejected="1", **fields)
    assert "error=access_denied" in refused.headers["Location"]
    wrong = await browser.form("oauth/v2/authorize_login_check", _username="admin", _password="nope")
    assert wrong.headers["Location"].endswith("authorize_login")


async def test_refresh_token_works_once_and_the_old_access_token_stays_valid(api: RawClient) -> None:
    first = (
        await token(api, grant_type="authorization_code", code=await walk(api), redirect_uri=BACK, **CODE_CLIENT)
    ).json
    spend: dict[str, Any] = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"], **CODE_CLIENT}
    second = await token(api, **spend)
    assert second.json["refresh_token"] != first["refresh_token"]
    assert error(await token(api, **spend))[1:] == ("invalid_grant", "Invalid refresh token")
    old = RawClient(api.fake, {"authorization": f"Bearer {first['access_token']}"})
    assert (await old.get("contacts")).status == 200
    api.fake.revoke_refresh_tokens()
    gone = await token(api, **spend | {"refresh_token": second.json["refresh_token"]})
    assert gone.status == 400


@pytest.mark.virtual_time
async def test_tokens_and_codes_expire_on_the_server_clock() -> None:
    async with FakeMautic(clock=virtual_clock(asyncio.get_running_loop()), refresh_token_lifetime=7200) as fake:
        api = await RawClient(fake).login()
        code = await walk(api)
        await asyncio.sleep(31)
        late = await token(api, grant_type="authorization_code", code=code, redirect_uri=BACK, **CODE_CLIENT)
        assert late.error["message"] == "The authorization code has expired"
        got = await token(api, grant_type="authorization_code", code=await walk(api), redirect_uri=BACK, **CODE_CLIENT)
        await asyncio.sleep(3600)
        assert error(await api.get("tags")) == (401, "invalid_grant", "The access token provided has expired.")
        await asyncio.sleep(3600)
        spent = await token(api, grant_type="refresh_token", refresh_token=got.json["refresh_token"], **CODE_CLIENT)
        assert spent.error["message"] == "Refresh token has expired"


@pytest.mark.virtual_time
async def test_refresh_twice_at_the_same_instant_may_succeed_twice() -> None:
    async with FakeMautic(clock=virtual_clock(asyncio.get_running_loop()), latency=(0.01, 0.01)) as fake:
        api = RawClient(fake)
        first = await token(
            api, grant_type="authorization_code", code=await walk(api), redirect_uri=BACK, **CODE_CLIENT
        )
        spend = {"grant_type": "refresh_token", "refresh_token": first.json["refresh_token"], **CODE_CLIENT}
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(token(api, **spend)) for _ in range(2)]
        assert [task.result().status for task in tasks] == [200, 200]
        assert (await token(api, **spend)).status == 400


async def test_expire_tokens_ends_access_tokens_at_once(api: RawClient) -> None:
    api.fake.expire_tokens()
    assert error(await api.get("tags"))[2] == "The access token provided has expired."


async def limited(api: RawClient) -> RawClient:
    return RawClient(api.fake, {"authorization": basic("limited", "limited")})


async def test_user_with_own_permissions_sees_own_entities_unless_where_is_sent(api: RawClient) -> None:
    await api.contact(email="a@example.com")
    await api.contact(email="b@example.com", owner=2)
    user = await limited(api)
    assert (await user.get("contacts")).json["total"] == "1"
    sneaky = {"where[0][col]": "id", "where[0][expr]": "gt", "where[0][val]": "0"}
    assert (await user.get("contacts", **sneaky)).json["total"] == "2"
    assert (await user.get("contacts/2")).status == 200
    denied = await user.get("contacts/1")
    assert (denied.status, denied.error) == (
        403,
        {"code": 403, "message": "You do not have access to the requested area/action.", "details": []},
    )


async def test_user_with_own_permissions_may_not_write(api: RawClient) -> None:
    await api.contact(email="a@example.com")
    user = await limited(api)
    assert (await user.post("contacts/new", {"email": "l@example.com"})).status == 403
    assert (await user.post("contacts/batch/new", [{"email": "l@example.com"}])).status == 403
    assert (await user.patch("contacts/1/edit", {"city": "x"})).status == 403
    assert (await user.delete("contacts/1/delete")).status == 403
    assert (await user.get("segments")).status == 403
    batch = await user.patch("contacts/batch/edit", [{"id": 1, "firstname": "x"}])
    assert (batch.json["statusCodes"], batch.json["contacts"]) == ([403], [])
    assert batch.error == {
        "message": "You do not have access to the requested area/action.",
        "code": 403,
        "type": "api",
    }


async def test_any_user_may_create_fields_but_only_administrators_change_them(api: RawClient) -> None:
    user = await limited(api)
    created = await user.post("fields/contact/new", {"label": "Shoe", "type": "text"})
    assert (created.status, (await user.get("fields/contact")).status) == (201, 403)
    assert (await user.post("fields/contact/batch/new", [{"label": "Hat", "type": "text"}])).status == 201
    path = f"fields/contact/{created.json['field']['id']}"
    for refused in (
        await user.patch(path + "/edit", {"label": "Boot"}),
        await user.delete(path + "/delete"),
        await user.patch("fields/contact/batch/edit", [{"id": created.json["field"]["id"], "label": "Boot"}]),
        await user.put("fields/contact/9999/edit", {"label": "New"}),
    ):
        assert (refused.status, refused.error["message"][:37]) == (403, "Looks like I encountered an error (er")


async def test_batch_delete_lists_the_rows_it_was_not_allowed_to_delete(api: RawClient) -> None:
    await api.contact(email="a@example.com")
    got = await (await limited(api)).delete("contacts/batch/delete?ids=1,99")
    assert [one["id"] for one in got.json["contacts"]] == [1]
    assert len(api.fake.contacts) == 1


async def test_authorization_page_refuses_unknown_clients_and_malformed_requests(api: RawClient) -> None:
    browser = RawClient(api.fake)
    got = await browser.form("oauth/v2/authorize_login_check", _username="admin", _password="mautic")
    browser.headers["cookie"] = got.headers["Set-Cookie"].partition(";")[0]
    fields = {"client_id": CODE_CLIENT["client_id"], "response_type": "code", "redirect_uri": BACK}
    for change, type in [
        ({"client_id": "nobody"}, "invalid_client"),
        ({"redirect_uri": "http://else.test"}, "redirect_uri_mismatch"),
        ({"response_type": "token"}, "invalid_request"),
        ({"scope": "all"}, "invalid_scope"),
    ]:
        refused = await browser.form("oauth/v2/authorize", accepted="1", **fields | change)
        assert (refused.status, refused.error["type"]) == (400, type)
    own = {"client_id": api.fake.client_id, "client_secret": api.fake.client_secret}
    scoped = await token(api, grant_type="client_credentials", scope="all", **own)
    assert error(scoped)[1:] == ("invalid_scope", "An unsupported scope was requested.")
    missing = await token(api, grant_type="authorization_code", **CODE_CLIENT)
    assert missing.error["type"] == "invalid_request"


async def test_unpublished_user_cannot_sign_in(api: RawClient) -> None:
    got = await token(api, grant_type="authorization_code", code=await walk(api), redirect_uri=BACK, **CODE_CLIENT)
    user = RawClient(api.fake, {"authorization": f"Bearer {got.json['access_token']}"})
    await api.patch("users/1/edit", {"isPublished": False})
    assert error(await user.get("tags")) == (401, "access_denied", "API authorization denied.")
    user.headers["authorization"] = basic("admin", "mautic")
    assert error(await user.get("tags"))[2] == "Authorization denied, invalid credentials."
