"""How a contact's row is packed, and what an answer says of it: values, no loop."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from mautic_async import Contact, CustomItem, LookupName, UniqueField
from mautic_async.bulk import Pending, RowResult, WorkItem
from mautic_async.errors import Problem
from mautic_async.protocol import STDLIB, RowAnswer
from mautic_async.resources.bulk_adapters.contact_job import MIN_ITEM_REWRITE_SECONDS, UpsertOptions
from mautic_async.resources.bulk_adapters.contacts import ContactUpserts


class Bench:
    """As much of a pipeline as packing needs."""

    json = STDLIB


def courier(**settings: Any) -> ContactUpserts[Contact]:
    return ContactUpserts(cast("Any", Bench()), UpsertOptions(model=Contact, **settings))


def parcel(row: Contact, settings: dict[str, Any] | None = None, **more: Any) -> tuple[Any, WorkItem[Contact]]:
    made = courier(**(settings or {}))
    return made, WorkItem(0, row, made.encode(row, 0), **more)


def answered(
    row: Contact, answer: RowAnswer, settings: dict[str, Any] | None = None, **more: Any
) -> RowResult[Contact]:
    made, one = parcel(row, settings, **more)
    receipt: RowResult[Contact] = made._job.result_of(one, answer)
    return receipt


def refused(code: int | None, message: str, **more: Any) -> RowAnswer:
    return RowAnswer(code, more.get("entity"), (Problem(message, code=code),))


ADA = Contact(email="ada@example.com", firstname="Ada")
WITH_ITEM = Contact(email="ada@example.com", custom_items=[CustomItem("orders", name="o", attributes={"no": "1"})])
BY_NO = {"match_items": UniqueField("no")}

# --- packing ---


def test_contact_adapter_sends_rows_that_clear_fields_with_the_flag() -> None:
    for row, full in (
        (Contact(email="a@b.co", city=None), {"email": "a@b.co", "city": None}),
        (Contact(id=5, city=None, firstname="A"), {"id": 5, "city": None, "firstname": "A"}),
    ):
        encoded = courier(clear="patch").encode(row, 0)
        assert json.loads(encoded.body) == full
        assert encoded.payload == {**full, "overwriteWithBlank": True}
    assert courier().encode(Contact(id=5, firstname="A"), 0).payload == {"id": 5, "firstname": "A"}


def test_contact_adapter_gives_rows_that_may_meet_a_common_key() -> None:
    one = courier(unique=("email", "number")).encode(Contact(email=" ADA@example.com", fields={"number": "Ä1"}), 0)
    other = courier(unique=("email", "number")).encode(Contact(fields={"number": "a1"}), 0)
    assert one.ordering_keys == [("email", "ada@example.com"), ("number", "a1")]
    assert set(one.ordering_keys) & set(other.ordering_keys)
    assert courier().encode(Contact(id=5, city="x"), 0).ordering_keys == [("contact", 5)]


def test_contact_adapter_keeps_unique_items_apart_in_time() -> None:
    """Invariant 64."""
    packed = courier(**BY_NO).encode(WITH_ITEM, 0)
    assert ("unique", "orders", "1") in packed.ordering_keys
    assert packed.hold_keys_seconds == MIN_ITEM_REWRITE_SECONDS > 1.0
    assert courier(match_items=LookupName()).encode(WITH_ITEM, 0).hold_keys_seconds == 0.0


@pytest.mark.parametrize(
    ("row", "settings", "field"),
    [
        (Contact(firstname="A"), {}, None),
        (Contact(), {"keyless": True}, None),
        (Contact(id=3), {}, None),
        (Contact(email="  ", firstname="A"), {}, None),
        (Contact(email="a@b.co", city=""), {}, "city"),
        (Contact(email="a@b.co", fields={"seats": 0}), {}, "seats"),
        (Contact(email="a b@b.co"), {}, "email"),
        (Contact(email="a@b.co", companies=[1]), {}, "companies"),
        (WITH_ITEM, {"match_items": UniqueField("other")}, "custom_items[0]"),
        (Contact(email="a@b.co", fields={"x": float("nan")}), {}, None),
        (Contact(email="a@b.co", fields={"x": cast("Any", object())}), {}, None),
    ],
)
def test_contact_adapter_explains_a_row_that_cannot_be_sent(
    row: Contact, settings: dict[str, Any], field: str | None
) -> None:
    (problem, *_) = courier(**settings).encode(row, 0).problems
    assert problem.field == field


def test_contact_adapter_accepts_companies_of_a_contact_with_a_known_id() -> None:
    """Invariant 61."""
    assert not courier().encode(Contact(id=3, companies=[1]), 0).problems


def test_contact_adapter_clears_owner_and_stage_only_when_named() -> None:
    """Invariant 62."""
    assert json.loads(courier().encode(ADA, 0).body).keys() == {"email", "firstname"}
    named = courier().encode(Contact(email="a@b.co", owner=None, stage=None), 0)
    assert json.loads(named.body) == {"email": "a@b.co", "owner": None, "stage": None}


def test_contact_adapter_rejects_a_row_that_is_no_contact() -> None:
    (problem,) = courier().encode({"email": "a@b.co"}, 0).problems
    assert "Contact" in problem.message


@pytest.mark.virtual_time
async def test_contact_adapter_memory_of_a_row_holds_no_address() -> None:
    keeping = courier(keyless=True)
    await keeping.prepare("nightly")
    memory = keeping.encode(ADA, 0).facts_key
    assert memory
    assert "ada" not in memory
    assert memory == keeping.encode(Contact(email="ADA@EXAMPLE.com "), 0).facts_key
    assert memory != keeping.encode(Contact(id=5, email="ada@example.com"), 0).facts_key
    assert not keeping.encode(Contact(firstname="A"), 0).facts_key
    assert not courier().encode(ADA, 0).facts_key


# --- answers ---


@pytest.mark.parametrize(
    ("row", "settings", "answer", "state"),
    [
        (ADA, {}, RowAnswer(201, {"id": 7}), "created"),
        (ADA, {}, RowAnswer(200, {"id": 7}), "updated"),
        (ADA, {}, RowAnswer(201, None), Pending.LOOK_UP),
        (ADA, {}, refused(400, "email: bad"), "rejected"),
        (ADA, {}, refused(422, "This field must be unique."), "rejected"),
        (ADA, {}, refused(409, "locked"), Pending.RETRY),
        (ADA, {}, refused(1213, "Deadlock found"), Pending.LOOK_UP),
        (WITH_ITEM, {}, refused(1213, "Deadlock found"), Pending.LOOK_UP),
        (WITH_ITEM, BY_NO, refused(404, "Custom Item with ID = 0 was not found"), Pending.RETRY),
        (WITH_ITEM, {}, refused(404, "Custom Item with ID = 0 was not found"), "partial"),
        (WITH_ITEM, {}, refused(0, "'x' is not a valid URL address."), "partial"),
        (WITH_ITEM, {}, refused(0, "Failed to parse time string (x) at position 0"), "rejected"),
        (WITH_ITEM, {}, refused(None, "?"), "partial"),
        (WITH_ITEM, {"resend": "always"}, refused(1062, "Duplicate entry"), Pending.LOOK_UP),
    ],
)
def test_contact_adapter_reads_each_answer(
    row: Contact, settings: dict[str, Any], answer: RowAnswer, state: object
) -> None:
    assert answered(row, answer, settings).state == state


def test_contact_adapter_learns_ids_of_recognised_items() -> None:
    stored = {"data": [{"id": 3, "alias": "orders", "data": [{"id": 9, "name": "o", "attributes": {"no": "1"}}]}]}
    receipt = answered(WITH_ITEM, RowAnswer(201, {"id": 7, "customObjects": stored}), BY_NO)
    assert receipt.facts == {"id": 7, "items": {"unique/orders/1": 9}}
    receipt = answered(WITH_ITEM, RowAnswer(201, {"id": 7, "customObjects": stored}))
    assert receipt.facts == {"id": 7}


def test_contact_adapter_sends_a_known_item_with_id_and_a_deleted_one_without() -> None:
    made, one = parcel(WITH_ITEM, {"match_items": LookupName()}, facts={"items": {"lookup/orders/o": 9}})
    (group,) = json.loads(made._steps["store"]._body(one))["customObjects"]["data"]
    assert group["data"][0]["id"] == 9
    receipt = made._job.result_of(one, refused(400, "Custom Item with ID = 9 was not found"))
    assert (receipt.state, receipt.facts) == (Pending.RETRY, {"items": {"lookup/orders/o": None}})
    assert made._job.result_of(one, refused(400, "Custom Item with ID = 8 was not found")).state == "rejected"
