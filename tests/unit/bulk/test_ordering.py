from __future__ import annotations

import itertools
import random

from mautic_async.bulk.items import EncodedRow, WorkItem
from mautic_async.bulk.ordering import KeyedQueue


def parcel(index: int, *keys: str) -> WorkItem[str]:
    made = WorkItem(index, "", EncodedRow(b"", keys))
    made.queue_keys = KeyedQueue().effective_keys(made.encoded)
    return made


def test_keyed_queue_releases_rows_without_a_common_key_at_once() -> None:
    lanes = KeyedQueue()
    assert lanes.push(parcel(0, "a"))
    assert lanes.push(parcel(1, "b"))
    assert lanes.push(parcel(2))
    assert lanes.waiting == 0


def test_keyed_queue_holds_a_row_until_the_earlier_one_with_its_key_ends() -> None:
    lanes = KeyedQueue()
    first, second = parcel(0, "a"), parcel(1, "a")
    assert lanes.push(first)
    assert not lanes.push(second)
    assert lanes.waiting == 1
    assert lanes.release(first) == [second]
    assert lanes.release(second) == []
    assert len(lanes) == lanes.waiting == 0


def test_keyed_queue_releases_rows_chained_by_different_keys_one_by_one() -> None:
    lanes = KeyedQueue()
    chain = [parcel(0, "a"), parcel(1, "a", "b"), parcel(2, "b", "c"), parcel(3, "c")]
    assert [lanes.push(it) for it in chain] == [True, False, False, False]
    for before, after in itertools.pairwise(chain):
        assert lanes.release(before) == [after]


def test_keyed_queue_counts_a_repeated_key_once() -> None:
    lanes = KeyedQueue()
    first, second = parcel(0, "a", "a"), parcel(1, "a", "a")
    assert lanes.push(first)
    assert not lanes.push(second)
    assert lanes.release(first) == [second]
    lanes.release(second)
    assert len(lanes) == 0


def test_keyed_queue_keeps_keys_apart_and_in_order_for_any_mixture() -> None:
    for seed in range(50):
        chance = random.Random(seed)
        lanes = KeyedQueue()
        ready: list[WorkItem[str]] = []
        away: list[WorkItem[str]] = []
        sent: dict[object, list[int]] = {}
        left = [parcel(index, *chance.sample("abcdefgh", chance.randint(0, 3))) for index in range(200)]
        total = len(left)
        done = 0
        while done < total:
            if left and chance.random() < 0.5:
                row = left.pop(0)
                if lanes.push(row):
                    ready.append(row)
            elif ready and chance.random() < 0.5:
                row = ready.pop(chance.randrange(len(ready)))
                assert not {key for it in away for key in it.queue_keys} & set(row.queue_keys)
                for key in row.queue_keys:
                    sent.setdefault(key, []).append(row.index)
                away.append(row)
            elif away:
                ready += lanes.release(away.pop(chance.randrange(len(away))))
                done += 1
        assert all(indexes == sorted(indexes) for indexes in sent.values())
        assert len(lanes) == lanes.waiting == 0
