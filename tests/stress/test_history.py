"""A part of the histories; `python -m tests.stress.history --seeds 200` checks all."""

from __future__ import annotations

import pytest

from tests.stress.history import Findings, run_histories


def total_findings(seeds: range, **options: str | bool) -> Findings:
    total = Findings()
    for _, found in run_histories(seeds, **options):  # type: ignore[arg-type]
        total.add(found)
    return total


@pytest.mark.parametrize("strategy", ["unique", "marker", "none"])
def test_invariants_29_and_30_whatever_fails_and_whenever_it_is_killed_nothing_is_lost_or_doubled(
    strategy: str,
) -> None:
    total = total_findings(range(8), strategy=strategy)
    assert not total.failures, f"{dict(total.failures)}"
    assert sum(total.faults.values()) >= 8 * 50
    assert len(total.faults) >= 11
    assert total.kills == 3 * 8
    assert sum(total.outcomes.values()) > 0.9 * total.rows


@pytest.mark.parametrize("strategy", ["unique", "marker"])
def test_a_source_that_cannot_be_read_twice_loses_nothing_to_a_journal_that_keeps_rows(strategy: str) -> None:
    total = total_findings(range(4), strategy=strategy, keeps=True)
    assert not total.failures, f"{dict(total.failures)}"
    assert total.kills == 3 * 4


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        *((broken, "doubled items") for broken in ("settle", "journal", "proxy")),
        *((broken, "stale contacts") for broken in ("settle", "lanes", "journal", "proxy", "link", "order")),
        ("lanes", "doubled contacts"),
        ("refusal", "stale contacts"),
        ("created", "created twice"),
    ],
)
def test_the_checker_finds_what_is_broken(broken: str, found: str) -> None:
    seeds = range(16 if broken == "refusal" else 3)  # a refusal after a sending of unknown fate is rare
    assert total_findings(seeds, broken=broken).failures[found] > 0
