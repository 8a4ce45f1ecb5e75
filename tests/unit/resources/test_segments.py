from __future__ import annotations

from tests.support.canned_client import run_with_answers


def test_segments_add_contacts_reports_missing_contacts() -> None:
    details = {"12": {"success": True}, "13": {"success": True}, "99999": {"success": False}}
    found, server = run_with_answers(
        {"POST segments/11/contacts/add": {"success": 1, "details": details}},
        lambda mautic: mautic.segments.add_contacts(11, [12, 99999, 13, 14]),
    )
    assert [(outcome.index, outcome.id, outcome.status) for outcome in found] == [
        (0, 12, "updated"),
        (1, 99999, "rejected"),
        (2, 13, "updated"),
        (3, 14, "unknown"),
    ]
    assert server.last.body == {"ids": [12, 99999, 13, 14]}


def test_segments_add_contacts_of_an_empty_list_sends_no_request() -> None:
    found, server = run_with_answers({}, lambda mautic: mautic.segments.add_contacts(11, []))
    assert (found, server.requests) == ([], [])
