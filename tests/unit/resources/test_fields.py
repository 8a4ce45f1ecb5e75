from __future__ import annotations

from typing import Any

from mautic_async import models as m
from tests.support.canned_client import run_with_answers


def test_fields_create_reports_a_pending_column() -> None:
    async def use(mautic: Any) -> Any:
        one = await mautic.contact_fields.create(m.Field(label="L"))
        return one, await mautic.contact_fields.create_many([m.Field(label="L")] * 2)

    (one, several), _ = run_with_answers(
        {
            "POST fields/contact/new": (202, {"field": {"id": 4, "label": "L"}}),
            "POST fields/contact/batch/new": {"fields": [{"id": 5}, {"id": 6}], "statusCodes": [201, 202]},
        },
        use,
    )
    assert one.pending
    assert [(found.status, found.entity.pending) for found in several] == [("created", False), ("created", True)]
