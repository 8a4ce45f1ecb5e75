"""For every noun: its keys, the smallest body that makes one, and how it takes a PUT."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.support.raw_client import RawClient


@dataclass(frozen=True)
class Sample:
    """One noun.

    Attributes:
        path: Below ``/api/``.
        singular: Key of one.
        plural: Key of several.
        body: The smallest body of a create.
        list_is_map: Whether a list is a map by id.
        edit: A change for PATCH.
        required_on_put: What a PUT of that body lacks (NOT NULL columns); empty where it suffices.
        permission: Of the role; None where nobody asks.
        minimal: What ``minimal=1`` leaves, where it changes anything.
    """

    path: str
    singular: str
    plural: str
    body: dict[str, Any]
    list_is_map: bool
    edit: dict[str, Any]
    permission: str
    required_on_put: dict[str, Any] = field(default_factory=dict)
    minimal: str = ""

    def __str__(self) -> str:
        return self.path


NAME: dict[str, Any] = {"name": "Renamed"}
EVENT = {"name": "tag", "type": "lead.changetags", "order": 1, "properties": {"add_tags": ["a"], "remove_tags": []}}
LOOK = {
    "bar": {"allow_hide": 1, "sticky": 1, "size": "large", "placement": "top"},
    "colors": {"primary": "27184e"},
    "content": {"headline": "", "font": "Arial, Helvetica, sans-serif"},
    "when": "immediately",
    "frequency": "everypage",
}
FIELDS = [{"label": "Name", "type": "text", "alias": "my_field"}]
PASSWORD = {"password": "Long-strong-1!", "confirm": "Long-strong-1!"}
PERSON = {"username": "u", "firstName": "U", "lastName": "V", "email": "u@example.org", "role": 1}
CAMPAIGN = {
    "name": "C",
    "events": [
        {
            "id": "new_1",
            "name": "Points",
            "type": "lead.changepoints",
            "eventType": "action",
            "order": 1,
            "properties": {"points": 1},
            "triggerMode": "immediate",
        }
    ],
    "lists": [{"id": 1}],
    "forms": [],
    "canvasSettings": {
        "nodes": [
            {"id": "new_1", "positionX": "433", "positionY": "348"},
            {"id": "lists", "positionX": "629", "positionY": "65"},
        ],
        "connections": [
            {"sourceId": "lists", "targetId": "new_1", "anchors": {"source": "leadsource", "target": "top"}},
        ],
    },
}
EN = {"language": "en"}
MAIL = {"name": "E", "subject": "Hi", "customHtml": "<h1>Hi</h1>", "emailType": "template"}
FOCUS = {"name": "F", "type": "notice", "style": "bar", "website": "https://e.com", "properties": LOOK}
TRIGGER = {"name": "T", "points": 5, "color": "4e5d9d", "triggerExistingLeads": False, "events": [EVENT]}
BASED = {"isCampaignBased": True, "language": "en"}

SAMPLES = (
    Sample("campaigns", "campaign", "campaigns", CAMPAIGN, True, NAME, "campaign:campaigns", minimal="name description"),
    Sample("categories", "category", "categories", {"title": "K", "bundle": "asset"}, False, {"title": "L"}, "category:categories"),
    Sample("devices", "device", "devices", {"lead": 1, "device": "desktop"}, False, {"device": "phone"}, "lead:leads"),
    Sample("dynamiccontents", "dynamicContent", "dynamicContents", {"name": "D"}, True, NAME, "dynamiccontent:dynamiccontents", BASED),
    Sample("emails", "email", "emails", MAIL, True, NAME, "email:emails", EN, "name subject language category"),
    Sample("focus", "focus", "focus", FOCUS, True, NAME, "focus:items"),
    Sample("forms", "form", "forms", {"name": "F", "fields": FIELDS}, False, NAME, "form:forms", minimal="name alias category"),
    Sample("hooks", "hook", "hooks", {"name": "H", "webhookUrl": "https://e.com/x"}, True, NAME, "webhook:webhooks"),
    Sample("messages", "message", "messages", {"name": "M", "channels": {"email": {"channel": "email", "channelId": 1, "isEnabled": True}}}, False, NAME, "channel:messages", minimal="name description"),
    Sample("notes", "note", "notes", {"lead": 1, "text": "t", "type": "general"}, False, {"text": "u"}, "lead:leads", minimal="-"),
    Sample("notifications", "notification", "notifications", {"name": "N", "heading": "h", "message": "m"}, True, NAME, "notification:notifications", EN),
    Sample("pages", "page", "pages", {"title": "P", "customHtml": "<p>x</p>"}, False, {"title": "Q"}, "page:pages", EN, "title alias category"),
    Sample("points", "point", "points", {"name": "P", "type": "page.hit", "delta": 5}, False, NAME, "point:points", {"repeatable": False}, "name category type description"),
    Sample("points/groups", "pointGroup", "pointGroups", {"name": "G"}, False, NAME, "point:groups"),
    Sample("points/triggers", "trigger", "triggers", TRIGGER, False, NAME, "point:triggers", minimal="name category description"),
    Sample("reports", "report", "reports", {"name": "R", "source": "leads", "columns": ["l.id"]}, False, NAME, "report:reports", {"system": False}),
    Sample("roles", "role", "roles", {"name": "R", "rawPermissions": {"email:emails": ["viewown"]}}, False, NAME, "user:roles", {"isAdmin": False}),
    Sample("smses", "sms", "smses", {"name": "S", "message": "m"}, True, NAME, "sms:smses", EN),
    Sample("tweets", "tweet", "tweets", {"name": "T", "text": "t"}, True, NAME, "mauticSocial:tweets"),
    Sample("users", "user", "users", PERSON | {"plainPassword": PASSWORD}, False, {"position": "Tester"}, "user:users", minimal="username firstName lastName"),
)  # fmt: skip


async def create_prerequisites(api: RawClient) -> None:
    """What the bodies refer to: contact 1 and segment 1."""
    await api.contact(email="ada@example.com")
    assert (await api.post("segments/new", {"name": "S"})).status == 201


def bodies(sample: Sample, count: int) -> list[dict[str, Any]]:
    """Several different ones."""
    if sample.path != "users":
        return [dict(sample.body) for _ in range(count)]
    return [sample.body | {"username": f"u{n}", "email": f"u{n}@example.org"} for n in range(count)]


async def create(api: RawClient, sample: Sample, **more: Any) -> dict[str, Any]:
    """One of the kind, as its create shows it."""
    response = await api.post(f"{sample.path}/new", sample.body | more)
    assert response.status == 201, response.body
    entity: dict[str, Any] = response.json[sample.singular]
    return entity
