from __future__ import annotations

import pytest

from mautic_async import (
    ConfigurationError,
)
from mautic_async import models as m
from tests.support.canned_client import run_with_answers


def test_webhooks_replace_refuses_a_missing_secret() -> None:
    hook = m.Webhook(name="H", webhook_url="https://example.com")
    with pytest.raises(ConfigurationError, match="secret"):
        run_with_answers({}, lambda mautic: mautic.webhooks.replace(1, hook))
    hook.secret = None
    _, server = run_with_answers(
        {"PUT hooks/1/edit": {"hook": {"id": 1}}}, lambda mautic: mautic.webhooks.replace(1, hook)
    )
    assert server.last.body["secret"] is None
