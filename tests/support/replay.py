"""Replays a recorded conversation against a `FakeMautic` and says where the two disagree.

Agreement: same status; same JSON type at every path, same keys, same container kinds, equal values. Ids may differ, but only by
one bijection for each resource, learned as the ids appear. Compared by form only: dates of the day of the recording, tokens, and
the few properties named in `VOLATILE`, which are random or rendered text.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from mautic_async.clock import Clock
from tests.support.recordings import Record

VOLATILE = {
    "access_token": "a token",
    "refresh_token": "a token",
    "secret": "random unless sent",
    "cachedHtml": "rendered by a template",
    "cache": "a script, rendered by a template",
    "execution_time": "a measurement",
    "trackingId": "random",
    "tracking_id": "random",
    "tracking_hash": "random",
    "hash": "random",
}
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
_STAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?")
_DAY = re.compile(r"2026-11-2\d")
_FILE = re.compile(r"\b[0-9a-f]{32}\.[a-z0-9]+\b")
TOLERANCE = 3
"""Seconds by which two dates may differ, as the clock of a replay moves in whole seconds."""
_RESOURCE_OF_KEY = {
    "contact": "contacts", "contacts": "contacts", "lead": "contacts", "company": "companies", "companies": "companies",
    "list": "segments", "lists": "segments", "tag": "tags", "tags": "tags", "stage": "stages", "stages": "stages",
    "field": "fields", "fields": "fields", "category": "categories", "categories": "categories", "email": "emails",
    "emails": "emails", "form": "forms", "forms": "forms", "page": "pages", "pages": "pages", "note": "notes",
    "notes": "notes", "role": "roles", "roles": "roles", "user": "users", "users": "users", "owner": "users",
    "sms": "smses", "smses": "smses", "point": "points", "points": "points", "trigger": "triggers", "triggers": "triggers",
    "pointGroup": "groups", "pointGroups": "groups", "group": "groups", "report": "reports", "reports": "reports",
    "hook": "hooks", "hooks": "hooks", "tweet": "tweets", "tweets": "tweets", "focus": "focus", "message": "messages",
    "messages": "messages", "campaign": "campaigns", "campaigns": "campaigns", "device": "devices", "devices": "devices",
    "dynamicContent": "dwc", "dynamicContents": "dwc", "notification": "notifications", "notifications": "notifications",
    "asset": "assets", "assets": "assets", "ipAddresses": "ips", "utmtags": "utms", "doNotContact": "dnc",
    "customObjects": "objects",
}  # fmt: skip
_RESOURCE_OF_PATH = {
    "contacts": "contacts", "companies": "companies", "segments": "segments", "tags": "tags", "stages": "stages",
    "fields": "fields", "categories": "categories", "emails": "emails", "forms": "forms", "pages": "pages",
    "notes": "notes", "roles": "roles", "users": "users", "smses": "smses", "points": "points", "triggers": "triggers",
    "groups": "groups", "reports": "reports", "hooks": "hooks", "tweets": "tweets", "focus": "focus",
    "messages": "messages", "campaigns": "campaigns", "devices": "devices", "dynamiccontents": "dwc",
    "notifications": "notifications", "assets": "assets", "contact": "contacts", "utm": "utms", "events": "events",
}  # fmt: skip
UNRECORDED = {806: {"x-http-method-override": "PATCH"}}
"""Request headers that the sequence leaves out; the single exchange `contacts-edit-method-override` has it."""
_RESOURCE_OF_REFERENCE = {
    "lead": "contacts",
    "owner": "users",
    "stage": "stages",
    "category": "categories",
    "role": "roles",
}


@dataclass
class IdMap:
    """Recorded id to own id, for each resource, one to one."""

    own_by_recorded: dict[str, dict[str, str]] = field(default_factory=dict)
    recorded_by_own: dict[str, dict[str, str]] = field(default_factory=dict)

    def to_own(self, resource: str, recorded: Any) -> Any:
        """The id to send for a recorded one."""
        known_id = self.own_by_recorded.get(resource, {}).get(str(recorded))
        if known_id is None:
            return recorded
        return int(known_id) if isinstance(recorded, int) else known_id

    def matches(self, resource: str, recorded: Any, own: Any) -> bool:
        """Whether two ids belong together; a pair not seen before does."""
        forward, backward = self.own_by_recorded.setdefault(resource, {}), self.recorded_by_own.setdefault(resource, {})
        if str(recorded) not in forward and str(own) not in backward:
            forward[str(recorded)], backward[str(own)] = str(own), str(recorded)
        return forward.get(str(recorded)) == str(own)


@dataclass
class RecordedTime:
    """The time of the answer that is being replayed, in epoch seconds."""

    seconds: float = 1_800_000_000.0

    def clock(self) -> Clock:
        """Return a clock that shows this time."""
        return Clock(wall_time=lambda: self.seconds)

    def set(self, record: Record) -> None:
        """Move to the time of a recorded answer."""
        date = record["response"]["headers"].get("Date")
        if date is not None:
            self.seconds = parsedate_to_datetime(date).timestamp()


@dataclass
class Result:
    """One exchange compared."""

    n: int
    line: str
    namespace: str
    status: bool
    body: bool
    order: bool
    headers: bool
    differences: list[str]


class Replay:
    """Sends recorded requests to a server and compares."""

    def __init__(self, fake: Any, time: RecordedTime | None = None) -> None:
        self.fake = fake
        self.time = time
        self.ids = IdMap()
        self.file_names: dict[str, str] = {}
        self.token = ""
        self.differences: list[str] = []
        self.order = True

    async def replay_one(self, record: Record) -> Result:
        """Replay one exchange."""
        if self.time is not None:
            self.time.set(record)
        request_body, expected = record["request"], record["response"]
        target = self._with_own_names(self._target(request_body["path"]))
        headers = {name.lower(): value for name, value in request_body["headers"].items()}
        headers |= UNRECORDED.get(record["n"], {})
        if request_body["auth"] == "Bearer":
            headers["authorization"] = f"Bearer {self.token}"
        elif request_body["auth"] == "Basic":
            login = f"{self.fake.username}:{self.fake.password}".encode()
            headers["authorization"] = "Basic " + base64.b64encode(login).decode()
        status, response_headers, content = await self.fake.exchange(
            request_body["method"], target, headers, self._body(request_body)
        )
        if request_body["path"] == "/oauth/v2/token" and status == 200:
            self.token = json.loads(content)["access_token"]
        return self._compare(record, status, dict(response_headers), content, expected)

    # --- what is sent ----------------------------------------------------------------------------------------------

    def _target(self, target: str) -> str:
        path, _, query = target.partition("?")
        parts = path.split("/")
        for place in range(3, len(parts)):
            if parts[place].isdigit():
                word = parts[place - 1] if parts[place - 2 : place - 1] != ["fields"] else "fields"
                parts[place] = str(self.ids.to_own(_RESOURCE_OF_PATH.get(word, word), parts[place]))
        if not query or parts[1:2] != ["api"]:
            return target if query else "/".join(parts)
        resource = _RESOURCE_OF_PATH.get(parts[2], parts[2])
        if parts[2:4] == ["points", "groups"] or parts[2:4] == ["points", "triggers"]:
            resource = _RESOURCE_OF_PATH[parts[3]]
        pairs = parse_qsl(query, keep_blank_values=True)
        made = [(name, self._value(name, value, resource, dict(pairs))) for name, value in pairs]
        return "/".join(parts) + "?" + urlencode(made, quote_via=quote)

    def _value(self, name: str, value: str, resource: str, pairs: dict[str, str]) -> str:
        if name in ("ids", "ids[]"):
            return ",".join(str(self.ids.to_own(resource, one)) for one in value.split(","))
        if name == "search" and value.startswith("ids:"):
            return "ids:" + ",".join(str(self.ids.to_own(resource, one)) for one in value[4:].split(","))
        if name.startswith("where") and name.endswith("[val]"):
            column = pairs.get(name[:-5] + "[col]")
            if column in ("id", "lead_id"):
                kind = "contacts" if column == "lead_id" else resource
                return ",".join(str(self.ids.to_own(kind, one)) for one in value.split(","))
        return value

    def _body(self, sent: dict[str, Any]) -> bytes:
        body = sent["body"]
        if body is None:
            return b""
        if "base64" in body:
            decoded: bytes = base64.b64decode(body["base64"])
            return decoded
        if "text" in body:
            text: str = body["text"]
            if "client_secret=REDACTED" in text:
                pairs = dict(parse_qsl(text)) | {
                    "client_id": self.fake.client_id,
                    "client_secret": self.fake.client_secret,
                }
                text = urlencode(pairs)
            return text.encode()
        parts = sent["path"].split("?")[0].split("/")
        resource = _RESOURCE_OF_PATH.get(
            parts[3] if parts[2:3] == ["points"] and parts[3] in _RESOURCE_OF_PATH else parts[2], parts[2]
        )
        made = json.dumps(self._with_own_ids(body["json"], resource, batch="batch" in parts), ensure_ascii=False)
        return self._with_own_names(made).encode()

    def _with_own_names(self, text: str) -> str:
        return _FILE.sub(lambda match: self.file_names.get(match[0], match[0]), text)

    def _with_own_ids(self, value: Any, resource: str, *, batch: bool) -> Any:
        if isinstance(value, list):
            return [self._with_own_ids(one, resource, batch=batch) for one in value]
        if not isinstance(value, dict):
            return value
        made = dict(value)
        for name, one in value.items():
            if name == "id" and batch and isinstance(one, (int, str)):
                made[name] = self.ids.to_own(resource, one)
            elif name in _RESOURCE_OF_REFERENCE and isinstance(one, int):
                made[name] = self.ids.to_own(_RESOURCE_OF_REFERENCE[name], one)
            elif name == "ids" and resource == "segments":
                made[name] = [self.ids.to_own("contacts", id) for id in one]
            elif name == "lists" and isinstance(one, list):
                made[name] = [self._own_path_segment(each) for each in one]
            elif name == "customObjects" and isinstance(one, dict):
                made[name] = self._objects(one)
            elif batch and isinstance(one, dict) and resource == "contacts":
                made[name] = self._with_own_ids(one, resource, batch=batch)
        return made

    def _own_path_segment(self, one: Any) -> Any:
        if isinstance(one, dict):
            return one | {"id": self.ids.to_own("segments", one["id"])}
        return self.ids.to_own("segments", one)

    def _objects(self, given: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(json.dumps(given))
        for group in made.get("data") or []:
            if "id" in group:
                group["id"] = self.ids.to_own("objects", group["id"])
            for item in group.get("data") or []:
                if item.get("id"):
                    item["id"] = self.ids.to_own("items", item["id"])
        return made

    # --- what came -------------------------------------------------------------------------------------------------

    def _compare(
        self, record: Record, status: int, response_headers: dict[str, str], content: bytes, expected: dict[str, Any]
    ) -> Result:
        self.differences, self.order = [], True
        request = record["request"]
        self.sent = json.dumps(request["body"])
        same = status == expected["status"]
        if not same:
            self.differences.append(f"status {status} instead of {expected['status']}")
        else:
            self._same_body(content, expected["body"])
        agree = same and not self.differences
        headers = self._same_headers(response_headers, expected["headers"]) if same else False
        path = request["path"].split("?")[0]
        parts = path.split("/")
        line = f"{request['method']} {request['path'][:90]}"
        namespace = parts[2] if len(parts) > 2 and parts[1] == "api" else "oauth" if "oauth" in path else "/"
        return Result(record["n"], line, namespace, same, agree, self.order, headers, self.differences)

    def _same_headers(self, own: dict[str, str], wanted: dict[str, str]) -> bool:
        kind = wanted.get("Content-Type") == own.get("Content-Type")
        version = wanted.get("Mautic-Version") == own.get("Mautic-Version")
        return kind and version and ("Location" in wanted) == ("Location" in own)

    def _same_body(self, raw: bytes, body: Any) -> None:
        if body is None or "json" not in body:
            if body is not None and not raw:
                self.differences.append("empty body")
            return
        try:
            own = json.loads(raw)
        except ValueError:
            self.differences.append(f"not JSON: {raw[:60]!r}")
            return
        self._same(body["json"], own, "", "")

    def _same(self, expected: Any, own: Any, path: str, resource: str) -> None:
        key = path.rpartition(".")[2]
        if type(expected) is not type(own):
            self.differences.append(f"{path}: {_short(own)} instead of {_short(expected)}")
        elif isinstance(expected, dict):
            self._same_map(expected, own, path, resource)
        elif isinstance(expected, list):
            self._same_list(expected, own, path, resource)
        elif key in ("id", "companyId") and resource and expected is not None:
            if not self.ids.matches(resource, expected, own):
                self.differences.append(f"{path}: id {own} for recorded {expected} ({resource})")
        elif key == "eventId" and isinstance(expected, str):
            kinds = [value.rstrip("0123456789") for value in (expected, own)]
            if kinds[0] != kinds[1] or not self.ids.matches("events", expected, own):
                self.differences.append(f"{path}: {own} instead of {expected}")
        elif key == "contactId" and expected is not None:
            if not self.ids.matches("contacts", expected, own):
                self.differences.append(f"{path}: contact {own} for recorded {expected}")
        elif isinstance(expected, str) and _FILE.search(expected) and _FILE.search(own):
            self._same_file(expected, own, path)
        elif expected != own and not self._is_volatile_match(key, expected, own):
            self.differences.append(f"{path}: {_short(own)} instead of {_short(expected)}")

    def _same_file(self, expected: str, own: str, path: str) -> None:
        recorded, mine = _FILE.findall(expected)[0], _FILE.findall(own)[0]
        self.file_names.setdefault(recorded, mine)
        if self._with_own_names(expected) != own:
            self.differences.append(f"{path}: {_short(own)} instead of {_short(expected)}")

    def _is_volatile_match(self, key: str, expected: Any, own: Any) -> bool:
        if isinstance(expected, float):
            return key in VOLATILE
        if not isinstance(expected, str):
            return False
        if key in VOLATILE:
            return expected not in self.sent
        for form in (_ISO, _STAMP):
            if form.fullmatch(expected) and form.fullmatch(own):
                if abs((datetime.fromisoformat(expected) - datetime.fromisoformat(own)).total_seconds()) <= TOLERANCE:
                    return True
                return bool(_DAY.match(expected)) and expected[:16] not in self.sent
        return False

    def _same_map(self, expected: dict[str, Any], own: dict[str, Any], path: str, resource: str) -> None:
        key = path.rpartition(".")[2]
        keyed = all(name.isdigit() for name in expected) and "batch" not in path and bool(expected)
        kind = self._kind(path, key, resource)
        if keyed and kind and any(isinstance(v, dict) and str(v.get("id")) == k for k, v in expected.items()):
            self._same_keyed(expected, own, path, kind)
            return
        if set(expected) != set(own):
            missing, extra = set(expected) - set(own), set(own) - set(expected)
            self.differences.append(f"{path}: missing {sorted(missing)[:8]} extra {sorted(extra)[:8]}")
        if [k for k in expected if k in own] != [k for k in own if k in expected]:
            self.order = False
        for name, value in expected.items():
            if name in own:
                self._same(value, own[name], f"{path}.{name}", self._kind(f"{path}.{name}", name, kind or resource))

    def _same_keyed(self, expected: dict[str, Any], own: dict[str, Any], path: str, kind: str) -> None:
        if len(expected) != len(own):
            self.differences.append(f"{path}: {len(own)} entries instead of {len(expected)}")
        for name, value in expected.items():
            mine = str(self.ids.to_own(kind, name))
            if mine not in own:
                self.differences.append(f"{path}: no entry for recorded id {name}")
            else:
                self._same(value, own[mine], f"{path}.{name}", kind)

    def _same_list(self, expected: list[Any], own: list[Any], path: str, resource: str) -> None:
        if len(expected) != len(own):
            self.differences.append(f"{path}: {len(own)} elements instead of {len(expected)}")
        for place, (one, mine) in enumerate(zip(expected, own, strict=False)):
            self._same(one, mine, f"{path}.{place}", resource)

    def _kind(self, path: str, key: str, inherited: str) -> str:
        if "customObjects" in path:
            depth = path.count(".data")
            return {0: "objects", 1: "objects"}.get(depth, "items")
        if ".fields." in path and ".properties" not in path and not path.startswith(".fields"):
            if ".fields.all" in path:
                return "companies" if ".compan" in path else "contacts"
            return "fields"
        if key == "id" or key.isdigit():
            return inherited
        return _RESOURCE_OF_KEY.get(key, inherited if key == "id" else "")


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < 90 else text[:87] + "..."


def summary_table(results: list[Result]) -> str:
    """Figures for each namespace."""
    groups: dict[str, list[Result]] = {}
    for one in results:
        groups.setdefault(one.namespace, []).append(one)
    lines = [f"{'namespace':18}{'n':>6}{'status':>9}{'body':>9}{'headers':>9}{'order':>9}"]
    for name, ones in [*sorted(groups.items()), ("ALL", results)]:
        figures = [sum(getattr(one, what) for one in ones) for what in ("status", "body", "headers", "order")]
        lines.append(f"{name:18}{len(ones):6}" + "".join(f"{100 * figure / len(ones):8.1f}%" for figure in figures))
    return "\n".join(lines)
