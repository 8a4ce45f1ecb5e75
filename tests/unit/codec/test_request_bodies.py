from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from mautic_async import UNSET, Company, Contact, CustomItem, Segment
from mautic_async.codec import decode_request, encode
from mautic_async.models import DoNotContact, Email, Maybe, User


@define(kw_only=True)
class Customer(Contact):
    seats: Maybe[int] = UNSET


def rows() -> list[Any]:
    item = CustomItem("products", name="Hello", attributes={"sku": "2348720", "in-stock": 45})
    known = CustomItem(object_id=3, id=77, attributes={"sku": "1"})
    return [
        Contact(email="ada@example.com", firstname="Ada", points=5, tags=["a", "-b"]),
        Contact(email="ada@example.com", fields={"seats": 3, "langs": ["de", "en"], "none": None}, city=None),
        Contact(email="ada@example.com", custom_items=[item, known], owner=User(id=4), ip_address="192.0.2.1"),
        Contact(email="a@example.com", companies=[1, 2], last_active=datetime(2026, 11, 21, 8, 0, tzinfo=UTC)),
        Contact(email="a@example.com", do_not_contact=[DoNotContact(channel="email", reason=3)]),
        Contact(email="a@example.com", preferred_profile_image="gravatar", attribution=1.5),
        Customer(email="a@example.com", seats=4, fields={"other": True}),
        Company(companyname="Acme", owner=User(id=4), fields={"vat": "DE1"}),
        Segment(name="Vips", alias="vips", is_published=True),
        Email(name="Hello", subject="Hi", publish_up=datetime(2026, 11, 21, 8, 0, tzinfo=UTC)),
    ]


@pytest.mark.parametrize("row", rows(), ids=lambda row: type(row).__name__)
def test_row_from_body_encodes_to_the_same_body(row: Any) -> None:
    body = encode(row)
    back = decode_request(type(row), body)
    assert encode(back) == body
    assert type(back) is type(row)
    assert not back.extra


def test_row_from_body_puts_values_where_they_were_given() -> None:
    row = Customer(email="a@example.com", seats=4, fields={"other": True}, companies=[1], tags=["x"])
    back = decode_request(Customer, {"id": 9, **encode(row)})
    assert (back.id, back.email, back.seats, back.companies, back.tags) == (9, "a@example.com", 4, [1], ["x"])
    assert dict(back.fields or {}) == {"other": True}
    assert back.firstname is UNSET


_TEXT = st.text(max_size=20)


@given(
    st.fixed_dictionaries(
        {"email": st.emails()},
        optional={
            "firstname": _TEXT,
            "city": st.none() | _TEXT,
            "points": st.integers(-5, 5),
            "tags": st.lists(_TEXT, max_size=3),
            "fields": st.dictionaries(
                st.from_regex(r"x_[a-z]{1,8}", fullmatch=True), st.none() | _TEXT | st.integers() | st.booleans()
            ),
        },
    )
)
def test_row_from_body_inverts_any_row(values: dict[str, Any]) -> None:
    body = encode(Contact(**values))
    assert encode(decode_request(Contact, body)) == body


def test_row_from_body_refuses_values_that_are_no_object() -> None:
    with pytest.raises((ValueError, AttributeError)):
        decode_request(Contact, cast("Any", []))
