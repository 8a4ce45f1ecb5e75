"""The recorded conversation of 1,100 exchanges, replayed in order from a clean install."""

from __future__ import annotations

import asyncio

import pytest

from mautic_async.testing import FakeMautic
from tests.support import replay
from tests.support.recordings import load_conversation

REASONS: dict[int, str] = {
    137: "the aliases of two form fields that nobody named are random letters",
    142: "as 137",
    143: "as 137",
    819: "four contacts of one second in no order, and a line left behind by a contact of before the clean install",
    886: "the length of the audit log, which began before the clean install and counts what no answer shows",
    892: "the widget's cache is older than the clean install: an earlier recording of the same call has cached false",
    1006: "ten of twelve items of one second: which, and in what order, the server does not define",
}
"""Why an exchange cannot agree."""


@pytest.fixture(scope="module")
def results() -> list[replay.Result]:
    async def play() -> list[replay.Result]:
        time = replay.RecordedTime()
        async with FakeMautic(url="http://127.0.0.1:8080", clock=time.clock()) as fake:
            runner = replay.Replay(fake, time)
            return [await runner.replay_one(record) for record in load_conversation()]

    return asyncio.run(play())


def test_replay_statuses_and_bodies_agree_with_the_recorded_server(
    results: list[replay.Result], capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print("\n" + replay.summary_table(results))
        for one in results:
            if not one.body:
                print(f"{one.n:5} {one.line}: {REASONS.get(one.n, '; '.join(one.differences[:2]))}")
    assert sum(one.status for one in results) >= 0.99 * len(results)
    assert sum(one.body for one in results) >= 0.97 * len(results)


def test_replay_of_every_namespace_agrees_for_nine_tenths(results: list[replay.Result]) -> None:
    groups: dict[str, list[replay.Result]] = {}
    for one in results:
        groups.setdefault(one.namespace, []).append(one)
    weak = {name: sum(one.body or one.n in REASONS for one in ones) / len(ones) for name, ones in groups.items()}
    assert not {name: share for name, share in weak.items() if share < 0.9}


def test_replay_disagreements_each_have_a_reason(results: list[replay.Result]) -> None:
    assert not [(one.n, one.line, one.differences[:2]) for one in results if not one.body and one.n not in REASONS]


def test_replay_headers_agree_with_the_recorded_server(results: list[replay.Result]) -> None:
    assert sum(one.headers for one in results) >= 0.99 * len(results)
