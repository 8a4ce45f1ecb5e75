from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mautic_async.bulk import EncodedRow, Outcome, WorkItem, read_dead_letters
from mautic_async.bulk.dead_letters import DeadLetters
from mautic_async.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from pathlib import Path


def written(path: Path, *indexes: int) -> None:
    letters = DeadLetters(path, job="nightly")
    for index in indexes:
        parcel = WorkItem(index, "row", EncodedRow(b'{"email":"a@example.com"}'), facts={"items": {"x": 3}})
        outcome: Outcome[object] = Outcome(index, "partial", 7, (Problem("not a URL", "url", 0),), None, 2)
        letters.add([(parcel, outcome)])
    letters.close()
    letters.close()


def test_a_letter_says_all_that_is_known(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    written(path, 4)
    (letter,) = read_dead_letters(path)
    assert (letter.job, letter.index, letter.status, letter.id, letter.attempts) == ("nightly", 4, "partial", 7, 2)
    assert letter.problems == (Problem("not a URL", "url", 0),)
    assert letter.stored is True
    assert letter.known == {"items": {"x": 3}}
    assert letter.row == {"email": "a@example.com"}
    assert "a@example.com" not in repr(letter)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_row_that_a_resumed_job_wrote_again_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    written(path, 4, 5)
    written(path, 5, 6)
    assert [letter.index for letter in read_dead_letters(path)] == [4, 5, 6]


def test_a_line_that_a_killed_process_left_unfinished_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    written(path, 1, 2)
    path.write_bytes(path.read_bytes()[:-10])
    assert [letter.index for letter in read_dead_letters(path)] == [1]


@pytest.mark.parametrize("line", ["[]", "{}", "no JSON", '{"index": 1, "problems": [{"nonsense": 1}]}'])
def test_a_file_of_something_else_is_refused_with_the_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(ConfigurationError, match="line 1: not a dead letter"):
        list(read_dead_letters(path))


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    written(path, 1)
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="others may read it"):
        DeadLetters(path)


def test_a_row_that_could_not_be_written_as_json_leaves_a_letter_without_it(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    letters = DeadLetters(path)
    letters.add([(WorkItem(0, "row", EncodedRow(b"")), Outcome(0, "rejected"))])
    letters.close()
    (letter,) = read_dead_letters(path)
    assert letter.row is None
    assert letter.stored is False
