"""Search strings: words, phrases, ``command:value``, ``+`` strict, ``!`` not, ``or``, brackets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mautic_async.testing import query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mautic_async.testing.query import ColumnReader, Predicate
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


def parse(text: str, term: Callable[[Term], Predicate | None]) -> Predicate | None:
    """Return a search string as a test of a row.

    Args:
        text: What the caller sent.
        term: Makes the test of one term; None for one that is ignored.
    """
    words = list(_words(text.lower().strip()))
    test, _ = _parse_group(words, 0, term)
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


def _parse_group(
    words: list[str], position: int, term: Callable[[Term], Predicate | None]
) -> tuple[Predicate | None, int]:
    groups: list[list[Predicate]] = [[]]
    while position < len(words):
        word = words[position]
        position += 1
        if word == ")":
            break
        if word == "(":
            inner, position = _parse_group(words, position, term)
            if inner is not None:
                groups[-1].append(inner)
        elif word == "or":
            groups.append([])
        elif word != "and":
            predicate = term(_parse_term(word))
            if predicate is not None:
                groups[-1].append(predicate)
    groups_in_use = [tests for tests in groups if tests]
    if not groups_in_use:
        return None, position
    return lambda row: any(all(test(row) for test in tests) for tests in groups_in_use), position


def _parse_term(word: str) -> Term:
    term = Term("", word)
    _parse_flags(term)
    if not term.value.startswith("\0"):
        command, colon, value = term.value.partition(":")
        if colon and value:
            term.command, term.value = command, value
            _parse_flags(term)
        elif colon:
            term.value = command
    term.value = term.value.replace("\0", "")
    return term


def _parse_flags(term: Term) -> None:
    while term.value[:1] in ("+", "!"):
        if term.value[0] == "+":
            term.strict = True
        else:
            term.negate = True
        term.value = term.value[1:]


def any_column(term: Term, columns: Iterable[ColumnReader]) -> Predicate:
    """Return the test for the term in any of these columns."""
    pattern = term.value if term.strict else f"%{term.value}%"
    readers = list(columns)

    def test(row: Row) -> bool:
        return any(query.like(read(row), pattern) for read in readers) is not term.negate

    return test


def apply_negation(test: Predicate, term: Term) -> Predicate:
    """Return the test, or its contrary where the term has a ``!``."""
    return (lambda row: not test(row)) if term.negate else test
