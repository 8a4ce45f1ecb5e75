"""What the server, or an attacker through it, says is cleaned before anybody quotes it; people's addresses stay out."""

import json
import logging
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mautic_async import BasicAuth, Contact, Limits, Mautic, MauticError
from mautic_async.auth.token_endpoint import parse_token_response
from mautic_async.errors import ConfigurationError, sanitize
from mautic_async.protocol import Call, Response, parse_batch, parse_response
from tests.support.chunked_transport import make_chunked_transport

GOLDEN = Path(__file__).with_name("golden_quotes.txt")
CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
ATTACKS = [
    "fine",
    "two\r\nlines: INFO root logged in",
    "bell\x07 escape\x1b[31mred\x1b[0m title\x1b]0;owned\x07",
    "NUL\0 DEL\x7f C1\x85\x9b31m backspace\x08\x08\x08",
    "line\u2028paragraph\u2029separators",
    "bidi \u202eesrever\u202c \u2066isolated\u2069 \u200fmark \u061carabic mark",
    "zero\u200bwidth\u200djoined\ufeff \u2060word",
    "annotated\ufff9hidden\ufffa\ufffb",
    "half a pair \ud83d and \udc00",
    "tab\tand\x0bvertical\x0cfeed",
    "tag characters \U000e0001\U000e0041\U000e007f",
    'ada@example.com and <Ada.Lovelace+tag@mail.example.co.uk>, "quoted"@example.com; b\u00fccher@b\u00fccher.example',
    "%s %d %(name)s {0} {self} ${jndi:ldap://x}",
    "\\r\\n already escaped",
    "x" * 400,
    "ada@example.com" * 40,
    "\u202e" * 400,
]


def test_error_quotes_match_the_golden_file() -> None:
    written = "".join(f"{sanitize(text)}\n" for text in ATTACKS)
    assert written == GOLDEN.read_text(encoding="utf-8")


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_error_quotes_hold_no_control_character_and_no_address(attack: str) -> None:
    text = sanitize(attack)
    assert CONTROL.search(text) is None
    assert text.encode("utf-8")
    assert "example.co" not in text
    assert len(text) <= 310


def bodies(attack: str) -> list[Any]:
    """Every shape of an error, with *attack* in every text of it."""
    item = {"message": attack, "code": attack, "type": attack, "details": {attack: [attack, {attack: attack}]}}
    return [
        {"errors": [item]},
        {"errors": {attack: item}},
        {"errors": [{**item, "details": attack}]},
        {"errors": [{**item, "details": []}]},
        {"errors": [attack]},
        {"error": attack, "error_description": attack},
        {"error": {"message": attack, "code": 403, "type": attack}},
        {"hydra:title": attack, "hydra:description": attack},
        {"detail": attack, "status": 422, "type": attack},
        {"success": False, "failed": [attack], "status": attack, "message": attack},
        attack,
        json.dumps({"error": {"message": attack}}),
        [attack],
        {attack: attack},
    ]


def told(error: MauticError) -> list[str]:
    problems = getattr(error, "problems", ())
    texts = [str(error), repr(error), *(str(problem) + repr(problem) for problem in problems)]
    return [*texts, *error.__dict__.get("__notes__", ()), getattr(error, "call", "")]


def clean(texts: list[str]) -> None:
    for text in texts:
        assert CONTROL.search(text) is None
        assert "example.co" not in text
        text.encode("utf-8")


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 422, 429, 500, 502])
@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_errors_do_not_repeat_an_attack(attack: str, status: int) -> None:
    for body in bodies(attack):
        raws = [json.dumps(body).encode(), str(body).encode("utf-8", "replace")]
        for raw in raws:
            try:
                parse_response(
                    Call("PATCH", "contacts/3/edit"), Response(status, {"location": attack, "retry-after": attack}, raw)
                )
            except MauticError as error:
                clean(told(error))
            try:
                parse_token_response(Response(status, {"retry-after": attack}, raw))
            except MauticError as error:
                clean(told(error))


@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
def test_batch_row_errors_do_not_repeat_an_attack(attack: str) -> None:
    for body in bodies(attack):
        if isinstance(body, dict):
            for row in parse_batch({**body, "contacts": {}, "statusCodes": {"0": attack}}, "contacts", 2):
                clean([str(problem) for problem in row.problems])
                clean([repr(problem) for problem in row.problems])


