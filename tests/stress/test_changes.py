"""A small part of `tests.stress.changes`, for every run of the suite."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.stress.changes import check_histories


def test_changes_are_not_missed_while_contacts_are_changed() -> None:
    check_histories(200)


def test_a_shorter_overlap_misses_changes() -> None:
    with pytest.raises(AssertionError):
        check_histories(2000, overlap_cut=timedelta(minutes=5))
