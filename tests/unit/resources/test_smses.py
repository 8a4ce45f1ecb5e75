from __future__ import annotations

from typing import Any

import pytest

from mautic_async import (
    PermissionDenied,
    Rejected,
)
from tests.support.canned_client import error_answer, run_with_answers


@pytest.mark.parametrize(
    "answer",
    [
        '{"error":{"message":"SMS transport is disabled.","code":417}}',
        {"success": False, "status": "failed", "result": {"sent": False}, "errors": [{"message": "no number"}]},
    ],
)
def test_smses_send_raises_an_unsent_message_answered_with_200(answer: Any) -> None:
    with pytest.raises(Rejected, match="although with status 200"):
        run_with_answers({"GET smses/10/contact/12/send": answer}, lambda mautic: mautic.smses.send(10, 12))


def test_smses_send_returns_the_result_of_the_contact() -> None:
    answer = {
        "success": True,
        "status": "Delivered",
        "result": {"sent": True, "id": 10, "content": "Hi", "statId": "4"},
    }
    found, _ = run_with_answers({"GET smses/10/contact/12/send": answer}, lambda mautic: mautic.smses.send(10, 12))
    assert (found.sent, found.content, found.stat_id) == (True, "Hi", 4)


def test_smses_send_raises_permission_denied() -> None:
    with pytest.raises(PermissionDenied):
        run_with_answers(
            {"GET smses/10/contact/9/send": error_answer(403, "no")}, lambda mautic: mautic.smses.send(10, 9)
        )
