"""The contacts of the benchmarks, as JSON text, as bodies of requests and as rows. Standard library only."""

from __future__ import annotations

import json
from functools import lru_cache

LEAN = {
    "isPublished": True,
    "dateAdded": "2026-11-21T03:26:29+00:00",
    "dateModified": None,
    "id": 0,
    "points": 5,
    "tags": [],
    "fields": {"all": {"id": "0", "firstname": "Ada", "lastname": "Example", "email": "ada0@example.com", "points": 5}},
}
"""What a list with ``select`` gives, about 300 bytes."""

_NAMES = (
    *("title", "firstname", "lastname", "company", "position", "email", "mobile", "phone", "points", "fax"),
    *("address1", "address2", "city", "state", "zipcode", "country", "preferred_locale", "timezone", "last_active"),
    *("attribution_date", "attribution", "website", "facebook", "foursquare", "instagram", "linkedin", "skype"),
    "twitter",
)


def _definition(number: int, alias: str, value: object, group: str) -> dict[str, object]:
    return {
        "id": str(number),
        "label": alias.title(),
        "alias": alias,
        "type": "text",
        "group": group,
        "object": "lead",
        "is_fixed": "1",
        "properties": "a:0:{}",
        "default_value": None,
        "value": value,
        "normalizedValue": value or "",
    }


def wide(fields: int, *, items: int = 0) -> dict[str, object]:
    """A contact as ``GET contacts/ID`` shows it: every field twice, once with its definition."""
    values: dict[str, object] = dict.fromkeys(_NAMES)
    values.update(firstname="Ada", lastname="Example", email="ada0@example.com", points=5, city="London")
    for number in range(fields - len(_NAMES)):
        values[f"custom_{number}"] = f"value {number}" if number % 3 else number + 1
    groups = {
        "core": {alias: _definition(n, alias, value, "core") for n, (alias, value) in enumerate(values.items())},
        "social": [],
        "personal": [],
        "professional": [],
        "all": {"id": "0", **values},
    }
    body: dict[str, object] = {
        "isPublished": True,
        "dateAdded": "2026-11-21T03:26:29+00:00",
        "dateModified": "2026-11-22T03:26:29+00:00",
        "createdBy": None,
        "createdByUser": "job [1]",
        "modifiedBy": None,
        "modifiedByUser": None,
        "id": 0,
        "points": 5,
        "color": None,
        "fields": groups,
        "lastActive": None,
        "owner": None,
        "ipAddresses": [],
        "tags": [{"id": 10, "tag": "alpha", "description": None}, {"id": 11, "tag": "beta", "description": None}],
        "utmtags": [],
        "stage": None,
        "dateIdentified": "2026-11-21T03:26:29+00:00",
        "preferredProfileImage": None,
        "doNotContact": [],
        "frequencyRules": [],
    }
    if items:
        rows = [
            {
                "id": 100 + number,
                "name": f"Item {number}",
                "language": "en",
                "category": None,
                "isPublished": True,
                "dateAdded": "2026-11-21T03:26:29+00:00",
                "dateModified": "2026-11-21T03:26:29+00:00",
                "createdBy": 1,
                "modifiedBy": 1,
                "attributes": {"sku": f"23{number}", "in-stock": number, "price": 9.5},
            }
            for number in range(items)
        ]
        body["customObjects"] = {
            "data": [{"id": 1, "alias": "products", "data": rows, "meta": {"page": {"number": 1, "size": 10}}}],
            "meta": {"page": {"number": 1, "size": 50}, "sort": "-dateAdded"},
        }
    return body


@lru_cache(8)
def row(kind: str) -> bytes:
    """A contact of an answer, with ``%d`` in place of its id."""
    body = {"lean": LEAN, "full": wide(29), "wide": wide(60), "items": wide(60, items=5)}[kind]
    text = json.dumps(body, separators=(",", ":")).replace('"id":0,', '"id":%d,').replace("ada0@", "ada%d@")
    return text.replace('"id":"0"', '"id":"%d"').encode()


def body(kind: str, number: int = 1) -> bytes:
    """The same as JSON."""
    return row(kind).replace(b"%d", b"%d" % number)


# --- rows to write -------------------------------------------------------------------------------------------------


def email(number: int) -> str:
    return f"person{number}@example.com"


def item_names(number: int) -> list[str]:
    """Every fourth row carries a custom item."""
    return [f"Order {number}"] if number % 4 == 0 else []


def contact_body(number: int) -> dict[str, object]:
    """A row as plain JSON, for peers that take dictionaries."""
    found: dict[str, object] = {
        "email": email(number),
        "firstname": f"First {number}",
        "lastname": "Example",
        "city": "London",
        "tags": ["alpha", "beta"],
    }
    if item_names(number):
        rows = [{"name": name, "attributes": {"sku": str(number)}} for name in item_names(number)]
        found["customObjects"] = {"data": [{"alias": "products", "data": rows}]}
    return found


def field_definitions() -> bytes:
    """What ``GET fields/contact`` answers."""
    fields = [
        {"id": number, "alias": alias, "type": "text", "isUniqueIdentifier": alias == "email"}
        for number, alias in enumerate(_NAMES, 1)
    ]
    return json.dumps({"total": len(fields), "fields": fields}).encode()
