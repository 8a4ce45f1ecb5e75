import pytest

from tests.stress import fuzz_parsers
from tests.stress.fuzz import MAX_CPU_SECONDS, fuzz
from tests.support.sizes import sized


def test_fuzz_client_raises_only_its_own_errors_and_in_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Figure 17."""
    cases = sized(1_000, 5_000)
    tally = fuzz(0, cases)
    with capsys.disabled():
        print(
            f"\nfigure 17: {tally.cases:,} cases, {tally.answers:,} answers: other exceptions, long messages and cases over"
            f" {MAX_CPU_SECONDS * 1000:.0f} ms: {len(tally.failures)}"
        )
    assert tally.cases == cases
    assert tally.failures == []
    assert len(tally.results) >= 8  # all kinds of errors, and answers


def test_fuzz_case_that_failed_once_stays_right() -> None:
    assert fuzz(19_626, 1).failures == []  # a custom item where a group of them should be


def test_fuzz_parsers_accept_any_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Figure 17."""
    cases, rooms = sized(500, 1_500), len(fuzz_parsers.PARSERS)
    wrong = fuzz_parsers.fuzz_parsers(0, cases)
    with capsys.disabled():
        print(
            f"\nfigure 17: {cases:,} texts and a corpus of {len(fuzz_parsers.CORPUS)} through {rooms} rooms: wrong {len(wrong)}"
        )
    assert wrong == []
    assert {room.__name__ for room in fuzz_parsers.PARSERS} == {"envelope", "headers", "gzip", "webhook", "entities"}
    assert len(fuzz_parsers.KINDS) > 20
