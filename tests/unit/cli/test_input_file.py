from __future__ import annotations

import asyncio
import csv
import io
import json
import stat
import threading
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mautic_async import ConfigurationError, Problem
from mautic_async.cli.input_file import InputFile, InputRow
from mautic_async.cli.rejects_file import RejectsFile, default_path
from mautic_async.cli.rejects_format import PROBLEMS, STATUS, guard, unguard
from mautic_async.cli.threaded_reader import MAX_AHEAD, ThreadedReader


def write(folder: Path, text: str | bytes, name: str = "a.csv") -> str:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def rows(path: str, **settings: Any) -> list[InputRow]:
    with InputFile(path, **settings) as source:
        return list(source)


def cells(path: str, **settings: Any) -> list[dict[str, Any]]:
    return [dict(raw.values) for raw in rows(path, **settings)]


# --- CSV -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
def test_csv_input_detects_the_delimiter_from_the_first_line(tmp_path: Path, between: str) -> None:
    text = f'email{between}"a,b;c"\nada@example.com{between}x\n'
    assert cells(write(tmp_path, text)) == [{"email": "ada@example.com", "a,b;c": "x"}]


def test_csv_input_reads_quoted_line_breaks_and_numbers_lines(tmp_path: Path) -> None:
    found = rows(write(tmp_path, 'email,address\na@b.co,"one\ntwo"\n\nc@d.co,x\r\n'))
    assert [(raw.line_number, dict(raw.values)["address"]) for raw in found] == [(2, "one\ntwo"), (5, "x")]


def test_csv_input_reads_a_byte_order_mark_and_other_encodings(tmp_path: Path) -> None:
    assert cells(write(tmp_path, "\ufeffemail\nä@b.co\n")) == [{"email": "ä@b.co"}]
    assert cells(write(tmp_path, "email\nä@b.co\n".encode("cp1252")), encoding="cp1252") == [{"email": "ä@b.co"}]


def test_csv_input_reports_undecodable_bytes_with_line_and_column(tmp_path: Path) -> None:
    path = write(tmp_path, "email,name\na@b.co,x\nc@d.co,Zoë\n".encode("cp1252"))
    with pytest.raises(ConfigurationError, match=r"line 3: byte 0xeb at place 10 is not utf-8; .*--encoding cp1252"):
        rows(path)


@pytest.mark.parametrize(
    ("text", "settings", "words"),
    [
        ("email\n".encode("utf-16"), {}, "UTF-16"),
        (b"", {}, "the first line is empty"),
        (b"\nemail\n", {}, "the first line is empty"),
        (b'email,x\na@b.co,"never ends\n', {}, "a quoted cell probably does not end"),
        (b'email,x\na@b.co,"x"y\n', {}, "line 2: "),
        (b"email\n", {"encoding": "klingon"}, "knows no such encoding"),
        (b"email\n", {"encoding": "utf-16"}, "do not end with one byte"),
        (b"email\n", {"encoding": "base64"}, "knows no such encoding"),
        (b"email\n", {"delimiter": "ab"}, "one character"),
    ],
)
def test_csv_input_refuses_unreadable_files_in_words(
    tmp_path: Path, text: bytes, settings: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        rows(write(tmp_path, text), **settings)
    assert words in str(caught.value)


def test_input_file_that_is_missing_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        InputFile(str(tmp_path / "none.csv"))


def test_csv_input_row_with_too_few_or_too_many_cells_is_a_row_error(tmp_path: Path) -> None:
    found = rows(write(tmp_path, "email,x\na@b.co\nb@c.co,1,2\nc@d.co,1\n"))
    assert [raw.error for raw in found] == [
        "1 cell, but the first line names 2 columns",
        "3 cells, but the first line names 2 columns",
        "",
    ]


def test_csv_input_reads_one_line_at_a_time(tmp_path: Path) -> None:
    with InputFile(write(tmp_path, "email\n" + "a@b.co\n" * 100_000)) as source:
        taken = iter(source)
        next(taken)
        assert source.lines.line_number == 2
        assert source.lines.bytes_read < 100
        assert source.lines.size == 700_006


def test_input_file_reads_standard_input_and_leaves_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(b"email\na@b.co\n"))
    monkeypatch.setattr("sys.stdin", stream)
    with InputFile("-") as source:
        assert source.lines.name == "standard input"
        assert [dict(raw.values) for raw in source] == [{"email": "a@b.co"}]
    assert not stream.closed


