from __future__ import annotations

from pathlib import Path

import pytest

from tests.stress.dlt_round_trip import round_trip


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_dlt_moves_all_rows_there_and_back_and_then_only_changes(tmp_path: Path) -> None:
    seen = round_trip(1000, tmp_path)
    assert (seen["equal"], seen["equal again"], seen["contacts"]) == (True, True, 1000)
    assert seen["there again"] <= 3
    assert seen["back again"] <= 3
