"""Large answers are parsed in pieces, and mean what they meant whole."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mautic_async import protocol

LIBRARIES = [protocol.STDLIB, protocol.orjson()]
texts = st.one_of(
    st.sampled_from(['},{"id":', '"},{"id":1', "\\", '"', '}],"statusCodes":', '},"7":{"id":', "é", "\u2028"]),
    st.text(max_size=5),
)
values = st.recursive(
    st.one_of(st.none(), st.integers(0, 9), texts),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts, inner, max_size=3)
        | st.lists(st.fixed_dictionaries({"id": inner}), max_size=3)
    ),
    max_leaves=8,
)
rows = st.builds(
    lambda number, rest: {"id": number, **rest}, st.integers(1, 9), st.dictionaries(texts, values, max_size=4)
)


def written(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def read(
    content: bytes, library: protocol.Json, keep: Sequence[str] = (), size: int = protocol.LARGE
) -> tuple[Any, int]:
    steps = protocol.in_pieces(content, library, keep, size)
    pauses = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, pauses
        pauses += 1


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_is_read_in_pieces_is_what_was_written(library: protocol.Json) -> None:
    @settings(max_examples=300, deadline=None)
    @given(
        st.lists(rows, min_size=1, max_size=8),
        st.tuples(st.booleans(), st.booleans()),
        st.dictionaries(st.sampled_from("012"), values),
    )
    def check(found: list[Any], shape: tuple[bool, bool], errors: dict[str, Any]) -> None:
        by_id, total = shape
        container = {str(place): row for place, row in enumerate(found)} if by_id else found
        body: dict[str, Any] = {"total": str(len(found))} if total else {}
        body["contacts"] = container
        if not total:
            body |= {"statusCodes": [201] * len(found)} | ({"errors": errors} if errors else {})
        assert read(written(body), library, size=20)[0] == body

    check()


@pytest.mark.parametrize("library", LIBRARIES)
def test_any_other_text_is_read_or_refused_as_a_whole_is(library: protocol.Json) -> None:
    start = st.sampled_from(
        ['{"contacts":[{"id":', '{"total":"3","contacts":{"1":{"id":', "", "[", '{"contacts":{"id":']
    )

    @settings(max_examples=300, deadline=None)
    @given(
        start,
        st.lists(
            st.sampled_from(
                ["1}", ',{"id":', '},{"id":', "]", "}", ',"2":{"id":', '"a"', ',"statusCodes":', "[201]", ":", "[["]
            )
        ),
    )
    def check(begin: str, parts: list[str]) -> None:
        content = (begin + "".join(parts)).encode()
        try:
            whole = protocol.parse(content, library)
        except ValueError:
            whole = None
        try:
            found = read(content, library, size=20)[0]
        except ValueError:
            found = None
        assert found == whole

    check()


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("by_id", [False, True])
def test_a_large_answer_pauses_often_and_drops_what_nobody_wants(library: protocol.Json, *, by_id: bool) -> None:
    row = {
        "isPublished": True,
        "id": 1,
        "fields": {"all": {f"f{n}": "text" * 20 for n in range(50)}},
        "dateAdded": None,
    }
    listed = [{**row, "id": number} for number in range(200)]
    body = {"contacts": {str(n): row for n, row in enumerate(listed)} if by_id else listed, "statusCodes": [201] * 200}
    content = written(body)
    assert read(content, library)[0] == body
    kept, pauses = read(content, library, ("id", "dateAdded"))
    assert pauses >= len(content) // 60_000
    found = kept["contacts"].values() if by_id else kept["contacts"]
    assert list(found) == [{"id": number, "dateAdded": None} for number in range(200)]
    assert kept["statusCodes"] == [201] * 200


def test_a_row_twice_is_left_to_the_library() -> None:
    text = b'{"contacts":{' + b",".join(b'"1":{"id":1,"x":"%s"}' % (b"a" * 50_000) for _ in range(4)) + b"}}"
    assert list(read(text, protocol.STDLIB)[0]["contacts"]) == ["1"]


def test_depth_is_checked_in_pieces_too() -> None:
    deep = b'{"contacts":[{"id":1,"x":' + b"[" * 90 + b"]" * 90 + b',"y":"' + b"a" * 200_000 + b'"}]}'
    with pytest.raises(ValueError, match="deep"):
        read(deep, protocol.STDLIB)
