from __future__ import annotations

from tests.support.canned_client import MISSING, run_with_answers


def test_messages_delete_many_looks_up_messages_one_by_one() -> None:
    found, server = run_with_answers(
        {
            "GET messages/7": [(200, {"message": {"id": 7}}), MISSING],
            "GET messages/8": MISSING,
            "DELETE messages/batch/delete": {"messages": []},
        },
        lambda mautic: mautic.messages.delete_many([7, 8]),
    )
    assert [outcome.status for outcome in found] == ["updated", "rejected"]
    assert "GET messages" not in server.calls
