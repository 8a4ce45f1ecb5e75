"""A part of the histories; `python -m tests.stress.history --seeds 200` checks all."""

from __future__ import annotations

import pytest

from tests.stress.history import Findings, run_histories
from tests.support.sizes import sized


def total_findings(seeds: range, **options: str | bool) -> Findings:
    total = Findings()
    for _, found in run_histories(seeds, **options):  # type: ignore[arg-type]
        total.add(found)
    return total


@pytest.mark.parametrize("strategy", ["unique", "marker", "none"])
def test_bulk_job_loses_and_doubles_no_row_in_any_history_of_faults_and_kills(
    strategy: str,
) -> None:
    """Invariants 29 and 30."""
    seeds = sized(2, 8)
    total = total_findings(range(seeds), strategy=strategy)
    assert not total.failures, f"{dict(total.failures)}"
    assert sum(total.faults.values()) >= seeds * 50
    assert len(total.faults) >= 11
    assert total.kills == 3 * seeds
    assert sum(total.outcomes.values()) > 0.9 * total.rows


@pytest.mark.parametrize("strategy", ["unique", "marker"])
def test_bulk_job_with_a_row_journal_loses_no_row_of_a_one_shot_source(strategy: str) -> None:
    seeds = sized(1, 4)
    total = total_findings(range(seeds), strategy=strategy, keeps=True)
    assert not total.failures, f"{dict(total.failures)}"
    assert total.kills == 3 * seeds


@pytest.mark.parametrize(
    ("broken", "found"),
    sized(
        [("settle", "doubled items"), ("lanes", "doubled contacts"), ("order", "stale contacts")],
        [
            *((broken, "doubled items") for broken in ("settle", "journal", "proxy")),
            *((broken, "stale contacts") for broken in ("settle", "lanes", "journal", "proxy", "link", "order")),
            ("lanes", "doubled contacts"),
            ("refusal", "stale contacts"),
            ("created", "created twice"),
        ],
    ),
)
def test_history_checker_finds_planted_errors(broken: str, found: str) -> None:
    seeds = range(16 if broken == "refusal" else 3)  # a refusal after a sending of unknown fate is rare
    assert total_findings(seeds, broken=broken).failures[found] > 0
