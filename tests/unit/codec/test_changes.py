"""Changes of an entity since it was read."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from attrs import asdict, define, evolve
from hypothesis import given
from hypothesis import strategies as st

from mautic_async import codec
from mautic_async import models as m
from mautic_async.models import UNSET, Maybe
from tests.support.recorded_entities import answered_parts

ANSWER: dict[str, Any] = {
    "id": 1,
    "points": 0,
    "tags": [{"tag": "a"}],
    "owner": {"id": 3},
    "fields": {
        "all": {"id": "1", "points": 0, "firstname": "Ada", "seats": 0, "multi": ["x"], "city": None},
        "core": {},
    },
}


def read() -> m.Contact:
    return codec.decode(m.Contact, copy.deepcopy(ANSWER))


def test_encode_changes_is_empty_for_an_entity_that_was_only_read() -> None:
    assert codec.encode_changes(read()) == {}


@pytest.mark.parametrize(
    ("change", "sent"),
    [
        (lambda contact: setattr(contact, "firstname", "Bea"), {"firstname": "Bea"}),
        (lambda contact: setattr(contact, "firstname", None), {"firstname": None}),
        (lambda contact: setattr(contact, "firstname", UNSET), {}),
        (lambda contact: setattr(contact, "owner", m.User(id=4)), {"owner": 4}),
        (lambda contact: setattr(contact, "owner", m.User(id=3)), {}),
        (lambda contact: contact.tags.append("b"), {"tags": ["a", "b"]}),
        (lambda contact: contact.fields["multi"].append("y"), {"multi": ["x", "y"]}),
        (lambda contact: setattr(contact, "fields", {"seats": 5}), {"seats": 5}),
        (lambda contact: setattr(contact, "fields", {**contact.fields, "new": 1}), {"new": 1}),
        (lambda contact: setattr(contact, "ip_address", "192.0.2.1"), {"ipAddress": "192.0.2.1"}),
    ],
)
def test_encode_changes_names_only_changed_properties(change: Any, sent: dict[str, Any]) -> None:
    contact = read()
    change(contact)
    assert codec.encode_changes(contact) == sent


def test_encode_changes_sees_a_change_inside_a_free_form_property() -> None:
    point = codec.decode(m.Point, {"id": 3, "properties": {"pages": {"ids": [1]}}, "category": {"id": 4}})
    assert codec.encode_changes(point) == {}
    point.properties["pages"]["ids"].append(2)  # type: ignore[index,union-attr,call-overload]
    assert codec.encode_changes(point) == {"properties": {"pages": {"ids": [1, 2]}}}


def test_encode_changes_sends_a_changed_map_whole() -> None:
    role = codec.decode(m.Point, {"id": 3, "properties": {"x": True}})
    role.properties = {"x": True, "y": 1}
    assert codec.encode_changes(role) == {"properties": {"x": True, "y": 1}}


def test_encode_changes_of_the_callers_own_entity_is_all_that_is_set() -> None:
    assert codec.encode_changes(m.Contact(points=0, firstname="A")) == {"points": 0, "firstname": "A"}
    assert codec.as_read(m.Contact(id=3)) is None


@pytest.mark.parametrize("copied", [evolve, copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_encode_changes_takes_a_copy_for_the_callers_own(copied: Any) -> None:
    made = copied(codec.decode(m.Stage, {"id": 3, "name": "S", "weight": 0}))
    assert codec.encode_changes(made) == {"name": "S", "weight": 0}


def test_decode_keeps_the_answer_out_of_the_attributes() -> None:
    stage = codec.decode(m.Stage, {"id": 3, "name": "S"})
    assert stage == m.Stage(id=3, name="S")
    assert "answer" not in repr(stage)
    assert "_answer" not in asdict(stage)


def test_decode_request_makes_an_entity_of_the_callers_own() -> None:
    row = codec.decode_request(m.Contact, {"firstname": "A", "points": 0})
    assert codec.encode_changes(row) == {"firstname": "A", "points": 0}


def test_encode_changes_works_for_subclasses() -> None:
    @define(kw_only=True)
    class Customer(m.Contact):
        seats: Maybe[int] = UNSET

    customer = codec.decode(Customer, ANSWER)
    customer.seats = 3
    assert codec.encode_changes(customer) == {"seats": 3}


def test_encode_changes_is_empty_for_every_recorded_entity() -> None:
    parts = [part for part in answered_parts() if hasattr(part.model, "id")]
    assert len(parts) > 500
    changed = [part.source for part in parts if codec.encode_changes(codec.decode(part.model, part.value))]
    assert changed == []


@given(st.dictionaries(st.text(max_size=4), st.lists(st.integers() | st.text(max_size=3), max_size=3), max_size=3))
def test_decode_copies_lists_and_maps_that_a_caller_may_change(properties: dict[str, Any]) -> None:
    answer = {"id": 3, "properties": copy.deepcopy(properties)}
    point = codec.decode(m.Point, answer)
    for value in (point.properties or {}).values():
        value.append("more")  # type: ignore[union-attr]
    assert answer["properties"] == properties