@pytest.mark.virtual_time
@pytest.mark.parametrize("attack", ATTACKS, ids=range(len(ATTACKS)))
async def test_log_lines_do_not_repeat_an_attack(attack: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for body in bodies(attack):
        raw = json.dumps(body).encode()
        headers = [(b"mautic-version", sanitize(attack).encode("latin-1", "replace")), (b"x-mautic-odd", b"1")]
        async with Mautic(
            "https://mautic.example.org",
            auth=BasicAuth("ada", "secret"),
            transport=make_chunked_transport(raw, status=400, headers=headers),
        ) as mautic:
            for verb, path in (("GET", "contacts/3"), ("POST", "contacts/new")):
                try:
                    await mautic.call(verb, path, body={"email": "ada@example.com"} if verb == "POST" else None)
                except MauticError as error:
                    clean(told(error))
    lines = [record for record in caplog.records if record.name == "mautic_async"]
    assert lines
    for record in lines:
        fields = {key: value for key, value in vars(record).items() if key not in {"exc_info", "exc_text"}}
        clean([record.getMessage(), *map(str, fields.values())])


CANARY = "canary.person@example.com"
ERRORS: list[tuple[int, Any]] = [
    (
        400,
        {
            "errors": [
                {"message": f"email: {CANARY} is taken", "code": 400, "details": {"email": [f"{CANARY} is taken"]}}
            ]
        },
    ),
    (422, {"errors": [{"message": f"'{CANARY}' must be unique", "code": 422, "details": []}]}),
    (404, {"errors": [{"message": f"No contact <{CANARY}>", "code": 404, "details": []}]}),
    (401, {"errors": [{"message": f"user {CANARY} unknown", "code": 401, "type": "access_denied"}]}),
    (403, {"error": "access_denied", "error_description": f"{CANARY} may not"}),
    (429, {"errors": [{"message": f"{CANARY} exceeded the rate limit", "code": 429, "details": []}]}),
    (500, f"<html>Fatal error for {CANARY}</html>".encode()),
    (502, f"<html>{CANARY}</html>".encode()),
    (200, f"<html>{CANARY}</html>".encode()),
    (200, {"success": False, "failed": [CANARY]}),
    (302, {"contact": {"email": CANARY}}),
    (200, f'{{"contact": {{"email": "{CANARY}"'.encode()),
]


@pytest.mark.virtual_time
@pytest.mark.parametrize(("status", "body"), ERRORS, ids=range(len(ERRORS)))
async def test_messages_and_log_lines_hold_no_email_address(
    status: int, body: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    events: list[str] = []
    texts: list[str] = []
    contact = Contact(email=CANARY, firstname="Canary")
    inner = make_chunked_transport(raw, status=status)
    async with Mautic(
        "https://mautic.example.org",
        auth=BasicAuth("ada", "secret"),
        transport=inner,
        hooks=(lambda event: events.append(repr(event)),),
        limits=Limits(patience=0),
    ) as mautic:
        calls: list[Callable[[], Awaitable[Any]]] = [
            lambda: mautic.contacts.create(contact),
            lambda: mautic.contacts.edit(3, contact),
            lambda: mautic.contacts.upsert(contact),
            lambda: mautic.contacts.list(search=f"email:{CANARY}"),
            lambda: mautic.call("POST", "contacts/new", body={"email": CANARY}, query={"search": CANARY}),
            lambda: mautic.contacts.get(CANARY),  # type: ignore[arg-type]  # what a caller may do
        ]
        for call in calls:
            try:
                await call()
            except MauticError as error:
                texts.extend(told(error))
    clean(texts)
    assert "Canary" not in "".join(texts)
    assert events
    clean(events)
    for record in caplog.records:
        if record.name.partition(".")[0] in {"mautic_async", "httpx", "httpcore"}:
            clean([record.getMessage(), str({key: value for key, value in vars(record).items() if key != "args"})])
            clean([str(record.args)])


async def test_httpx_log_lines_hold_no_search_terms_of_this_client(caplog: pytest.LogCaptureFixture) -> None:
    before = list(logging.getLogger("httpx").filters)
    caplog.set_level(logging.INFO)
    async with Mautic(
        "https://mautic.example.org:443/sub",
        auth=BasicAuth("ada", "secret"),
        transport=make_chunked_transport(b'{"contacts": {}}'),
    ) as mautic:
        await mautic.call("GET", "contacts", query={"access_token": "t0ken", "search": f"email:{CANARY}", "empty": ""})
    (line,) = [record.getMessage() for record in caplog.records if record.name == "httpx"]
    assert "https://mautic.example.org/sub/api/contacts?access_token=***&search=***&empty=***" in line
    assert logging.getLogger("httpx").filters == before


async def test_httpx_log_lines_of_other_clients_stay_unchanged(caplog: pytest.LogCaptureFixture) -> None:
    import httpx

    caplog.set_level(logging.INFO)
    async with Mautic(
        "https://mautic.example.org",
        auth=BasicAuth("ada", "secret"),
        transport=make_chunked_transport(b'{"contacts": {}}'),
    ) as mautic:
        await mautic.call("GET", "contacts", query={"search": "x"})
        async with httpx.AsyncClient(transport=make_chunked_transport(b"{}"), trust_env=False) as other:
            await other.get("https://other.example.org/?q=mine")
    assert "https://other.example.org/?q=mine" in caplog.text


def test_errors_mask_an_email_address_in_a_path() -> None:
    from mautic_async.protocol import build_path

    for odd in (CANARY + "\n", "\ud800" + CANARY):
        with pytest.raises(ConfigurationError) as found:
            build_path("contacts", odd)
        clean([str(found.value)])