# --- JSON lines ------------------------------------------------------------------------------------------------------


def test_json_lines_input_reads_rows_and_a_broken_line_is_a_row_error(tmp_path: Path) -> None:
    text = '{"email": "a@b.co", "n": 1}\n\nnot json\n[1]\n{"a": 1, "a": 2}\n{"a": NaN}\n'
    found = rows(write(tmp_path, text, "a.jsonl"))
    assert [raw.line_number for raw in found] == [1, 3, 4, 5, 6]
    assert dict(found[0].values) == {"email": "a@b.co", "n": 1}
    errors = [raw.error for raw in found]
    assert not errors[0]
    assert errors[1].startswith("not JSON: ")
    assert errors[2:] == [
        "not a JSON object",
        "not JSON: a name is there twice in one object",
        "not JSON: NaN is no JSON value",
    ]


def test_input_file_format_can_be_given(tmp_path: Path) -> None:
    assert cells(write(tmp_path, '{"email": "a@b.co"}\n', "a.txt"), file_format="jsonl") == [{"email": "a@b.co"}]


def test_input_file_reads_dead_letters_as_rows(tmp_path: Path) -> None:
    letter = {"job": "", "index": 0, "status": "rejected", "id": 0, "problems": [], "attempts": 1, "stored": False}
    text = json.dumps({**letter, "known": {}, "row": {"email": "a@b.co"}}) + "\n"
    text += json.dumps({**letter, "status": "unknown", "row": {"email": "b@c.co"}}) + "\n"
    text += json.dumps({**letter, "row": None}) + "\n"
    found = rows(write(tmp_path, text, "a.jsonl"))
    assert [dict(raw.values) for raw in found] == [{"email": "a@b.co"}, {"email": "b@c.co"}, {}]
    assert [bool(raw.error) for raw in found] == [False, True, True]


# --- rejected rows ---------------------------------------------------------------------------------------------------


def rejected(source_path: str, target: Path, marks: list[tuple[str, list[Problem]]]) -> None:
    with InputFile(source_path) as source:
        out = RejectsFile(target, source)
        for raw, (status, problems) in zip(source, marks, strict=True):
            out.add(raw, status, list(map(str, problems)))
        out.close()


_CELL = st.text(st.characters(codec="utf-8"), max_size=12)


