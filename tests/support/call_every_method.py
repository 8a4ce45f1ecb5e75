"""Calls every public method of every namespace on a server that only takes notes."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from attrs import evolve

from mautic_async import Mautic
from mautic_async import models as m
from mautic_async.resources._base import ReadOnlyResource
from mautic_async.resources._jsonld import JsonLdResource
from mautic_async.transport.in_process import in_process
from tests.support.samples import entity, namespaces
from tests.support.scripted_server import FixedAuth

NUMBERS = {
    "id": 7001,
    "contact_id": 7002,
    "event_id": 7003,
    "group_id": 7004,
    "submission_id": 7005,
    "utm_id": 7006,
    "company_id": 7007,
    "points": 7008,
    "factor": 7009,
    "divisor": 7010,
    "value": 7011,
}
WORDS = {"table": "a_table", "type": "a.type", "tracking_hash": "a_hash", "key": "a_theme", "channel": "a_channel"}
FOLDERS = {"folder": "images"}
ARGUMENTS: Mapping[str, Any] = {
    **NUMBERS,
    **WORDS,
    **FOLDERS,
    "name": "a_file.txt",
    "operator": "plus",
    "permissions": ["lead:leads:create"],
    "contact_ids": [7002],
    "company_ids": [7007],
    "event_ids": [7003],
    "field_ids": [1],
    "action_ids": [1],
    "tags": m.UtmTag(utm_source="news"),
    "log": m.CampaignEventLog(trigger_date=datetime(2026, 1, 2, tzinfo=UTC)),
    "logs": [m.CampaignEventLog(event_id=7003, contact_id=7002, trigger_date=datetime(2026, 1, 2, tzinfo=UTC))],
    "tag": "vip",
    "contacts": [7002],
}
"""By the name of a parameter; ids differ, so that a path tells which stands where."""


class RecordedRequest(NamedTuple):
    """What the server noted."""

    method: str
    path: str
    """Below ``/api/``."""

    query: str
    body: bytes


class RecordingServer:
    """Answers every route of the API with the least that is right, and remembers what it was asked."""

    def __init__(self) -> None:
        self.requests: list[RecordedRequest] = []

    async def exchange(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        path, _, query = target.partition("?")
        request = RecordedRequest(method, unquote(path).removeprefix("/api/"), unquote(query), body)
        self.requests.append(request)
        answer = _answer(request)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return 200, [("content-type", "application/json"), ("mautic-version", "5.1.1")], content


SPECIAL_ANSWERS: Mapping[str, Any] = {
    r"contacts(/\d+)?/activity": {"events": [], "total": 0, "maxPages": 1},
    r"contacts/\d+/notes": {"notes": [{"id": 1}]},
    r"contacts/\d+/devices": {"devices": [{"id": 1}]},
    r"contacts/\d+/segments": {"lists": []},
    r"contacts/\d+/campaigns": {"campaigns": []},
    r"contacts/\d+/companies": {"companies": []},
    r"contacts/\d+/points/groups": {"groupScores": []},
    r"contacts/\d+/points/groups/.+": {"groupScore": {"score": 1}},
    r"contacts/list/.+|users/list/roles": [],
    r"campaigns/\d+/contacts": {"contacts": []},
    r"campaigns/events/contact/\d+": {"events": []},
    r"campaigns/events/batch/edit": {"events": {"7003": {"id": 7003}}},
    r"campaigns/events/\d+/contact/\d+/edit": {"event": {"id": 7003}},
    r"campaigns/\d+/events/contact/\d+": {"events": []},
    r"campaigns/(import|export/\d+)": {},
    r"(segments|companysegments)/\d+/(contacts|companies)/add": {"details": {}},
    r"companies/batch/addcontacts": {"results": []},
    r"forms/\d+/submissions(/contact/\d+)?": {"submissions": []},
    r"forms/\d+/submissions/\d+": {"submission": {"id": 1}},
    r"points/actions/types": {"pointActionTypes": {}},
    r"points/triggers/events/types": {"eventTypes": {}},
    r"points/triggers/\d+": {"trigger": {"id": 7001, "events": [{"id": 7003}, {"id": 7}]}},
    r"hooks/triggers": {"triggers": {}},
    r"users/(self|\d+/permissioncheck)": {},
    r"smses/\d+/contact/\d+/send": {"success": True, "result": {}},
    r"stats": {"availableTables": [], "tableColumns": {}},
    r"stats/.+": {"total": "0", "stats": []},
    r"fields/contact": {
        "total": 2,
        "fields": {
            "6": {"id": 6, "alias": "email", "type": "email", "isUniqueIdentifier": True, "isPublished": True},
            "2": {"id": 2, "alias": "firstname", "type": "text", "isPublished": True},
            "7001": {"id": 7001, "alias": "nick", "type": "text", "isPublished": True},
        },
    },
    r"data": {"types": {}},
    r"data/.+": {"data": {}},
    r"files/\w+": {"files": []},
    r"files/\w+/new": {"file": {"name": "made_up.txt"}},
    r"themes": {"themes": {}},
    r"themes/a_theme": b"PK",
    r"v2/\w+": {"member": []},
    r"v2/\w+/\d+": {"@id": "/api/v2/things/7001"},
}
"""Answers that are not the standard ones: path, body."""


def _answer(request: RecordedRequest) -> Any:
    for pattern, body in SPECIAL_ANSWERS.items():
        if re.fullmatch(pattern, request.path):
            return body
    endpoints = [kind.endpoint for kind in namespaces().values() if issubclass(kind, ReadOnlyResource)]
    own_endpoints = [matching for matching in endpoints if re.fullmatch(rf"{matching.path}(/.*)?", request.path)]
    if not own_endpoints:
        return {"success": 1}
    endpoint = max(own_endpoints, key=lambda matching: len(matching.path))
    row = {"id": 7001, "tag": "t"} if endpoint.one == "tag" else {"id": 7001}
    if "/batch/" in request.path:
        return {endpoint.many: [row], "statusCodes": [200]}
    if request.path == endpoint.path:
        return {"total": 1, endpoint.many: {"7001": row}}
    return {endpoint.one: row, "success": 1}


WITHOUT_REQUEST = frozenset({"of", "model", "from_dead_letters"})
"""Public, and without a request."""


def methods() -> Iterator[tuple[str, str, type]]:
    """Every public method: namespace, method, class."""
    for name, kind in namespaces().items():
        for method, function in inspect.getmembers(kind, callable):
            if not method.startswith("_") and method not in WITHOUT_REQUEST and inspect.isroutine(function):
                yield name, method, kind


def arguments(space: Any, name: str, method: str, folder: Path) -> tuple[list[Any], dict[str, Any]]:
    """What to call a method with; ``zip`` is a theme, ``json`` a campaign."""
    model: Any = (
        space._model
        if isinstance(space, ReadOnlyResource)
        else space.model
        if isinstance(space, JsonLdResource)
        else None
    )
    positional: list[Any] = []
    named: dict[str, Any] = {}
    for parameter in inspect.signature(getattr(space, method)).parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD and method == "find":
            named |= {"companyname": "Acme"} if name == "companies" else {"email": "ada@example.com"}
        if parameter.name == "channel" and parameter.default is not parameter.empty:
            named["channel"] = WORDS["channel"]
        if parameter.default is not parameter.empty or parameter.kind is parameter.VAR_KEYWORD:
            continue
        value: Any
        if parameter.name in {"entity", "changes", "contact", "company"}:
            value = entity(model, method)
        elif parameter.name in {"entities", "rows"}:
            value_found = entity(model, method)
            value = [evolve(value_found, id=7001) if method.startswith(("edit", "replace")) else value_found]
        elif parameter.name == "ids":
            value = [7001]
        elif parameter.name == "to":
            value = folder / "saved"
        elif parameter.name == "source":
            value = {"campaign": []} if name == "campaigns" else folder / ("t.zip" if name == "themes" else "a.txt")
        else:
            value = ARGUMENTS[parameter.name]
        positional.append(value)
    return positional, named


async def call(mautic: Mautic, name: str, method: str, folder: Path) -> None:
    """Call one method, and use up what it gives."""
    space = getattr(mautic, name)
    positional, named = arguments(space, name, method, folder)
    result = getattr(space, method)(*positional, **named)
    if isinstance(result, AbstractAsyncContextManager):
        async with result as run:
            async for _ in run:
                pass
    elif isinstance(result, AsyncIterator):
        async for _ in result:
            pass
    elif isinstance(result, Awaitable):
        await result


OTHER_CALLS: Mapping[str, Callable[[Mautic], Awaitable[Any]]] = {
    "contacts.activity": lambda mautic: mautic.contacts.activity(7001),
}
"""Calls that reach another route with other arguments."""


async def requests_by_method(folder: Path) -> list[tuple[str, list[RecordedRequest]]]:
    """What a call of each public method asks of the server: ``namespace.method``, requests."""
    (folder / "a.txt").write_text("x")
    (folder / "t.zip").write_bytes(b"PK")
    server = RecordingServer()
    requests: list[tuple[str, list[RecordedRequest]]] = []
    async with Mautic("https://mautic.test", auth=FixedAuth(), transport=in_process(server)) as mautic:
        for name, method, _ in methods():
            server.requests = []
            await call(mautic, name, method, folder)
            requests.append((f"{name}.{method}", server.requests))
        for method, other_call in OTHER_CALLS.items():
            server.requests = []
            await other_call(mautic)
            requests.append((method, server.requests))
    return requests
