"""Columns of conditions and orders that are nearly the name of a known one."""

from __future__ import annotations

from typing import Any

import pytest

from mautic_async import ConfigurationError, Contact, Mautic, where
from mautic_async.resources import _columns
from mautic_async.testing import FakeMautic
from tests.support.canned_client import run_with_answers
from tests.support.samples import READ_ONLY_RESOURCES


@pytest.mark.parametrize(
    ("namespace", "query", "right"),
    [
        ("segments", {"where": where.eq("isPublishd", value=True)}, "isPublished"),
        ("segments", {"where": [where.any_of(where.gt("id", 1), where.eq("nme", "x"))]}, "name"),
        ("segments", {"where": {"col": "date_added", "expr": "gt", "val": "2026-01-01"}}, "dateAdded"),
        ("emails", {"order_by": "dateAdedd"}, "dateAdded"),
        ("contacts", {"where": where.eq("emial", "a@b.co")}, "email"),
        ("contacts", {"where": where.gt("dateAdded", "2026-01-01")}, "date_added"),
        ("contacts", {"order_by": "lastname,firstnam"}, "firstname"),
    ],
)
def test_list_refuses_a_mistyped_column_and_names_the_right_one(
    namespace: str, query: dict[str, Any], right: str
) -> None:
    answers = {"GET fields/contact": {"total": 1, "fields": {"1": {"id": 1, "alias": "shoe_size", "type": "number"}}}}
    with pytest.raises(ConfigurationError, match=f"did you mean '{right}'"):
        run_with_answers(answers, lambda mautic: getattr(mautic, namespace).list(**query))


@pytest.mark.parametrize("column", ["shoe_size", "shoe", "somethingElse", "l.date_added", "owner_id"])
async def test_contacts_list_sends_columns_of_custom_fields_and_unknown_ones(column: str) -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        fake.add_field("Shoe size", "shoe_size", "number")
        try:
            await mautic.contacts.list(where=where.gt(column, 1))
        except ConfigurationError:
            pytest.fail("refused")
        except Exception:  # noqa: BLE001 - the server may fail on it; the client has sent it
            pass
        assert fake.requests[-1].path == "/api/contacts"


@pytest.mark.parametrize("name", READ_ONLY_RESOURCES)
def test_every_property_of_a_model_is_a_column(name: str) -> None:
    model: Any = READ_ONLY_RESOURCES[name].endpoint.model
    known = _columns.of_record(model) if name == "contacts" else _columns.of_model(model)
    _columns.check({"order_by": "id"}, known, "list")
    assert "id" in known


def test_columns_of_contacts_are_those_of_the_database() -> None:
    assert {"date_added", "last_active", "points", "email"} <= _columns.of_record(Contact)
