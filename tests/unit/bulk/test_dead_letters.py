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


def test_dead_letter_holds_row_outcome_and_error(tmp_path: Path) -> None:
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


def test_read_dead_letters_yields_a_row_written_twice_once(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    written(path, 4, 5)
    written(path, 5, 6)
    assert [letter.index for letter in read_dead_letters(path)] == [4, 5, 6]


def test_read_dead_letters_skips_an_unfinished_last_line(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    written(path, 1, 2)
    path.write_bytes(path.read_bytes()[:-10])
    assert [letter.index for letter in read_dead_letters(path)] == [1]


@pytest.mark.parametrize("line", ["[]", "{}", "no JSON", '{"index": 1, "problems": [{"nonsense": 1}]}'])
def test_read_dead_letters_refuses_another_file_and_names_the_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text(f"{line}\n")
    with pytest.raises(ConfigurationError, match="line 1: not a dead letter"):
        list(read_dead_letters(path))


def test_read_dead_letters_refuses_a_file_other_users_may_read(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    written(path, 1)
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="others may read it"):
        DeadLetters(path)


def test_dead_letter_of_a_row_without_json_form_omits_the_row(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    letters = DeadLetters(path)
    letters.add([(WorkItem(0, "row", EncodedRow(b"")), Outcome(0, "rejected"))])
    letters.close()
    (letter,) = read_dead_letters(path)
    assert letter.row is None
    assert letter.stored is False
