"""What a contact's row may not hold, and keys that are at least as coarse as the database's comparison."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mautic_async.errors import ConfigurationError
from mautic_async.resources.contacts import validation
from mautic_async.resources.contacts.validation import collation_key
from mautic_async.testing import php

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)

# --- zeros ---


@given(st.one_of(st.integers(), st.floats(allow_nan=False)))
def test_validation_refuses_a_number_exactly_when_mautic_drops_it(number: float) -> None:
    """Mautic drops what PHP casts to the integer 0. Invariant 14."""
    assert validation.is_zero(number) is (-1 < number < 1)


@pytest.mark.parametrize("text", ["0", " 0 "])
def test_validation_refuses_the_text_zero_in_every_field(text: str) -> None:
    assert validation.is_zero(text)
    assert validation.is_zero(text, "number")


@pytest.mark.parametrize("text", ["00", "0.0", "-0", "+0", "0.4", "-0.4", ".5", "0e5", " 0.0 "])
def test_validation_refuses_texts_of_value_zero_in_number_fields_only(text: str) -> None:
    assert validation.is_zero(text, "number")
    assert not validation.is_zero(text)


@pytest.mark.parametrize("value", ["", "a", "1", "1.25", "-1", "10", "many", ".", "-", "nan", None, [], ["0"], {}])
def test_validation_accepts_values_that_are_no_zero(value: Any) -> None:
    assert not validation.is_zero(value)
    assert not validation.is_zero(value, "number")


@pytest.mark.parametrize("value", [0, 0.0, "0", False, True, 1])
def test_validation_accepts_every_boolean_spelling(value: Any) -> None:
    assert not validation.is_zero(value, "boolean")


def test_validation_refuses_false_in_a_number_field_only() -> None:
    assert validation.is_zero(False, "number")
    assert not validation.is_zero(False)
    assert not validation.is_zero(True, "number")
    (problem,) = validation.check_zeros({"points": False, "seats": 3, "optin": False})
    assert problem.field == "points"


def test_validation_error_of_a_zero_names_the_alternative() -> None:
    points, seats = validation.check_zeros({"points": 0, "seats": 0.5, "owner": 0, "tags": ["0"]})
    assert "subtract_points" in points.message
    assert "replace()" in seats.message


# --- blanks ---


@given(st.text(" \t\r\n\u00a0\u2003"))
def test_validation_treats_a_text_without_visible_characters_as_blank(text: str) -> None:
    assert validation.is_blank(text)


def test_validation_blank_values_are_those_that_clear() -> None:
    assert all(map(validation.is_blank, [None, "", [], (), {}]))
    assert not any(map(validation.is_blank, [0, False, "a", ["a"]]))


def test_validation_treats_a_unique_value_of_spaces_as_missing() -> None:
    """The server trims it, finds nothing to look for, and would make another contact each time."""
    assert validation.check_upsert({"email": "  "}, ("email",))
    assert not validation.check_upsert({"email": " a@b.co "}, ("email",))


def test_validation_treats_only_fields_as_blank() -> None:
    body: dict[str, Any] = {"owner": None, "stage": None, "tags": [], "doNotContact": [], "city": None}
    assert [problem.field for problem in validation.check_blanks(body)] == ["city"]


# --- addresses ---


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1))
def test_validation_refuses_an_address_exactly_when_the_server_drops_characters(text: str) -> None:
    """Invariant 25."""
    kept = "".join(char for char in text if char.isalnum() or char in "!#$%&'*+-=?^_`{|}~@.[]")
    assert bool(validation.check_email({"email": text})) is (kept != text)


@given(st.text(min_size=1))
def test_validation_error_of_an_address_does_not_repeat_it(text: str) -> None:
    for problem in validation.check_email({"email": text + ",somebody@example.com"}):
        assert "somebody" not in problem.message
        assert problem.message.isprintable()
        assert problem.message.isprintable()


# --- what makes Mautic fall over ---


def test_validation_finds_values_that_break_mautic_anywhere() -> None:
    """Invariant 61."""
    body: dict[str, Any] = {
        "email": "a@b.co",
        "city": "a\x00",
        "customObjects": {"data": [{"data": [{"attributes": {"x": ["\x00"]}}]}]},
        "frequencyRules": {"email": {"frequency_number": 1}},
        "companies": [1],
    }
    fields = {problem.field for problem in validation.check_crashers(body, new=True)}
    assert fields == {"city", "customObjects", "frequencyRules", "companies"}
    assert "companies" not in {problem.field for problem in validation.check_crashers(body, new=False)}


def test_validation_refuses_a_unique_value_that_mautic_rewrites() -> None:
    unique = ("email", "number")
    assert validation.check_upsert({"number": "A <b>1</b>"}, unique)[0].field == "number"
    assert validation.check_upsert({"number": "A &amp; B"}, unique)[0].field == "number"
    assert not validation.check_upsert({"number": "A & B", "city": "<b>"}, unique)


def test_validation_refuses_an_empty_row_even_where_no_key_is_required() -> None:
    assert validation.check_upsert({}, ("email",), keyless=True)
    assert validation.check_upsert({}, ("email",), by_id=True)


def test_validation_raises_all_problems_in_one_message() -> None:
    problems = validation.check_upsert({"email": "a b", "seats": 0}, ("email",))
    with pytest.raises(ConfigurationError, match=r"contacts\.upsert: not sent: email: .*; seats: "):
        validation.raise_for(problems, "contacts.upsert")
    validation.raise_for([], "nothing")


# --- keys ---


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00", max_codepoint=0xFFFF), max_size=12))
def test_comparison_key_is_equal_for_every_spelling(text: str) -> None:
    """Invariant 25."""
    key = collation_key(text)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert collation_key(unicodedata.normalize(form, text)) == key
    assert collation_key(f" \t{text}\u00a0 ") == key
    assert collation_key(text.swapcase().swapcase()) == collation_key(text.swapcase())


def test_comparison_key_is_equal_for_all_forms_and_cases_of_a_character() -> None:
    for point in (*range(0xD800), *range(0xE000, 0x10000)):
        char = chr(point)
        key = collation_key(char)
        forms = [unicodedata.normalize(form, char) for form in ("NFC", "NFD", "NFKC", "NFKD")]
        assert {collation_key(form) for form in (key, *forms, char.upper(), char.lower())} == {key}, hex(point)


@given(WORDS)
def test_comparison_key_is_idempotent(text: str) -> None:
    assert collation_key(collation_key(text)) == collation_key(text)


@given(st.lists(st.sampled_from("aAáÀåeEéßsSøØoOłLdĐ \u0301\u00ad\u200b"), max_size=5).map("".join), WORDS)
def test_comparison_key_is_at_least_as_coarse_as_the_simulator(text: str, other: str) -> None:
    for spelling in (text.upper(), text.lower(), unicodedata.normalize("NFD", text), text + " ", other):
        if php.collate(spelling) == php.collate(text):
            assert collation_key(spelling) == collation_key(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ørsted", "orsted"),
        ("Łódź", "LODZ"),
        ("Straße", "STRASSE"),
        ("Æon", "aeon"),
        ("Œuvre", "oeuvre"),
        ("カタカナ", "かたかな"),
        ("ねっと", "ねつと"),
        ("がぎ", "かき"),
        ("ｶﾞ", "か"),
        ("a\u200bb\u00ad", "ab"),
        ("Acme \U0001f363", "ACME \U0001f37a"),
        ("İstanbul", "istanbul"),
        ("\u0131s\u0131", "isi"),
        ("\uff41\uff42", "AB"),
        ("ﬁn", "fin"),
        ("ς", "Σ"),
        ("K", "k"),
        ("a\x07b", "ab"),
    ],
)
def test_comparison_key_equals_where_utf8mb4_unicode_ci_does(one: str, other: str) -> None:
    assert collation_key(one) == collation_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("ab", "a b"), ("a.b@c.de", "ab@c.de"), ("a+b", "ab"), ("1", "2"), ("日", "本")]
)
def test_comparison_key_differs_where_every_collation_does(one: str, other: str) -> None:
    assert collation_key(one) != collation_key(other)
