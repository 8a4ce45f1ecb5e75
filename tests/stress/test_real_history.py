"""Two of the histories through the whole client; `python -m tests.stress.real_history --seeds 20` checks more."""

from __future__ import annotations

from tests.stress.history import Findings
from tests.stress.real_history import run_histories


def test_client_loses_and_doubles_no_row_in_histories_with_the_fake_server() -> None:
    """Invariants 29 and 35."""
    total = Findings()
    for _, found in run_histories(range(2), rows=700, rate=0.02):
        total.add(found)
    assert not total.failures, dict(total.failures)
    assert total.kills == 6
    assert len(total.faults) >= 11
