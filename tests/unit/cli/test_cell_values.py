from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mautic_async import ConfigurationError
from mautic_async.cli.cell_values import conversion
from mautic_async.cli.column_mapping import ColumnMapping
from mautic_async.cli.column_names import nearest_field
from mautic_async.cli.column_settings import CellFormat, ColumnSettings, KnownFields
from mautic_async.cli.map_file import read_map_file
from mautic_async.cli.option_words import in_option_words
from mautic_async.cli.where_option import parse_since

GERMAN = CellFormat(decimal=",", date_format="%d.%m.%Y")


@pytest.mark.parametrize(
    ("kind", "cells", "text", "wanted"),
    [
        ("number", GERMAN, "1.234,50", "1234.50"),
        ("number", GERMAN, "-7", "-7"),
        ("number", GERMAN, "1.000", "1000"),
        ("int", GERMAN, "12.345.678", "12345678"),
        ("number", GERMAN, "many", "many"),  # the field check of the job tells it
        ("number", CellFormat(), "1,234.50", "1234.50"),
        ("number", CellFormat(), "12.5", "12.5"),
        ("date", GERMAN, "24.12.2025", "2025-12-24"),
        ("datetime", CellFormat(date_format="%d.%m.%Y %H:%M"), "24.12.2025 08:15", "2025-12-24 08:15:00"),
        (None, GERMAN, "12,5", "12.5"),
        (None, GERMAN, "24.12.2025", "2025-12-24"),
        (None, GERMAN, "1.234", "1.234"),  # a number or an article number: only the type of the field could tell
        (None, GERMAN, "a,5", "a,5"),
    ],
)
def test_conversion_rewrites_numbers_and_dates(kind: str | None, cells: CellFormat, text: str, wanted: str) -> None:
    convert = conversion(kind, cells)
    assert convert is not None
    assert convert(text) == wanted


@pytest.mark.parametrize(
    ("kind", "cells", "text", "words"),
    [
        ("number", GERMAN, "12.5", "has a decimal point, and --decimal ,"),
        ("number", CellFormat(), "12,5", "give --decimal ,"),
        ("date", GERMAN, "2025-12-24", "not a date written as --date-format %d.%m.%Y"),
    ],
)
def test_conversion_refuses_the_other_notation(kind: str, cells: CellFormat, text: str, words: str) -> None:
    convert = conversion(kind, cells)
    assert convert is not None
    with pytest.raises(ValueError, match=words):
        convert(text)


def test_conversion_leaves_texts_alone() -> None:
    assert conversion("text", GERMAN) is None
    assert conversion("date", CellFormat()) is None
    assert conversion(None, CellFormat()) is None


@given(text=st.text(max_size=20), kind=st.sampled_from(["number", "date", "datetime", None]))
def test_conversion_of_any_text_gives_a_text_or_a_reason(text: str, kind: str | None) -> None:
    for cells in (GERMAN, CellFormat()):
        convert = conversion(kind, cells)
        if convert is not None:
            with suppress(ValueError):
                assert isinstance(convert(text), str)


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("First name", "firstname"),
        ("E-Mail", "email"),
        ("VORNAME", "firstname"),
        ("Straße", "address1"),
        ("zip code", "zipcode"),
        ("lastnme", "lastname"),
        ("Customer number", ""),
    ],
)
def test_nearest_field_is_the_probable_one_or_none(column: str, field: str) -> None:
    assert nearest_field(column, ()) == field


def test_nearest_field_is_one_that_the_server_has() -> None:
    assert nearest_field("Customer no.", {"customer_no", "email"}) == "customer_no"
    assert nearest_field("Vorname", {"email"}) == ""


def test_column_mapping_knows_the_fields_of_the_server() -> None:
    known = KnownFields({"email": "email", "limit": "number"}, {"orders": {"amount": "int"}})
    with pytest.raises(ConfigurationError) as caught:
        ColumnMapping(["email", "city", "orders.colour", "machines.name"], ColumnSettings(), known)
    for words in (
        "3 columns cannot be imported",
        "no contact field 'city'",
        "the custom object 'orders' has no field 'colour'",
        "no custom object 'machines'",
    ):
        assert words in str(caught.value)
    mapping = ColumnMapping(["email", "city", "limit"], ColumnSettings(ignore_unknown=True), known)
    assert mapping.ignored == ["city"]
    _, problems = mapping.contact([("email", "a@b.co"), ("city", "x"), ("limit", "1,5")])
    assert [problem.field for problem in problems] == ["limit"]


def test_map_file_is_a_table_of_texts(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("map") / "map.toml"
    assert read_map_file(None) == {}
    path.write_text('"First name" = "firstname"\nNotes = ""\n')
    assert read_map_file(path) == {"First name": "firstname", "Notes": ""}
    for text, words in (("a = 1", "'a' is no line like"), ("a =", "map.toml: "), ("[a]\nb = 'c'", "'a' is no line")):
        path.write_text(text)
        with pytest.raises(ConfigurationError, match=words):
            read_map_file(path)
    with pytest.raises(ConfigurationError, match="No such file"):
        read_map_file(path.with_name("none"))


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ('Leave it out, or clear it with clear="patch"', "Leave it out, or clear it with --clear-empty"),
        ('or drop all such zeros with zeros="drop"', "or drop all such zeros with --zeros drop"),
        ("match_items=UniqueField is needed", "--item-unique"),
        ("larger than reconcile_after allows", "larger than --reconcile-after allows"),
    ],
)
def test_option_words_replace_parameters(message: str, words: str) -> None:
    said = in_option_words(message)
    assert words in said
    assert "=" not in said


def test_since_with_an_offset_keeps_it() -> None:
    found = parse_since("2026-01-31T08:00:00+02:00")
    assert found is not None
    assert found.isoformat() == "2026-01-31T08:00:00+02:00"
