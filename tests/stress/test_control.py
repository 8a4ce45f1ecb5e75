"""A small part of `python -m tests.stress.control`."""

from __future__ import annotations

import statistics

import pytest

from tests.stress.control import SERVERS, share_of_best, share_on_measured_server
from tests.support.sizes import sized


def test_adaptive_job_nears_the_best_fixed_setting_of_every_server() -> None:
    shares = {name: share_of_best(name, 0, 50_000)[0] for name in SERVERS}
    assert statistics.mean(shares.values()) >= 0.97, shares
    assert min(shares.values()) >= 0.93, shares


@pytest.mark.parametrize(
    ("rows", "mean", "worst"), sized([(2_000, 0.95, 0.91)], [(2_000, 0.95, 0.91), (6_000, 0.97, 0.95)])
)
def test_adaptive_short_job_on_the_measured_server_loses_little(rows: int, mean: float, worst: float) -> None:
    shares = [share_on_measured_server(number, rows, seeds=2) for number in range(12)]
    assert statistics.mean(shares) >= mean, shares
    assert min(shares) >= worst, shares
