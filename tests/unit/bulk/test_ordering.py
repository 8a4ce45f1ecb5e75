from __future__ import annotations

import itertools
import random

from mautic_async.bulk.items import Packed, Parcel
from mautic_async.bulk.ordering import Lanes


def parcel(index: int, *keys: str) -> Parcel[str]:
    made = Parcel(index, "", Packed(b"", keys))
    made.keys = Lanes().keys_of(made.packed)
    return made


def test_rows_without_a_common_key_leave_at_once() -> None:
    lanes = Lanes()
    assert lanes.enter(parcel(0, "a"))
    assert lanes.enter(parcel(1, "b"))
    assert lanes.enter(parcel(2))
    assert lanes.waiting == 0


def test_a_later_row_waits_for_the_earlier_one_with_its_key() -> None:
    lanes = Lanes()
    first, second = parcel(0, "a"), parcel(1, "a")
    assert lanes.enter(first)
    assert not lanes.enter(second)
    assert lanes.waiting == 1
    assert lanes.leave(first) == [second]
    assert lanes.leave(second) == []
    assert len(lanes) == lanes.waiting == 0


def test_rows_chained_by_different_keys_go_one_by_one() -> None:
    lanes = Lanes()
    chain = [parcel(0, "a"), parcel(1, "a", "b"), parcel(2, "b", "c"), parcel(3, "c")]
    assert [lanes.enter(it) for it in chain] == [True, False, False, False]
    for before, after in itertools.pairwise(chain):
        assert lanes.leave(before) == [after]


def test_a_key_named_twice_counts_once() -> None:
    lanes = Lanes()
    first, second = parcel(0, "a", "a"), parcel(1, "a", "a")
    assert lanes.enter(first)
    assert not lanes.enter(second)
    assert lanes.leave(first) == [second]
    lanes.leave(second)
    assert len(lanes) == 0


def test_any_mixture_keeps_keys_apart_and_in_order() -> None:
    for seed in range(50):
        chance = random.Random(seed)
        lanes = Lanes()
        ready: list[Parcel[str]] = []
        away: list[Parcel[str]] = []
        sent: dict[object, list[int]] = {}
        left = [parcel(index, *chance.sample("abcdefgh", chance.randint(0, 3))) for index in range(200)]
        total = len(left)
        done = 0
        while done < total:
            if left and chance.random() < 0.5:
                row = left.pop(0)
                if lanes.enter(row):
                    ready.append(row)
            elif ready and chance.random() < 0.5:
                row = ready.pop(chance.randrange(len(ready)))
                assert not {key for it in away for key in it.keys} & set(row.keys)
                for key in row.keys:
                    sent.setdefault(key, []).append(row.index)
                away.append(row)
            elif away:
                ready += lanes.leave(away.pop(chance.randrange(len(away))))
                done += 1
        assert all(indexes == sorted(indexes) for indexes in sent.values())
        assert len(lanes) == lanes.waiting == 0