@given(cell=st.text(max_size=12))
def test_rejects_file_quotes_formulas_reversibly(cell: str) -> None:
    assert not guard(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguard(guard(cell)) == cell


@given(table=st.lists(st.lists(_CELL, min_size=3, max_size=3).filter(any), min_size=1, max_size=5))
def test_rejects_file_of_csv_rows_reads_back_unchanged(
    table: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("rejected")
    with (folder / "a.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["email", "=x", "c"], *table])
    rejected(str(folder / "a.csv"), folder / "b.csv", [("rejected", [Problem("no", "x")])] * len(table))
    with InputFile(str(folder / "a.csv")) as before, InputFile(str(folder / "b.csv")) as after:
        assert after.columns == before.columns
        assert [raw.values for raw in after] == [raw.values for raw in before]


def test_rejects_file_holds_reasons_and_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = write(tmp_path, "email;note\na@b.co;=1+1\n")
    rejected(path, tmp_path / "b.csv", [("rejected", [Problem("is wrong", "email"), Problem("and more")])])
    text = (tmp_path / "b.csv").read_text()
    assert text == '_status;_problems;email;note\nrejected;"email: is wrong; and more";a@b.co;\'=1+1\n'
    assert stat.S_IMODE((tmp_path / "b.csv").stat().st_mode) == 0o600


def test_rejects_file_of_json_lines_reads_back(tmp_path: Path) -> None:
    path = write(tmp_path, '{"email": "a@b.co", "n": [1]}\nnot json\n', "a.jsonl")
    rejected(path, tmp_path / "b.jsonl", [("rejected", [Problem("no")]), ("rejected", [Problem("not JSON")])])
    lines = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert lines[0] == {"line": 1, STATUS: "rejected", PROBLEMS: ["no"], "row": {"email": "a@b.co", "n": [1]}}
    assert [dict(raw.values) for raw in rows(str(tmp_path / "b.jsonl"))] == [{"email": "a@b.co", "n": [1]}, {}]
    lines[1]["text"] = '{"email": "mended@b.co"}'
    again = write(tmp_path, "".join(json.dumps(line) + "\n" for line in lines), "c.jsonl")
    assert cells(again)[1] == {"email": "mended@b.co"}


def test_rejects_file_marks_rows_of_unknown_outcome_as_not_to_be_resent(tmp_path: Path) -> None:
    text = f"{STATUS},{PROBLEMS},email\nunknown,the answer was lost,a@b.co\n,the answer was lost,b@c.co\n"
    first, second = rows(write(tmp_path, text))
    assert "look in Mautic, then empty its _status" in first.error
    assert not second.error


def test_rejects_file_never_replaces_an_older_one_unless_named(tmp_path: Path) -> None:
    path = str(tmp_path / "people.csv")
    assert default_path("-") is None
    assert default_path(path) == tmp_path / "people.rejected.csv"
    (tmp_path / "people.rejected.csv").touch()
    assert default_path(path) == tmp_path / "people.rejected-2.csv"
    assert default_path(str(tmp_path / "people.rejected.csv")) == tmp_path / "people.rejected-2.csv"


def test_rejects_file_cannot_be_the_input_file(tmp_path: Path) -> None:
    path = write(tmp_path, "email\n")
    with InputFile(path) as source, pytest.raises(ConfigurationError, match="the input itself"):
        RejectsFile(Path(path), source)


def test_rejects_file_does_not_follow_a_link(tmp_path: Path) -> None:
    path = write(tmp_path, "email\na@b.co\n")
    (tmp_path / "b.csv").symlink_to(tmp_path / "elsewhere.csv")
    with pytest.raises(ConfigurationError, match=r"b\.csv"):
        rejected(path, tmp_path / "b.csv", [("rejected", [Problem("no")])])
    assert not (tmp_path / "elsewhere.csv").exists()


def test_rejects_file_off_only_counts_rows(tmp_path: Path) -> None:
    with InputFile(write(tmp_path, "email\na@b.co\n")) as source:
        out = RejectsFile(None, source)
        out.add(next(iter(source)), "rejected", ())
        out.flush()
        assert out.row_count == 1


# --- pipes -----------------------------------------------------------------------------------------------------------


async def test_input_reader_does_not_block_the_loop_for_a_slow_input() -> None:
    gate = threading.Event()

    def slow() -> Iterator[int]:
        yield 1
        assert gate.wait(20)
        yield 2

    taken = aiter(ThreadedReader(slow()))
    assert await anext(taken) == 1
    waiting = asyncio.ensure_future(anext(taken))
    await asyncio.sleep(0)
    assert not waiting.done()
    gate.set()
    assert await waiting == 2
    assert [row async for row in taken] == []


async def test_input_reader_reads_a_bounded_number_of_rows_ahead() -> None:
    read: list[int] = []
    full = threading.Event()

    def many() -> Iterator[int]:
        for number in range(10 * MAX_AHEAD):
            read.append(number)
            if number == MAX_AHEAD:
                full.set()
            yield number

    async with aclosing(aiter(ThreadedReader(many()))) as taken:
        assert await anext(taken) == 0
        assert await asyncio.to_thread(full.wait, 20)
        assert len(read) <= MAX_AHEAD + 2


async def test_input_reader_raises_errors_of_the_input() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ConfigurationError("line 2")

    taken = aiter(ThreadedReader(broken()))
    assert await anext(taken) == 1
    with pytest.raises(ConfigurationError, match="line 2"):
        await anext(taken)
