"""The state that processes share: each operation as a function of values."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mautic_async.protocol.headers import RateLimitHeaders
from mautic_async.ratelimit.decision import WaitForResponse, WaitUntil
from mautic_async.ratelimit.fixed_window import BackgroundPolicy
from mautic_async.ratelimit.store import (
    CALL_TIMEOUT,
    Acquired,
    AcquireRequest,
    Observation,
    Permit,
    RateLimitState,
)
from mautic_async.testing.virtual_time import EPOCH

LIMIT, RESERVE = 100, 10
POLICY = BackgroundPolicy(reserve=RESERVE)


def acquire(
    state: RateLimitState, *, at: float = 0.0, background: bool = True, token: str = "t", **more: Any
) -> Acquired:
    request = AcquireRequest(now=EPOCH + at, token=token, background=background, **{"policy": POLICY, **more})
    return state.acquire(request)


def observe(
    state: RateLimitState, permit: Acquired, remaining: int | None, *, at: float = 0.0, token: str = "t", **more: Any
) -> None:
    assert isinstance(permit, Permit)
    headers = None if remaining is None else RateLimitHeaders(LIMIT, remaining, int(EPOCH) + 3600, EPOCH + int(at))
    observation = Observation(now=EPOCH + at, permit=permit, token=token, headers=headers, **{"status": 200, **more})
    state.observe(observation)


def known(remaining: int) -> RateLimitState:
    """A state with so many calls left, and none in flight."""
    state = RateLimitState()
    observe(state, acquire(state), remaining)
    return state


def take_all(state: RateLimitState, **more: Any) -> list[Permit]:
    permits = []
    while isinstance(permit := acquire(state, **more), Permit):
        permits.append(permit)
    return permits


def test_shared_state_admits_one_probe_and_another_after_a_minute() -> None:
    state = RateLimitState()
    assert isinstance(acquire(state), Permit)
    assert acquire(state) == WaitForResponse()
    assert acquire(state, at=59, background=False) == WaitForResponse()
    assert isinstance(acquire(state, at=60), Permit)
    assert acquire(state, at=61) == WaitForResponse()


def test_shared_state_reserves_calls_for_interactive_use() -> None:
    state = known(90)
    assert len(take_all(state)) == 80
    assert len(take_all(state, background=False)) == 10
    assert acquire(state, background=False) == WaitForResponse()


def test_shared_state_returns_unsent_calls_and_trusts_the_server_count() -> None:
    state = known(12)
    first, second = take_all(state)
    observe(state, first, None, sent=False)
    third = acquire(state)
    assert isinstance(third, Permit)
    observe(state, second, 11)
    observe(state, third, 10)
    assert isinstance(acquire(state), WaitUntil)


def test_shared_state_counts_the_calls_of_a_dead_process_as_sent() -> None:
    state = known(30)
    assert len(take_all(state)) == 20
    assert acquire(state, at=CALL_TIMEOUT - 1) == WaitForResponse()
    assert isinstance(acquire(state, at=CALL_TIMEOUT), WaitUntil)
    assert len(take_all(state, at=CALL_TIMEOUT, background=False)) == 10


def test_shared_state_keeps_an_even_pace_for_all_processes_together() -> None:
    state = known(100)
    even = BackgroundPolicy(reserve=RESERVE, is_even=True)
    assert isinstance(acquire(state, policy=even), Permit)
    due = acquire(state, policy=even)
    assert isinstance(due, WaitUntil)
    assert 35 < due.at - EPOCH < 45
    assert isinstance(acquire(state, policy=even, job_requests_left=30), Permit)


def test_shared_state_has_a_window_a_token_and_starts_from_the_latest() -> None:
    """Invariant 56."""
    state = known(10)
    assert isinstance(acquire(state), WaitUntil)
    probe = acquire(state, token="new")
    assert isinstance(probe, Permit)
    observe(state, probe, 99, token="new")
    assert len(take_all(state, token="")) == 89
    assert hashlib.sha256(b"new").hexdigest() not in state.to_text()
    assert '"new"' not in state.to_text()


def test_shared_state_drops_windows_of_old_tokens() -> None:
    state = RateLimitState()
    for number in range(20):
        observe(state, acquire(state, token=f"t{number}"), 99, token=f"t{number}")
    assert len(json.loads(state.to_text())["windows"]) == 8


# --- any text ------------------------------------------------------------------------------------------------------


def whole() -> str:
    state = known(50)
    take_all(state)
    return state.to_text()


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", "7", '"x"', "{}", '{"version":2}', "[" * 100_000, "\0" * 9, "NaN"]
)
def test_shared_state_starts_anew_from_senseless_text(text: str) -> None:
    state = RateLimitState.from_text(text, EPOCH)
    assert isinstance(acquire(state), Permit)
    assert acquire(state) == WaitForResponse()


def test_shared_state_round_trips_through_text() -> None:
    text = whole()
    assert RateLimitState.from_text(text, EPOCH).to_text() == text


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


WHOLE = whole()
PLACES = places(json.loads(WHOLE))


@given(st.sampled_from(PLACES[1:]), JUNK)
def test_shared_state_tolerates_junk_in_any_field(place: tuple[Any, ...], junk: Any) -> None:
    stored = json.loads(WHOLE)
    inner = stored
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = junk
    state = RateLimitState.from_text(json.dumps(stored), EPOCH + 10)
    for background in (True, False):
        acquired = acquire(state, at=10, background=background)
        assert not isinstance(acquired, WaitUntil) or EPOCH + 10 < acquired.at <= EPOCH + 10 + 3660 + 1 + 10
    RateLimitState.from_text(state.to_text(), EPOCH + 10)


@given(st.text())
def test_shared_state_reads_or_replaces_any_text(text: str) -> None:
    acquire(RateLimitState.from_text(text, EPOCH))


STEPS = st.lists(
    st.tuples(st.booleans(), st.one_of(st.none(), st.integers(0, LIMIT)), st.booleans(), st.floats(0, 60)), max_size=60
)


@given(STEPS)
def test_shared_state_never_exceeds_remaining_and_keeps_the_reserve(
    steps: list[tuple[bool, int | None, bool, float]],
) -> None:
    state, moment, remaining = known(LIMIT), 0.0, LIMIT
    permits: list[Permit] = []
    for background, answer, ends, step in steps:
        moment += step
        if ends and permits:
            observe(state, permits.pop(0), answer, at=moment)
            remaining = remaining if answer is None else min(remaining, answer)
        acquired = acquire(state, at=moment, background=background)
        state = RateLimitState.from_text(state.to_text(), EPOCH + moment)
        if isinstance(acquired, Permit):
            permits.append(acquired)
            in_flight = len(json.loads(state.to_text())["in_flight"])
            assert moment >= 3600 or in_flight <= remaining - (RESERVE if background else 0)
