"""Headers of an answer are read by total functions: any bytes give a value in its range, or None."""

import math
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mautic_async.protocol import Response, parse_date, parse_rate_limit, parse_retry_after, parse_version
from tests.support.sizes import sized

MAX_WAIT = 3660.0
ANY = st.binary(max_size=80).map(lambda raw: raw.decode("latin-1")) | st.text(max_size=80)
NUMBERS = (
    st.integers().map(str)
    | st.floats().map(str)
    | st.sampled_from(["", "-1", "+1", "1e3", "0x10", " 5", "5 ", "\u0665"])
)
DATES = st.sampled_from(
    [
        "Sat, 21 Nov 2026 03:28:51 GMT",
        "Sat, 21 Nov 2026 03:28:51 +9999",
        "Thu, 01 Jan 0001 00:00:00 +2359",
        "1 Jan 99999",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "Sun Nov  6 08:49:37 1994",
        "99 Foo 2026 99:99:99 GMT",
        "0",
        "Mon, 00 Jan 2026",
        "1 Jan 2026 00:00:00 +" + "9" * 18,
        "Sat, 21 Nov 2026 03:28:51 -0000",
        ",,,,",
        "1 Jan 2026 1:2:3:4:5:6",
        "()",
    ]
)
TEXTS = ANY | NUMBERS | DATES
NAMES = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "date", "retry-after", "mautic-version")


@settings(max_examples=sized(100, 500), deadline=None)
@given(st.dictionaries(st.sampled_from(NAMES), TEXTS))
@example({"date": "Thu, 01 Jan 0001 00:00:00 +2359"})
@example({"retry-after": "9" * 12, "date": "1"})
@example({"x-ratelimit-limit": "1", "x-ratelimit-remaining": "1", "x-ratelimit-reset": "\u00b2"})
def test_header_readers_return_values_in_range_or_none(headers: dict[str, str]) -> None:
    answer = Response(200, headers)
    date = parse_date(answer)
    assert date is None or math.isfinite(date)
    wait = parse_retry_after(answer)
    assert wait is None or 0.0 <= wait <= MAX_WAIT
    rate = parse_rate_limit(answer)
    if rate is not None:
        assert rate.limit > 0
        assert 0 <= rate.remaining < 10**12
        assert 0 <= rate.reset < 10**12
        assert rate.date == date
    version = parse_version(answer)
    assert version is None or (version.isascii() and version.isprintable() and len(version) <= 40)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("unit", ["1", " ", "-", "9 ", "Mon, ", "\0", "(", "((", "\u00e9", "1.", ":", "a="])
def test_header_readers_read_100_kib_at_once(name: str, unit: str) -> None:
    answer = Response(200, {name: (unit * 102_400)[:102_400]})
    began = time.thread_time()
    for read in (parse_date, parse_retry_after, parse_rate_limit, parse_version):
        assert read(answer) is None
    assert time.thread_time() - began < 0.1
