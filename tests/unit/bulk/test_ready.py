from __future__ import annotations

from mautic_async.bulk import EncodedRow, WorkItem
from mautic_async.bulk.ready import MIN_ROWS_TO_SPLIT, ReadyQueue


def items(count: int, *, step: str = "", size: int = 2, first: int = 0) -> list[WorkItem[str]]:
    return [WorkItem(first + number, "", EncodedRow(b"x" * size), step=step) for number in range(count)]


def indices(batch: list[WorkItem[str]]) -> list[int]:
    return [item.index for item in batch]


def test_next_batch_is_full_unless_a_partial_one_is_allowed() -> None:
    ready: ReadyQueue[str] = ReadyQueue()
    ready.push(items(3))
    assert ready.next_batch(4, 1000, partial=False) == []
    assert indices(ready.next_batch(4, 1000, partial=True)) == [0, 1, 2]
    assert ready.next_batch(4, 1000, partial=True) == []


def test_next_batch_is_bounded_in_bytes_but_never_empty() -> None:
    ready: ReadyQueue[str] = ReadyQueue()
    ready.push(items(4, size=10))
    assert indices(ready.next_batch(4, 24, partial=False)) == [0, 1]
    assert indices(ready.next_batch(2, 5, partial=False)) == [2], "a row larger than the bound goes alone"


def test_next_batch_holds_rows_of_one_step_and_finishes_begun_batches() -> None:
    ready: ReadyQueue[str] = ReadyQueue()
    ready.push(items(2))
    ready.push(items(2, step="link", first=10))
    assert indices(ready.next_batch(2, 1000, partial=False)) == [10, 11]
    assert indices(ready.next_batch(2, 1000, partial=False)) == [0, 1]


def test_push_first_keeps_the_order_of_its_rows() -> None:
    ready: ReadyQueue[str] = ReadyQueue()
    ready.push(items(2))
    ready.push_first(items(2, first=10))
    assert indices(ready.next_batch(4, 1000, partial=False)) == [10, 11, 0, 1]


def test_ready_queue_divides_the_last_rows_but_not_into_tiny_batches() -> None:
    ready: ReadyQueue[str] = ReadyQueue()
    ready.push(items(100))
    assert len(ready.next_batch(200, 10_000, partial=True, divide=lambda waiting: waiting // 2)) == 50
    assert len(ready.next_batch(200, 10_000, partial=True, divide=lambda _: 1)) == MIN_ROWS_TO_SPLIT
