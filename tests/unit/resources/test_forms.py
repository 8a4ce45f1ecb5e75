from __future__ import annotations

from typing import Any

import pytest

from mautic_async import (
    ConfigurationError,
    where,
)
from mautic_async import models as m
from tests.support.canned_client import run_with_answers


def test_forms_edit_sends_the_stored_post_action() -> None:
    form = {"id": 7, "name": "F", "postAction": "redirect", "postActionProperty": "https://example.com"}
    _, server = run_with_answers(
        {"GET forms/7": {"form": form}, "PATCH forms/7/edit": {"form": form}},
        lambda mautic: mautic.forms.edit(7, m.Form(description="x")),
    )
    assert server.last.body == {
        "description": "x",
        "postAction": "redirect",
        "postActionProperty": "https://example.com",
    }


def test_forms_edit_with_a_post_action_needs_no_look_up() -> None:
    _, server = run_with_answers(
        {"PATCH forms/7/edit": {"form": {"id": 7}}},
        lambda mautic: mautic.forms.edit(7, m.Form(post_action="message", post_action_property="Thanks")),
    )
    assert server.calls == ["PATCH forms/7/edit"]


def test_forms_edit_many_looks_up_once() -> None:
    held = [{"id": 7, "postAction": "message", "postActionProperty": "Thanks"}, {"id": 8, "postAction": "return"}]
    _, server = run_with_answers(
        {
            "GET forms": {"total": 2, "forms": held},
            "PATCH forms/batch/edit": {"forms": [{"id": 7}, {"id": 8}], "statusCodes": [200, 200]},
        },
        lambda mautic: mautic.forms.edit_many([m.Form(id=7, name="A"), m.Form(id=8, name="B")]),
    )
    assert server.calls == ["GET forms", "PATCH forms/batch/edit"]
    assert server.last.body == [
        {"id": 7, "name": "A", "postAction": "message", "postActionProperty": "Thanks"},
        {"id": 8, "name": "B", "postAction": "return"},
    ]


def test_forms_delete_fields_and_actions_by_the_query() -> None:
    async def use(mautic: Any) -> Any:
        return await mautic.forms.delete_fields(7, [3, 4]), await mautic.forms.delete_actions(7, [5])

    (form, _), server = run_with_answers(
        {"DELETE forms/7/fields/delete": {"form": {"id": 7}}, "DELETE forms/7/actions/delete": {"form": {"id": 7}}}, use
    )
    assert form.id == 7
    assert [request.query for request in server.requests] == [
        [("fields[0]", "3"), ("fields[1]", "4")],
        [("actions[0]", "5")],
    ]
    for wrong in (lambda mautic: mautic.forms.delete_fields(7, []), lambda m_: m_.point_triggers.delete_events(7, [])):
        with pytest.raises(ConfigurationError, match="to delete are named"):
            run_with_answers({}, wrong)


def test_forms_submissions_are_read_from_table_rows() -> None:
    submission = {
        "id": 3,
        "dateSubmitted": "2026-01-02T03:04:05+00:00",
        "ipAddress": {"ipAddress": "127.0.0.1"},
        "form": {"id": 7, "name": "F", "alias": "f", "category": None},
        "lead": {"id": 12, "points": 0, "firstname": "Ada", "email": "ada@example.com"},
        "results": {"my_field": "x"},
    }

    async def use(mautic: Any) -> Any:
        forms = mautic.forms
        return (
            await forms.submissions(7, order_by="s.date_submitted"),
            await forms.submission(7, 3),
            await forms.contact_submissions(7, 12),
            [found async for found in forms.iterate_submissions(7)],
        )

    (page, one, of_contact, walked), server = run_with_answers(
        {
            "GET forms/7/submissions": {"total": "1", "submissions": {"3": submission}},
            "GET forms/7/submissions/3": {"submission": submission},
            "GET forms/7/submissions/contact/12": {"total": "0", "submissions": {}},
        },
        use,
    )
    assert page.total == 1
    assert page.items == walked == [one]
    assert (one.results, one.contact.id, one.form.name) == ({"my_field": "x"}, 12, "F")
    assert of_contact.items == []
    assert ("orderBy", "s.id") in server.last.query


def test_forms_contact_submissions_refuses_conditions() -> None:
    with pytest.raises(ConfigurationError, match="condition"):
        run_with_answers({}, lambda mautic: mautic.forms.contact_submissions(7, 12, where=where.gt("s.id", 1)))
