import pytest

from tests.security.fuzz import LIMIT, fuzz


def test_figure_17_only_our_errors_leave_and_soon(capsys: pytest.CaptureFixture[str]) -> None:
    tally = fuzz(0, 5_000)
    with capsys.disabled():
        print(
            f"\nfigure 17: {tally.cases:,} cases, {tally.answers:,} answers: other exceptions, long messages and cases over"
            f" {LIMIT * 1000:.0f} ms: {len(tally.wrong)}"
        )
    assert tally.cases == 5_000
    assert tally.wrong == []
    assert len(tally.results) >= 8  # all kinds of errors, and answers


def test_a_case_that_was_wrong_once_stays_right() -> None:
    assert fuzz(19_626, 1).wrong == []  # a custom item where a group of them should be
