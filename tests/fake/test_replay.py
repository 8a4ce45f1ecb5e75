"""The recorded conversations of Mautic 5.1.1 and of Mautic 7.0.2, replayed in order from a clean install."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from mautic_async.testing import FakeMautic
from tests.support import replay
from tests.support.recordings import Version, load_conversation

RELEASE: dict[Version, Literal["5.1", "7.0"]] = {5: "5.1", 7: "7.0"}
RANDOM_ALIASES = "the aliases of two form fields that nobody named are random letters"
REASONS: dict[Version, dict[int, str]] = {
    5: {
        137: RANDOM_ALIASES,
        142: RANDOM_ALIASES,
        143: RANDOM_ALIASES,
        819: "four contacts of one second in no order, and a line left behind by a contact of before the clean install",
        886: "the length of the audit log, which began before the clean install and counts what no answer shows",
        892: "the widget's cache is older than the clean install: an earlier recording of the same call has cached false",
        1006: "ten of twelve items of one second: which, and in what order, the server does not define",
    },
    7: {
        145: RANDOM_ALIASES,
        152: RANDOM_ALIASES,
        154: RANDOM_ALIASES,
        477: "the recording hides a text about a password",
        478: "the recording hides a text about a password",
        496: "the recording hides a text about a password",
        884: "four contacts of one second in no order, and a line left behind by a contact of before the clean install",
        951: "the length of the audit log, which began before the clean install and counts what no answer shows",
        957: "the widget's cache is older than the clean install: an earlier recording of the same call has cached false",
        959: "the audit log began before the clean install",
        960: "the themes that Mautic 7 brings along are other ones; the simulator has those of Mautic 5",
        961: "the recording hides the folder of the installation",
        966: "files that were there before the clean install",
        1071: "ten of twelve items of one second: which, and in what order, the server does not define",
    },
}
"""Why an exchange cannot agree."""


@pytest.fixture(scope="module", params=[5, 7])
def version(request: pytest.FixtureRequest) -> Version:
    chosen: Version = request.param
    return chosen


@pytest.fixture(scope="module")
def results(version: Version) -> list[replay.Result]:
    async def play() -> list[replay.Result]:
        time = replay.RecordedTime()
        async with FakeMautic(url="http://127.0.0.1:8080", clock=time.clock(), version=RELEASE[version]) as fake:
            runner = replay.Replay(fake, time)
            return [await runner.replay_one(record) for record in load_conversation(version)]

    return asyncio.run(play())


def test_replay_statuses_and_bodies_agree_with_the_recorded_server(
    results: list[replay.Result], version: Version, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        print(f"\nMautic {RELEASE[version]}\n" + replay.summary_table(results))
        for one in results:
            if not one.body:
                print(f"{one.n:5} {one.line}: {REASONS[version].get(one.n, '; '.join(one.differences[:2]))}")
    assert sum(one.status for one in results) >= 0.99 * len(results)
    assert sum(one.body for one in results) >= 0.97 * len(results)


def test_replay_of_every_namespace_agrees_for_nine_tenths(results: list[replay.Result], version: Version) -> None:
    groups: dict[str, list[replay.Result]] = {}
    for one in results:
        groups.setdefault(one.namespace, []).append(one)
    reasons = REASONS[version]
    weak = {name: sum(one.body or one.n in reasons for one in ones) / len(ones) for name, ones in groups.items()}
    assert not {name: share for name, share in weak.items() if share < 0.9}


def test_replay_disagreements_each_have_a_reason(results: list[replay.Result], version: Version) -> None:
    reasons = REASONS[version]
    assert not [(one.n, one.line, one.differences[:2]) for one in results if not one.body and one.n not in reasons]


def test_replay_headers_agree_with_the_recorded_server(results: list[replay.Result]) -> None:
    assert sum(one.headers for one in results) >= 0.99 * len(results)
