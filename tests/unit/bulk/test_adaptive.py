from __future__ import annotations

from mautic_async.bulk.adaptive import (
    BatchSize,
    ConcurrencyLimit,
    Sample,
    cap_rows,
    update_batch_size,
    update_concurrency,
)


def sample(rows: int, seconds: float, *, began: float = 1.0, **rest: object) -> Sample:
    return Sample(rows, seconds, began, began + seconds, **rest)  # type: ignore[arg-type]


def test_adaptive_batch_size_grows_to_the_target_time() -> None:
    batch = BatchSize(50.0, 200, 5.0)
    for _ in range(30):
        batch = update_batch_size(batch, sample(batch.size, 0.1 + 0.05 * batch.size))
    assert 90 <= batch.size <= 110


def test_adaptive_batch_size_never_exceeds_the_bound() -> None:
    batch = BatchSize(50.0, 120, 5.0)
    for _ in range(30):
        batch = update_batch_size(batch, sample(batch.size, 0.01))
    assert batch.size == 120


def test_adaptive_batch_size_shrinks_for_a_slow_server() -> None:
    batch = BatchSize(50.0, 200, 5.0)
    for _ in range(30):
        batch = update_batch_size(batch, sample(batch.size, 0.6 * batch.size))
    assert 6 <= batch.size <= 17


def test_adaptive_batch_size_halves_after_a_timeout_or_a_near_timeout() -> None:
    assert update_batch_size(BatchSize(100.0, 200, 5.0), sample(100, 60.0, overload=True, timed_out=True)).size == 50
    assert update_batch_size(BatchSize(100.0, 200, 5.0), sample(100, 31.0)).size == 50


def test_adaptive_batch_size_keeps_a_refused_row_count() -> None:
    batch = cap_rows(BatchSize(150.0, 200, 5.0), 100)
    for _ in range(30):
        batch = update_batch_size(batch, sample(batch.size, 0.01))
    assert batch.size == 100


def test_adaptive_batch_size_is_largest_where_calls_are_scarce() -> None:
    assert update_batch_size(BatchSize(50.0, 200, 5.0), sample(50, 2.0, rate_limited=True)).size == 200


def test_adaptive_batch_size_ignores_partial_batches() -> None:
    batch = BatchSize(100.0, 200, 5.0)
    assert update_batch_size(batch, sample(3, 2.0)) == batch


def drive(flow: ConcurrencyLimit, workers: int, answers: int) -> ConcurrencyLimit:
    """A server with so many workers: beyond them, requests queue."""
    now = 0.0
    for _ in range(answers):
        seconds = 1.0 * max(1.0, flow.size / workers)
        flow = update_concurrency(flow, Sample(50, seconds, now, now + seconds, in_flight=flow.size))
        now += seconds / flow.size
    return flow


def test_adaptive_concurrency_grows_while_the_time_a_row_stays() -> None:
    assert drive(ConcurrencyLimit(2.0, 8), workers=20, answers=200).size == 8


def test_adaptive_concurrency_stops_near_the_capacity_of_the_server() -> None:
    for workers in (2, 3, 4):
        assert workers <= drive(ConcurrencyLimit(2.0, 8), workers, answers=300).size <= 2 * workers


def test_adaptive_concurrency_halves_once_a_round_trip_under_overload() -> None:
    flow = ConcurrencyLimit(8.0, 8)
    for number in range(8):  # all of them left before the first failed
        flow = update_concurrency(flow, sample(50, 5.0 + number, began=1.0 + number / 10, overload=True))
    assert flow.size == 4
    assert update_concurrency(flow, sample(50, 5.0, began=20.0, overload=True)).size == 2


def test_adaptive_concurrency_does_not_grow_while_unused() -> None:
    flow = ConcurrencyLimit(4.0, 8)
    for number in range(100):
        flow = update_concurrency(flow, sample(50, 1.0, began=float(number), in_flight=1))
    assert flow.size == 4


def test_adaptive_concurrency_never_falls_below_one() -> None:
    flow = ConcurrencyLimit(1.0, 8)
    for number in range(10):
        flow = update_concurrency(flow, sample(50, 1.0, began=10.0 * number, overload=True))
    assert flow.size == 1


def test_adaptive_batch_size_grows_by_at_most_the_given_factor() -> None:
    assert update_batch_size(BatchSize(50.0, 200, 5.0), sample(50, 0.1), max_growth=1.1).size == 55
    assert update_batch_size(BatchSize(50.0, 200, 5.0), sample(50, 0.1)).size == 75


def test_adaptive_concurrency_takes_back_a_step_that_only_queues() -> None:
    flow = ConcurrencyLimit(2.0, 8)
    for ended in (1.0, 1.1):
        flow = update_concurrency(flow, Sample(50, 0.4, 0.1, ended, in_flight=2))
    assert flow.size == 4
    for ended in (2.0, 2.1):
        flow = update_concurrency(flow, Sample(50, 0.8, 1.2, ended, in_flight=4))
    assert flow.size == 2
    assert not flow.will_double
