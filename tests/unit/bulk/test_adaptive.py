from __future__ import annotations

from mautic_async.bulk.adaptive import Batch, Flow, Sample, refuse, resize, steer


def sample(rows: int, seconds: float, *, began: float = 1.0, **rest: object) -> Sample:
    return Sample(rows, seconds, began, began + seconds, **rest)  # type: ignore[arg-type]


def test_batches_grow_to_what_takes_the_target_time() -> None:
    batch = Batch(50.0, 200, 5.0)
    for _ in range(30):
        batch = resize(batch, sample(batch.size, 0.1 + 0.05 * batch.size))
    assert 90 <= batch.size <= 110


def test_batches_never_pass_the_bound() -> None:
    batch = Batch(50.0, 120, 5.0)
    for _ in range(30):
        batch = resize(batch, sample(batch.size, 0.01))
    assert batch.size == 120


def test_a_slow_server_gets_smaller_batches() -> None:
    batch = Batch(50.0, 200, 5.0)
    for _ in range(30):
        batch = resize(batch, sample(batch.size, 0.6 * batch.size))
    assert 6 <= batch.size <= 17


def test_a_timeout_halves_at_once_and_so_does_an_answer_near_the_proxies_limit() -> None:
    assert resize(Batch(100.0, 200, 5.0), sample(100, 60.0, load=True, dropped=True)).size == 50
    assert resize(Batch(100.0, 200, 5.0), sample(100, 31.0)).size == 50


def test_a_refusal_of_the_number_of_rows_is_kept() -> None:
    batch = refuse(Batch(150.0, 200, 5.0), 100)
    for _ in range(30):
        batch = resize(batch, sample(batch.size, 0.01))
    assert batch.size == 100


def test_where_calls_are_scarce_batches_are_as_large_as_they_may_be() -> None:
    assert resize(Batch(50.0, 200, 5.0), sample(50, 2.0, starved=True)).size == 200


def test_a_remnant_says_nothing_of_full_batches() -> None:
    batch = Batch(100.0, 200, 5.0)
    assert resize(batch, sample(3, 2.0)) == batch


def drive(flow: Flow, workers: int, answers: int) -> Flow:
    """A server with so many workers: beyond them, requests queue."""
    now = 0.0
    for _ in range(answers):
        seconds = 1.0 * max(1.0, flow.size / workers)
        flow = steer(flow, Sample(50, seconds, now, now + seconds, busy=flow.size))
        now += seconds / flow.size
    return flow


def test_concurrency_grows_while_a_row_takes_no_longer() -> None:
    assert drive(Flow(2.0, 8), workers=20, answers=200).size == 8


def test_concurrency_stops_near_what_the_server_works_on_at_once() -> None:
    for workers in (2, 3, 4):
        assert workers <= drive(Flow(2.0, 8), workers, answers=300).size <= 2 * workers


def test_an_overload_halves_once_a_round_trip() -> None:
    flow = Flow(8.0, 8)
    for number in range(8):  # all of them left before the first failed
        flow = steer(flow, sample(50, 5.0 + number, began=1.0 + number / 10, load=True))
    assert flow.size == 4
    assert steer(flow, sample(50, 5.0, began=20.0, load=True)).size == 2


def test_no_growth_while_the_limit_is_not_used() -> None:
    flow = Flow(4.0, 8)
    for number in range(100):
        flow = steer(flow, sample(50, 1.0, began=float(number), busy=1))
    assert flow.size == 4


def test_a_small_limit_never_falls_below_one() -> None:
    flow = Flow(1.0, 8)
    for number in range(10):
        flow = steer(flow, sample(50, 1.0, began=10.0 * number, load=True))
    assert flow.size == 1


def test_batches_grow_by_no_more_than_they_are_told() -> None:
    assert resize(Batch(50.0, 200, 5.0), sample(50, 0.1), growth=1.1).size == 55
    assert resize(Batch(50.0, 200, 5.0), sample(50, 0.1)).size == 75


def test_the_first_step_that_only_queues_is_taken_back_after_two_answers() -> None:
    flow = Flow(2.0, 8)
    for ended in (1.0, 1.1):
        flow = steer(flow, Sample(50, 0.4, 0.1, ended, busy=2))
    assert flow.size == 4
    for ended in (2.0, 2.1):
        flow = steer(flow, Sample(50, 0.8, 1.2, ended, busy=4))
    assert flow.size == 2
    assert not flow.seeking
