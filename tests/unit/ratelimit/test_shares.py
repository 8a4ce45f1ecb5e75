"""The steps of a shared budget's record, as values."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mautic_async.ratelimit.fixed_window import ANSWER, GO, Reading, Window
from mautic_async.ratelimit.shares import DEAD, Claim, Grant, Told, settle
from mautic_async.testing.virtual_time import EPOCH

LIMIT, RESERVE = 100, 10
FRESH = partial(Window, lambda: 0.0, reserve=RESERVE)
MELTING = partial(Window, lambda: 0.0)
EVEN = partial(Window, lambda: 0.0, reserve=RESERVE, spread=True)


def claim(holder: str = "a", **more: Any) -> Claim:
    return Claim(**{"holder": holder, "token": "t", "back": True, "wanted": 1000, **more})


def told(remaining: int | None, *, at: float = 0.0, token: str = "t", status: int | None = 200) -> Told:
    if remaining is None:
        return Told(EPOCH + at, token, None, status)
    return Told(EPOCH + at, token, Reading(LIMIT, remaining, int(EPOCH) + 3600, EPOCH + int(at)), status)


def play(text: str | None, asked: Claim, *, at: float = 0.0, window: Any = FRESH) -> tuple[str, Grant]:
    after, grant = settle(text, asked, now=EPOCH + at, window=window)
    assert json.loads(after)["version"] == 1
    return after, grant


def known(remaining: int, *, window: Any = FRESH) -> str:
    """A record of a window with so many calls left, in which nobody holds any."""
    return play(None, claim("z", told=[told(remaining)], back=False), window=window)[0]


def leases(text: str) -> dict[str, int]:
    return {holder: calls for holder, (calls, _, _) in json.loads(text)["leases"].items()}


# --- how many ------------------------------------------------------------------------------------------------------


def test_a_lease_is_half_of_what_is_spare_and_as_much_is_left_for_each_of_the_others() -> None:
    text, grants = known(90), []
    for holder in "abcd":
        text, grant = play(text, claim(holder))
        grants.append(grant.calls)
    assert grants == [40, 10, 5, 3]
    assert leases(text) == dict(zip("abcd", grants, strict=True))


def test_a_lease_is_not_larger_than_was_asked_for_and_at_least_one() -> None:
    assert play(known(90), claim(wanted=3))[1].calls == 3
    assert play(known(RESERVE + 1), claim())[1].calls == 1


def test_what_is_kept_and_what_is_under_way_is_counted_as_gone() -> None:
    text, grant = play(known(60), claim(in_flight=30, kept=19))
    assert grant.calls == 1
    assert leases(text) == {"a": 50}
    assert play(known(60), claim(in_flight=30, kept=20))[1].calls == 0


def test_background_work_leaves_the_reserve_and_an_interactive_call_gets_one_of_it_at_a_time() -> None:
    text = known(RESERVE)
    text, grant = play(text, claim("a"))
    assert (grant.calls, grant.front) == (0, 0)
    assert grant.again_back == EPOCH + 3601
    for holder in "abcdefghij":
        text, grant = play(text, claim(holder, front=True))
        assert (grant.calls, grant.front) == (0, 1)
    _, grant = play(text, claim("k", front=True))
    assert (grant.calls, grant.front, grant.again_front, grant.again_back) == (0, 0, ANSWER, ANSWER)


def test_interactive_calls_share_what_is_above_the_reserve_with_background_work() -> None:
    _, grant = play(known(90), claim(back=False, front=True, wanted=8))
    assert (grant.calls, grant.front) == (8, 0)


def test_where_others_have_calls_out_it_is_worth_asking_again_and_else_it_is_not() -> None:
    text, _ = play(known(50), claim("a", in_flight=40, back=False))
    assert play(text, claim("b"))[1].again_back == ANSWER
    text, _ = play(text, claim("a", back=False, told=[told(10)]))
    assert play(text, claim("b"))[1].again_back == EPOCH + 3601


def test_a_melting_reserve_is_that_of_the_single_process() -> None:
    _, grant = play(known(50, window=MELTING), claim(), window=MELTING, at=1800)
    assert grant.calls == (50 - 5) // 2


def test_an_even_pace_is_kept_by_all_together() -> None:
    text, first = play(known(46, window=EVEN), claim("a"), window=EVEN)
    assert first.calls == 1
    text, second = play(text, claim("b"), window=EVEN)
    assert second.calls == 0
    assert second.again_back == pytest.approx(EPOCH + 3601 / 35)
    text, second = play(text, claim("b"), window=EVEN, at=110)
    assert second.calls == 1
    assert play(text, claim("c", rest=10), window=EVEN, at=111)[1].calls > 1
    assert play(text, claim("c", back=False, front=True, wanted=4), window=EVEN)[1].front == 4


# --- the probe -----------------------------------------------------------------------------------------------------


def test_one_of_all_probes_and_the_others_wait_for_its_answer() -> None:
    text, first = play(None, claim("a"))
    assert (first.calls, first.probe) == (1, True)
    text, other = play(text, claim("b", front=True))
    assert (other.calls, other.front, other.again_front, other.again_back) == (0, 0, ANSWER, ANSWER)
    text, again = play(text, claim("a", in_flight=1, probing=True), at=14)
    assert again.calls == 0
    text, later = play(text, claim("b"), at=16)
    assert later.probe


def test_a_window_that_has_ended_is_probed_again() -> None:
    text = known(0)
    assert not play(text, claim(), at=3600)[1].calls
    assert play(text, claim(), at=3602)[1].probe


def test_a_probe_that_was_never_sent_does_not_count() -> None:
    text, _ = play(None, claim("a"))
    text, _ = play(text, claim("a", back=False))
    assert leases(text) == {}
    assert play(text, claim("b"))[1].probe


def test_a_limiter_that_is_off_is_known_to_all_for_an_hour() -> None:
    text, grant = play(None, claim("a", told=[told(None)]))
    assert grant.window.unlimited
    text, grant = play(text, claim("b", token=""), at=3500)
    assert grant.window.unlimited
    assert play(text, claim("b"), at=3700)[1].probe


# --- the dead ------------------------------------------------------------------------------------------------------


def test_the_dead_keep_their_lease_until_an_answer_has_told_what_they_sent() -> None:
    text, grant = play(known(60), claim("dead"))
    assert grant.calls == 25
    text, grant = play(text, claim("a", told=[told(59, at=DEAD - 1)], back=False), at=DEAD - 1)
    assert leases(text) == {"dead": 25}
    text, _ = play(text, claim("a", back=False), at=DEAD + 1)
    assert leases(text) == {"dead": 25}
    text, grant = play(text, claim("a", told=[told(40, at=DEAD + 2)]), at=DEAD + 2)
    assert leases(text) == {"a": grant.calls}
    assert grant.calls == 15


def test_where_only_the_dead_are_in_the_way_one_call_goes_and_finds_out() -> None:
    text, grant = play(known(RESERVE + 2), claim("dead"))
    text, grant = play(text, claim("dead", kept=1))
    assert leases(text) == {"dead": 2}
    assert play(text, claim("a"), at=DEAD - 1)[1].again_back == ANSWER
    text, grant = play(text, claim("a"), at=DEAD)
    assert (grant.calls, grant.probe) == (1, True)
    assert play(text, claim("b"), at=DEAD)[1].calls == 0


def test_nobody_is_remembered_longer_than_a_window() -> None:
    text, _ = play(known(60), claim("dead"))
    assert leases(play(text, claim("a", back=False), at=3661)[0]) == {}


def test_a_clock_that_was_set_back_makes_nothing_last_longer() -> None:
    text, _ = play(None, claim("a", told=[Told(EPOCH + 9000, "t", Reading(100, 0, int(EPOCH) + 12000), 200)]), at=9000)
    text, _ = play(text, claim("a", in_flight=3), at=9000)
    _, grant = play(text, claim("b"))
    assert grant.again_back == ANSWER
    assert grant.window.until <= EPOCH + 3661


# --- tokens --------------------------------------------------------------------------------------------------------


def test_invariant_56_each_token_has_a_budget_of_its_own_and_the_last_one_is_taken_until_ones_own_is_known() -> None:
    text = known(RESERVE)
    assert play(text, claim("a"))[1].again_back == EPOCH + 3601
    assert play(text, claim("a", token="new"))[1].probe
    text, grant = play(text, claim("a", token="new", told=[told(99, token="new")]))
    assert grant.calls > 1
    assert play(text, claim("b", token=""))[1].calls > 1
    assert play(text, claim("b"))[1].calls == 0


def test_what_others_have_out_under_another_token_counts_too_because_it_may_be_sent_under_the_new_one() -> None:
    text, grant = play(known(90), claim("a"))
    text, grant = play(text, claim("b", token="new", told=[told(99, token="new")]))
    assert grant.calls == (99 - 40 - RESERVE) // 4


def test_a_record_tells_neither_a_token_nor_its_plain_digest_and_no_two_tell_the_same() -> None:
    texts = [play(None, claim(told=[told(50, token="canary-token")], token="canary-token"))[0] for _ in range(2)]
    plain = hashlib.sha256(b"canary-token").hexdigest()
    keys = [key for text in texts for key in json.loads(text)["accounts"]]
    assert len(set(keys)) == 2
    for text in texts:
        assert "canary" not in text
        assert plain[:8] not in text
        assert all(len(key) == 8 for key in json.loads(text)["accounts"])


def test_old_tokens_do_not_pile_up() -> None:
    text = None
    for number in range(50):
        text, _ = play(text, claim(told=[told(50, at=number, token=str(number))], back=False), at=number)
    assert text is not None
    assert len(json.loads(text)["accounts"]) == 8
    assert len(text) < 4096


# --- whatever comes ------------------------------------------------------------------------------------------------

WHOLE = play(play(known(50), claim("a", in_flight=3))[0], claim("b", probing=True, kept=2))[0]


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", "7", '"x"', "{}", '{"version":2}', "[" * 100_000, "\0" * 9, "NaN"]
)
def test_a_record_that_makes_no_sense_is_begun_anew(text: str) -> None:
    assert play(text, claim())[1].probe


JUNK = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.just("inf"), st.just(10**400)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(found for key, part in inner for found in places(part, (*path, key)))]


PLACES = places(json.loads(WHOLE))


@given(st.sampled_from(PLACES[1:]), JUNK)
def test_a_record_with_junk_in_any_place_does_no_harm(place: tuple[Any, ...], junk: Any) -> None:
    record = json.loads(WHOLE)
    inner = record
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = junk
    _, grant = play(json.dumps(record), claim("c", front=True), at=10)
    for again in (grant.again_back, grant.again_front):
        assert again in {GO, ANSWER} or EPOCH + 10 < again <= EPOCH + 10 + 3660 + 1 + 10


@given(st.text())
def test_any_text_is_a_record_or_begun_anew(text: str) -> None:
    play(text, claim())


CLAIMS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.integers(0, 12),
        st.integers(0, 12),
        st.integers(1, 80),
        st.booleans(),
        st.booleans(),
        st.lists(st.one_of(st.none(), st.integers(0, LIMIT)), max_size=3),
        st.floats(0, 200),
    ),
    max_size=30,
)


@given(CLAIMS, st.sampled_from([FRESH, MELTING, EVEN]))
def test_whatever_is_claimed_no_more_is_leased_than_is_left_and_background_work_leaves_the_reserve(
    claims: list[tuple[str, int, int, int, bool, bool, list[int | None], float]], window: Any
) -> None:
    text, moment = known(LIMIT, window=window), 0.0
    for holder, in_flight, kept, wanted, front, back, answers, step in claims:
        moment += step
        before = leases(text)
        asked = claim(
            holder,
            in_flight=in_flight,
            kept=kept,
            wanted=wanted,
            front=front,
            back=back,
            told=[told(answer, at=min(moment, 3500)) for answer in answers],
        )
        text, grant = play(text, asked, at=moment, window=window)
        after = leases(text)
        assert after.get(holder, 0) == in_flight + kept + grant.calls + grant.front
        assert all(after[other] == before[other] for other in after if other != holder)
        left = grant.window.tightest(EPOCH + moment)
        if left is None or grant.probe:
            assert grant.calls + grant.front <= 1
        elif grant.front or grant.calls:
            assert sum(after.values()) <= left[1]
            if back and grant.calls and window is not MELTING:
                assert sum(after.values()) <= left[1] - RESERVE
