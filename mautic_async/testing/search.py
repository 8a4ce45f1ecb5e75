"""Search strings: words, phrases, ``command:value``, ``+`` strict, ``!`` not, ``or``, brackets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mautic_async.testing import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mautic_async.testing.query import Column, Test
    from mautic_async.testing.store import Row


@dataclass(slots=True)
class Term:
    """One word of a search.

    Attributes:
        command: What stood before the colon, or empty.
        value: The text to find.
        strict: Whether it must match whole.
        negate: Whether it must not match.
    """

    command: str
    value: str
    strict: bool = False
    negate: bool = False


def parse(text: str, term: Callable[[Term], Test | None]) -> Test | None:
    """A search string as a test of a row.

    Args:
        text: What the caller sent.
        term: Makes the test of one term; None for one that is ignored.
    """
    words = list(_words(text.lower().strip()))
    test, _ = _level(words, 0, term)
    return test


def _words(text: str) -> Iterable[str]:
    word, quoted = "", False
    for char in text:
        if char == '"':
            quoted = not quoted
            word += "\0"
        elif quoted:
            word += char
        elif char in " ()":
            if word:
                yield word
            word = ""
            if char != " ":
                yield char
        else:
            word += char
    if word:
        yield word


def _level(words: list[str], place: int, term: Callable[[Term], Test | None]) -> tuple[Test | None, int]:
    groups: list[list[Test]] = [[]]
    while place < len(words):
        word = words[place]
        place += 1
        if word == ")":
            break
        if word == "(":
            inner, place = _level(words, place, term)
            if inner is not None:
                groups[-1].append(inner)
        elif word == "or":
            groups.append([])
        elif word != "and":
            made = term(_term(word))
            if made is not None:
                groups[-1].append(made)
    filled = [tests for tests in groups if tests]
    if not filled:
        return None, place
    return lambda row: any(all(test(row) for test in tests) for tests in filled), place


def _term(word: str) -> Term:
    made = Term("", word)
    _flags(made)
    if not made.value.startswith("\0"):
        command, colon, value = made.value.partition(":")
        if colon and value:
            made.command, made.value = command, value
            _flags(made)
        elif colon:
            made.value = command
    made.value = made.value.replace("\0", "")
    return made


def _flags(term: Term) -> None:
    while term.value[:1] in ("+", "!"):
        if term.value[0] == "+":
            term.strict = True
        else:
            term.negate = True
        term.value = term.value[1:]


def anywhere(term: Term, columns: Iterable[Column]) -> Test:
    """The term in any of these columns."""
    pattern = term.value if term.strict else f"%{term.value}%"
    readers = list(columns)

    def test(row: Row) -> bool:
        return any(query.like(read(row), pattern) for read in readers) is not term.negate

    return test


def negated(test: Test, term: Term) -> Test:
    """The test, or its contrary where the term has a ``!``."""
    return (lambda row: not test(row)) if term.negate else test
