"""All that a real server said decodes; all that it refused is the exception it should be."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import attrs
import pytest

from mautic_async import APIError, NotFound, Rejected, UnexpectedResponse, codec, protocol
from mautic_async import models as m
from mautic_async.codec.fields import json_fields
from mautic_async.codec.request_bodies import from_labels
from mautic_async.models import Company, Contact, Nested
from mautic_async.protocol import Call, Response
from tests.support import recorded_entities
from tests.support.recordings import (
    Version,
    folder,
    load_conversation,
    load_exchanges,
    load_initial_state,
    load_openapi,
    load_routes,
)

VERSIONS: tuple[Version, ...] = (5, 7)

CREDENTIALS = {"access_token", "refresh_token", "client_secret", "password", "plainPassword", "secret"}

CREDENTIAL_IN_TEXT = re.compile(
    r"\b(access_token|refresh_token|client_secret|password)=([^&\s\"]+)|\b(Bearer) (\w{20,})"
)

EXTRA = {
    "Widget.success": "of the envelope",
}
"""Keys that come and no class names."""

UNREADABLE: Mapping[str, str] = {
    "api-contacts-options": "OPTIONS: 204 without a body",
    "api-contacts-head": "HEAD: no body",
}


class Exchange(NamedTuple):
    name: str
    call: Call
    answer: Response


@cache
def exchanges() -> tuple[Exchange, ...]:
    return tuple(_exchanges())


def _exchanges() -> Iterator[Exchange]:
    for name, recorded in load_exchanges().items():
        asked, told = recorded["request"], recorded["response"]
        path = asked["path"].partition("/api/")[2]
        if not path:
            continue
        body = told.get("body")
        headers = {name.lower(): str(value) for name, value in (told.get("headers") or {}).items()}
        is_text = isinstance(body, str) and "json" not in headers.get("content-type", "")
        content = body.encode() if is_text else b"" if body is None else json.dumps(body).encode()
        call = Call(
            asked["method"],
            path,
            row_count=len(asked["body"]) if isinstance(asked.get("body"), list) else 0,
            is_batch="/batch/" in path,
            follow_302_body="clone" in path,
            binary=name == "themes-get",
        )
        yield Exchange(name, call, Response(told["status"], headers, content))


def test_recordings_are_as_many_as_before() -> None:
    assert len(exchanges()) > 1100
    assert [len(load_exchanges(version)) for version in VERSIONS] == [1205, 792]
    assert [len(load_conversation(version)) for version in VERSIONS] == [1100, 1165]
    assert [len(load_routes(version)) for version in VERSIONS] == [336, 538]
    assert all(load_initial_state(version) for version in VERSIONS)
    assert load_openapi()["openapi"].startswith("3.1")


@pytest.mark.parametrize("version", VERSIONS)
def test_recordings_hold_no_credential(version: Version) -> None:
    records = [*load_exchanges(version).values(), *load_conversation(version), load_initial_state(version)]
    assert not {f"{name}: {value}" for name, value in credentials(records, "") if not value.startswith("REDACTED-")}


def credentials(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield every text that stands where a credential would, with its name."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from credentials(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from credentials(item, name)
    elif isinstance(value, str) and value:
        yield from ((found[1], found[2]) for found in CREDENTIAL_IN_TEXT.finditer(value))
        if name in CREDENTIALS:
            yield name, value
        elif name.lower() == "set-cookie":
            yield name, value.partition("=")[2]


@pytest.mark.parametrize("version", VERSIONS)
def test_recordings_are_packed_without_file_name_and_time(version: Version) -> None:
    """Equal content is equal bytes: no name (flags are 0) and no time stands in the header of a gzip file."""
    paths = list(folder(version).glob("*.gz"))
    assert paths
    assert all(path.read_bytes()[3:8] == bytes(5) for path in paths)


# --- successes -------------------------------------------------------------------------------------------------------


def test_decode_reads_every_recorded_entity_without_leftovers() -> None:
    stray: dict[str, str] = {}
    count = 0
    for part in recorded_entities.answered_parts():
        count += 1
        for place in leftovers(codec.decode(part.model, part.value)):
            stray.setdefault(place, part.source)
    assert count > 1000
    assert stray.keys() == EXTRA.keys(), stray


def decoded(part: recorded_entities.Part) -> list[Nested]:
    return [codec.decode(part.model, part.value)]


def leftovers(entity: Nested) -> Iterator[str]:
    """Keys in the `extra` of an entity and of all inside it."""
    for key in entity.extra:
        yield f"{type(entity).__name__}.{key}"
    for a in attrs.fields(type(entity)):
        yield from inside(getattr(entity, a.name))


def inside(value: Any) -> Iterator[str]:
    if isinstance(value, Nested):
        yield from leftovers(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from inside(item)
    elif isinstance(value, list):
        for item in value:
            yield from inside(item)


def test_decode_reads_every_recorded_date_as_aware() -> None:
    naive = {
        f"{type(entity).__name__}.{a.name}"
        for part in recorded_entities.answered_parts()
        for entity in decoded(part)
        for a in attrs.fields(part.model)
        if isinstance(value := getattr(entity, a.name), datetime) and value.tzinfo is None
    }
    assert naive == set()


def test_encode_of_every_recorded_entity_keeps_its_values() -> None:
    for part in recorded_entities.answered_parts():
        if issubclass(part.model, m.ContactCompany):
            continue  # a row of a relation; never sent
        entity = codec.decode(part.model, part.value)
        body = codec.encode(entity)
        assert codec.encode(codec.decode(part.model, as_answer(part.model, body))) == body, part.source


def as_answer(model: Any, body: Mapping[str, Any]) -> dict[str, Any]:
    """What is sent, under the names that answers have."""
    names = {slot.write_key: slot.key for slot in json_fields(model) if slot.writable}
    if not issubclass(model, Contact | Company):
        return {names.get(key, key): from_labels(value) if key == "headers" else value for key, value in body.items()}
    properties = {slot.write_key for slot in json_fields(model) if slot.name in model.PROPERTIES} | {"customObjects"}
    fields = {key: value for key, value in body.items() if key not in properties}
    return {names.get(key, key): value for key, value in body.items() if key in properties} | {
        "fields": {"all": fields}
    }


# --- refusals and lies -----------------------------------------------------------------------------------------------

LYING: Mapping[str, type[Exception]] = {
    "smses-send-contact": Rejected,
}
"""Successes by their status only."""

HTML = {
    "contacts-list-huge-url": 414,
}


def test_parse_response_reads_every_recorded_success() -> None:
    failed = {}
    for name, call, answer in exchanges():
        if answer.status >= 300 or name in LYING or name in UNREADABLE:
            continue
        try:
            protocol.parse_response(call, answer)
        except (APIError, UnexpectedResponse) as error:
            failed[name] = str(error)
    assert failed == {}


@pytest.mark.parametrize(("name", "kind"), LYING.items())
def test_parse_response_raises_a_success_that_reports_a_failure(name: str, kind: type[Exception]) -> None:
    _, call, answer = next(exchange for exchange in exchanges() if exchange.name == name)
    with pytest.raises(kind, match="although with status 200"):
        protocol.parse_response(call, answer)


def test_parse_response_raises_the_exception_of_every_recorded_refusal() -> None:
    wrong = {}
    for name, call, answer in exchanges():
        if answer.status < 400 or not answer.content:
            continue
        try:
            protocol.parse_response(call, answer)
        except APIError as error:
            if type(error) is not protocol.error_class(answer.status) or error.status != answer.status:
                wrong[name] = repr(error)
            if not error.problems and name not in HTML:
                wrong[name] = f"no problems: {error}"
        else:
            wrong[name] = "taken for a success"
    assert wrong == {}


def test_parse_response_raises_redirects_except_the_campaign_clone() -> None:
    for name, call, answer in exchanges():
        if not 300 <= answer.status < 400:
            continue
        if name == "campaigns-clone":
            assert protocol.parse_response(call, answer).body["campaign"]["id"] == 3
        else:
            with pytest.raises(UnexpectedResponse):
                protocol.parse_response(call, answer)


def test_parse_batch_reads_recorded_batches_row_by_row() -> None:
    seen = 0
    for name, call, answer in exchanges():
        if not call.is_batch or answer.status >= 300 or not call.row_count or call.method == "DELETE":
            continue
        key = next(key for key in protocol.parse_response(call, answer).body if key not in {"statusCodes", "errors"})
        rows = protocol.parse_batch(protocol.parse_response(call, answer).body, key, call.row_count)
        assert len(rows) == call.row_count
        assert all(row.status is not None for row in rows), name
        seen += 1
    assert seen > 50


def test_parse_response_tells_a_missing_entity_from_a_missing_route() -> None:
    from mautic_async.resources._responses import is_unknown_route

    told = {}
    for name, call, answer in exchanges():
        if answer.status == 404:
            with pytest.raises(NotFound) as caught:
                protocol.parse_response(call, answer)
            told[name] = is_unknown_route(caught.value)
    assert told["contacts-get-missing"] is False
    assert told["api-unknown-route"] is True
    assert {name for name, route in told.items() if route} == {
        name for name in told if re.search("bad-method|unknown-route|legacy|-post$|string-id|patch-post-method", name)
    }
