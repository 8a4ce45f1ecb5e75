from __future__ import annotations

from typing import Any

import pytest

from mautic_async import (
    OutcomeUnknown,
    Rejected,
)
from mautic_async import models as m
from tests.support.canned_client import run_with_answers


def test_emails_send_to_segments_returns_counts() -> None:
    found, server = run_with_answers(
        {"POST emails/10/send": {"success": 1, "sentCount": 3, "failedRecipients": 1}},
        lambda mautic: mautic.emails.send(10, limit=100),
    )
    assert found == m.SegmentSend(sent_count=3, failed_recipients=1, extra={"success": 1})
    assert server.last.body == {"limit": 100}


def test_emails_send_wraps_tokens_in_braces() -> None:
    _, server = run_with_answers(
        {"POST emails/10/contact/12/send": {"success": True}},
        lambda mautic: mautic.emails.send_to_contact(10, 12, tokens={"name": "Ada", "{city}": "London"}, assets=[4]),
    )
    assert server.last.body == {"tokens": {"{name}": "Ada", "{city}": "London"}, "assetAttachments": [4]}


@pytest.mark.parametrize(
    "answer", [{"success": False}, {"success": False, "failed": "bounced"}, {"success": False, "failed": ["bounced"]}]
)
def test_emails_send_raises_an_unsent_email_answered_with_200(answer: Any) -> None:
    with pytest.raises(Rejected, match="although with status 200"):
        run_with_answers(
            {"POST emails/10/contact/12/send": answer}, lambda mautic: mautic.emails.send_to_contact(10, 12)
        )


def test_send_methods_are_never_retried() -> None:
    for call, use in (
        ("POST emails/10/contact/12/send", lambda mautic: mautic.emails.send_to_contact(10, 12)),
        ("POST emails/10/send", lambda mautic: mautic.emails.send(10)),
        ("GET smses/10/contact/12/send", lambda mautic: mautic.smses.send(10, 12)),
    ):
        for failure in (ConnectionResetError(), (500, b"Interval server error"), (502, b"")):
            seen: list[int] = []

            def answer(_: Any, failure: Any = failure, seen: list[int] = seen) -> Any:
                seen.append(1)
                return failure

            with pytest.raises(OutcomeUnknown):
                run_with_answers({call: answer}, use)
            assert seen == [1]


def test_emails_reply_is_recorded_by_its_tracking_hash() -> None:
    _, server = run_with_answers(
        {"POST emails/reply/abc123": (201, {"success": True})}, lambda m: m.emails.reply("abc123")
    )
    assert server.calls == ["POST emails/reply/abc123"]
