"""Bodies of contact writes, and the comparison of such a body with the contact of the answer."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from mautic_async import codec
from mautic_async.errors import ConfigurationError
from mautic_async.models import Contact, CustomItem
from mautic_async.resources.contacts import bodies
from mautic_async.resources.contacts.bodies import BodyRules

ANSWER: dict[str, Any] = {
    "id": 1,
    "points": 5,
    "tags": [{"id": 1, "tag": "a"}, {"id": 2, "tag": "Ä"}],
    "owner": {"id": 3},
    "doNotContact": [{"id": 1, "channel": "email", "reason": 1, "comments": "c"}],
    "fields": {"all": {"id": "1", "points": 5, "firstname": "Ada", "company": "Société X", "seats": None}},
    "customObjects": {
        "data": [{"id": 4, "alias": "orders", "data": [{"id": 9, "name": "O", "attributes": {"amount": 0, "x": "y"}}]}]
    },
}


def items(**item: Any) -> dict[str, Any]:
    return codec.encode(Contact(custom_items=[CustomItem("orders", **item)]))


CASES: list[tuple[dict[str, Any], list[str]]] = [
    ({"firstname": "ada ", "points": 5, "owner": 3, "id": 1}, []),
    ({"company": "SOCIETE X"}, []),
    ({"company": "Other"}, ["company"]),
    ({"tags": ["A", "ä", "-b"]}, []),
    ({"tags": ["b"]}, ["tags"]),
    ({"tags": ["-a"]}, ["tags"]),
    ({"points": 0}, ["points"]),
    ({"ctiy": "Rome"}, ["ctiy"]),
    ({"seats": 3}, ["seats"]),
    ({"seats": None, "overwriteWithBlank": True}, []),
    ({"firstname": None, "overwriteWithBlank": True}, ["firstname"]),
    ({"owner": 4}, ["owner"]),
    ({"ipAddress": "192.0.2.1", "companies": [1]}, []),
    ({"doNotContact": [{"channel": "email", "reason": 1}, {"channel": "sms", "reason": 0}]}, []),
    (items(id=9, attributes={"x": "y"}), []),
    (items(id=9, attributes={"amount": "many"}), ["custom_items[orders].amount"]),
    (items(name="O", attributes={"amount": "12,50"}), ["custom_items[orders].amount"]),
    (items(name="hidden", attributes={"amount": "many"}), []),
]


@pytest.mark.parametrize(("body", "lost"), CASES)
def test_values_not_kept_of_a_contact_names_the_lost_ones(body: dict[str, Any], lost: list[str]) -> None:
    problems = bodies.values_not_kept(body, codec.decode(Contact, ANSWER))
    assert [problem.field for problem in problems] == lost


@pytest.mark.parametrize(("body", "lost"), CASES)
def test_row_values_not_kept_finds_the_same_without_decoding(body: dict[str, Any], lost: list[str]) -> None:
    assert [problem.field for problem in bodies.row_values_not_kept(body, ANSWER, Contact)] == lost


def test_row_values_not_kept_passes_an_answer_without_fields() -> None:
    assert bodies.row_values_not_kept({"firstname": "x"}, {"id": 1}, Contact) == []


def test_edit_body_of_a_contact_that_was_read_adds_and_removes_tags() -> None:
    contact = codec.decode(Contact, copy.deepcopy(ANSWER))
    contact.tags = ["a", "new"]
    assert BodyRules().edit_body(contact) == {"tags": ["new", "-Ä"]}
    contact.tags = None
    assert BodyRules().edit_body(contact) == {"tags": ["-a", "-Ä"]}


def test_create_body_takes_zero_points_and_refuses_other_zeros() -> None:
    assert BodyRules().create_body(Contact(email="a@b.co", points=0)) == {"email": "a@b.co", "points": 0}
    contact = Contact(email="a@b.co", fields={"seats": 0, "optin": 0})
    with pytest.raises(ConfigurationError, match="seats"):
        BodyRules().create_body(contact)
    rules = BodyRules("drop", {"seats": "number", "optin": "boolean"})
    assert rules.create_body(contact) == {"email": "a@b.co", "optin": 0}


def test_upsert_bodies_clear_by_a_second_body() -> None:
    sent, cleared = BodyRules().upsert_bodies(Contact(email="a@b.co", city=None, firstname="A"))
    assert sent == {"email": "a@b.co", "firstname": "A"}
    assert cleared == {"city": None, "overwriteWithBlank": True}


def test_replace_body_stores_zeros() -> None:
    assert bodies.replace_body(Contact(email="a@b.co", points=0)) == {"email": "a@b.co", "points": 0}
    with pytest.raises(ConfigurationError, match="names nothing"):
        bodies.replace_body(Contact())
