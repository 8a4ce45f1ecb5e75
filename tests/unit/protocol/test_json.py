"""Parsing what a stranger sent, and writing, with both libraries."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mautic_async import protocol
from tests.support.sizes import sized

LIBRARIES = [protocol.STDLIB, protocol.orjson_library()]
SEPARATORS = [(",", ":"), (", ", " : ")]
DECOYS = ["]" * 70, "}" * 70, "[" * 70, "{" * 70, '"', "\\", '\\"]', "[{", '{"a":[', "\\\\", "]}\\u0022", "é", ""]

siblings: st.SearchStrategy[list[Any]] = st.lists(
    st.sampled_from(DECOYS) | st.sampled_from([None, 1, 1.5, True, [], {}, [[]], {"}": "{"}, ["]", {"[": []}]]),
    max_size=3,
)
spans = st.lists(st.tuples(st.booleans(), siblings, siblings), min_size=66, max_size=66)


def nested(depth: int, levels: list[tuple[bool, list[Any], list[Any]]]) -> Any:
    """A value that is nested exactly so deep, with texts and small containers beside the way down."""
    value: Any = None
    for left, (is_map, before, after) in zip(range(depth, 0, -1), levels, strict=False):
        room = depth - left  # of what the decoys may hold, so that they are not the deepest
        decoys = [item for item in (*before, *after) if room > 2 or not isinstance(item, (list, dict))]
        inside = [*decoys[: len(before)], *([] if value is None else [value]), *decoys[len(before) :]]
        value = {f"{'}]' * number}{number}": item for number, item in enumerate(inside)} if is_map else inside
    return value


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
@given(st.integers(60, 66), spans, st.sampled_from(SEPARATORS))
@example(64, [(True, [], [])] * 66, SEPARATORS[0])
@example(65, [(True, [], [])] * 66, SEPARATORS[0])
@example(64, [(False, ["]" * 70], ["[" * 70])] * 66, SEPARATORS[1])
@example(65, [(False, ["]" * 70], ["[" * 70])] * 66, SEPARATORS[1])
@settings(max_examples=sized(20, 60), deadline=None)
def test_loads_reads_64_levels_and_refuses_65(
    library: protocol.JsonLibrary, depth: int, levels: list[Any], separators: tuple[str, str]
) -> None:
    value = nested(depth, levels)
    text = json.dumps(value, separators=separators, ensure_ascii=separators == SEPARATORS[0]).encode()
    if depth <= protocol.MAX_DEPTH:
        assert protocol.parse_json(text, library) == value
        return
    with pytest.raises(ValueError, match="nested too deeply"):
        protocol.parse_json(text, library)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
@pytest.mark.parametrize("fill", ["", "x" * 2000])
def test_loads_measures_depth_of_short_and_long_texts_alike(library: protocol.JsonLibrary, fill: str) -> None:
    for depth, fine in ((protocol.MAX_DEPTH, True), (protocol.MAX_DEPTH + 1, False)):
        for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
            text = opening * (depth - 1) + b"[" + json.dumps(fill).encode() + b"]" + closing * (depth - 1)
            if fine:
                protocol.parse_json(text, library)
            else:
                with pytest.raises(ValueError, match="nested too deeply"):
                    protocol.parse_json(text, library)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
@pytest.mark.parametrize("text", [b" \r\n\t[1]", b"[1] \n", b" 1 ", b'\n"a"\n'])
def test_loads_ignores_blanks_around_the_text(library: protocol.JsonLibrary, text: bytes) -> None:
    assert protocol.parse_json(text, library) == json.loads(text)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
@pytest.mark.parametrize("text", [b"", b" ", b"[1] 2", b"[1]]", b"[1]\x0b", b"[1,]", b"[", b"nul", b"\xef\xbb\xbf[1]"])
def test_loads_raises_value_error_for_invalid_json(library: protocol.JsonLibrary, text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        protocol.parse_json(text, library)


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists, max_leaves=9))
def test_loads_reads_the_output_of_both_libraries(value: Any) -> None:
    for one in LIBRARIES:
        for other in LIBRARIES:
            assert protocol.parse_json(one.dumps(value), other) == value
