from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mautic_async import ConfigurationError, LookupField, LookupName, UniqueField
from mautic_async.cli.column_mapping import ColumnMapping, parse_mapping
from mautic_async.cli.column_settings import ColumnSettings
from mautic_async.cli.match_options import parse_match_options
from mautic_async.codec import encode


def body(cells: dict[str, Any], **settings: Any) -> dict[str, Any]:
    layout = ColumnMapping(list(cells), ColumnSettings(**settings))
    contact, problems = layout.contact(cells.items())
    assert not problems
    return ({"id": contact.id} if contact.id else {}) | encode(contact)


def complaints(cells: dict[str, Any], **settings: Any) -> dict[str | None, str]:
    _, problems = ColumnMapping(None, ColumnSettings(**settings)).contact(cells.items())
    return {problem.field: problem.message for problem in problems}


def test_column_mapping_maps_columns_to_fields_by_name_as_text() -> None:
    cells = {"Email": "ada@example.com", "firstname": "Ada", "my_field": "007", "attribution": "1.50"}
    assert body(cells) == {
        "email": "ada@example.com",
        "firstname": "Ada",
        "my_field": "007",
        "attribution": "1.50",
    }


def test_column_mapping_renames_columns_and_an_empty_target_drops_one() -> None:
    cells = {"E-Mail": "ada@example.com", "Notes!": "x", "interests": "tea|go"}
    mapping = {"E-Mail": "email", "Notes!": "", "interests": "interests[]"}
    assert body(cells, mapping=mapping) == {"email": "ada@example.com", "interests": ["tea", "go"]}


def test_column_mapping_splits_tags_and_reads_ids_and_points_as_integers() -> None:
    cells = {"id": "7", "email": "a@b.co", "tags": "vip | -old", "owner": "3", "stage": " 4 ", "points": "-5"}
    assert body(cells) == {
        "id": 7,
        "email": "a@b.co",
        "tags": ["vip", "-old"],
        "owner": 3,
        "stage": 4,
        "points": -5,
    }


def test_column_mapping_ignores_or_clears_empty_cells() -> None:
    cells = {"email": "a@b.co", "city": "  ", "tags": "", "points": "", "products.sku": ""}
    assert body(cells) == {"email": "a@b.co"}
    assert body(cells, clear_empty=True) == {"email": "a@b.co", "city": None}


def test_column_mapping_reads_items_from_dotted_columns_by_number() -> None:
    cells = {
        "email": "a@b.co",
        "products.name": "Engine",
        "products.sku": "1",
        "products.2.name": "Loom",
        "products.2.multi[]": "red|blue",
        "orders.id": "12",
        "orders.amount": "5",
        "orders.2.name": "",
    }
    assert body(cells)["customObjects"] == {
        "data": [
            {
                "alias": "products",
                "data": [
                    {"name": "Engine", "attributes": {"sku": "1"}},
                    {"name": "Loom", "attributes": {"multi": ["red", "blue"]}},
                ],
            },
            {"alias": "orders", "data": [{"id": 12, "attributes": {"amount": "5"}}]},
        ]
    }


def test_column_mapping_reads_items_of_json_rows_in_both_spellings() -> None:
    grouped = {"data": [{"alias": "products", "data": [{"id": 3, "name": "x", "attributes": {"in-stock": 4}}]}]}
    flat = [{"object": "products", "id": 3, "name": "x", "attributes": {"in-stock": 4}}]
    for row in ({"customObjects": grouped}, {"custom_items": flat}):
        contact, problems = ColumnMapping().contact([("email", "a@b.co"), ("points", 5), ("tags", ["a"]), *row.items()])
        assert not problems
        assert encode(contact) == {"email": "a@b.co", "points": 5, "tags": ["a"], "customObjects": grouped}


def test_column_mapping_errors_name_the_column() -> None:
    cells = {
        "points": "many",
        "owner": "0",
        "stage": True,
        "products.name": "",
        "products.sku": "1",
        "orders.name": "o",
        "orders.id": "x",
        "First Name": "Ada",
    }
    assert complaints(cells) == {
        "points": "'many' is not a whole number",
        "owner": "'0' is not an id",
        "stage": "'True' is not an id",
        "products.name": "a new item needs a name",
        "orders.id": "'x' is not an id",
        "First Name": "'first name' is no alias of a field (small letters, digits, _); --map 'First Name=firstname'",
    }


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [
        ("custom_items", {}, "custom_items"),
        ("custom_items", ["x"], "custom_items[0]"),
        ("custom_items", [{"name": "x"}], "custom_items[0]"),
        ("custom_items", [{"object": "products", "name": "x", "sku": 1}], "custom_items[0]"),
        ("custom_items", [{"object": "products", "name": "x", "attributes": [1]}], "custom_items[0].attributes"),
        ("custom_items", [{"object": "products"}], "custom_items[0].name"),
        ("customObjects", [], "customObjects"),
        ("customObjects", {"data": [{"alias": "products"}]}, "customObjects.data[0]"),
        ("customObjects", {"data": [{"data": [{"name": "x"}]}]}, "customObjects.data[0].data[0]"),
    ],
)
def test_column_mapping_errors_of_items_name_their_place(key: str, value: Any, where: str) -> None:
    assert list(complaints({key: value})) == [where]


def test_column_mapping_accepts_the_owner_object_of_a_response() -> None:
    contact, problems = ColumnMapping().contact([("id", 4), ("owner", {"id": 2, "username": "x"}), ("stage", None)])
    assert not problems
    assert encode(contact) == {"owner": 2}


@pytest.mark.parametrize(
    ("columns", "mapping", "words"),
    [
        (
            ["name", "city"],
            {},
            "no column for email, by which a contact is found again; the columns are 'name', 'city'",
        ),
        (["email", ""], {}, "number 2 has no name"),
        (["email", "email"], {}, "column 'email': two columns have this name"),
        (["email", "Mail"], {"Mail": "email"}, "column 'Mail': leads to email, as 'email' does"),
        (["email"], {"Mail": "email"}, "--map names 'Mail'; the columns are 'email'"),
        (["email", "a b"], {}, "--map 'a b='"),
        (["email", "products.1.2.x"], {}, "is no alias of a field"),
    ],
)
def test_column_mapping_refuses_impossible_columns_before_the_first_row(
    columns: list[str], mapping: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ColumnMapping(columns, ColumnSettings(mapping=mapping))
    assert words in str(caught.value)


def test_column_mapping_refuses_a_wrong_target_of_json_lines_before_the_first_row() -> None:
    with pytest.raises(ConfigurationError, match="no alias"):
        ColumnMapping(None, ColumnSettings(mapping={"x": "Not A Field"}))


def test_column_mapping_accepts_another_unique_field_for_the_email() -> None:
    assert body({"customer_number": "5"}, unique=("customer_number",)) == {"customer_number": "5"}
    assert body({"id": "5", "city": "x"}) == {"id": 5, "city": "x"}


def test_column_mapping_splits_a_map_option_at_its_last_equals_sign() -> None:
    assert parse_mapping(["a=b=email", "x="]) == {"a=b": "email", "x": ""}
    for wrong in (["email"], ["=x"], ["a=b", "a=c"]):
        with pytest.raises(ConfigurationError, match="--map"):
            parse_mapping(wrong)


def test_column_mapping_reads_item_strategies_by_object() -> None:
    found = parse_match_options(["orders.order-number", "orders.shop"], ["products.sku", "samples.name"])
    assert found == {
        "orders": UniqueField(("order-number", "shop")),
        "products": LookupField("sku"),
        "samples": LookupName(),
    }
    for unique, marker in ((["orders"], []), ([], ["x."]), (["o.a"], ["o.b"])):
        with pytest.raises(ConfigurationError, match="--item-"):
            parse_match_options(unique, marker)


_ALIAS = st.from_regex(r"[a-z][a-z0-9_]{0,12}", fullmatch=True).filter(
    lambda name: name not in {"id", "owner", "stage", "points", "tags", "email"}
)
_TEXT = st.text(min_size=1, max_size=20).filter(str.strip)


@given(fields=st.dictionaries(_ALIAS, _TEXT, max_size=5))
def test_column_mapping_keeps_every_cell_unchanged(fields: dict[str, str]) -> None:
    assert body({"email": "a@b.co", **fields}) == {"email": "a@b.co", **fields}


@given(
    items=st.dictionaries(
        st.tuples(_ALIAS, st.integers(1, 30)),
        st.dictionaries(_ALIAS.filter(lambda name: name != "name"), _TEXT, max_size=3),
        max_size=4,
    )
)
def test_column_mapping_keeps_every_item_cell_unchanged(items: dict[tuple[str, int], dict[str, str]]) -> None:
    cells = {"email": "a@b.co"}
    for (alias, number), attributes in items.items():
        cells[f"{alias}.{number}.name"] = f"{alias} {number}"
        cells |= {f"{alias}.{number}.{name}": value for name, value in attributes.items()}
    contact, problems = ColumnMapping(list(cells)).contact(cells.items())
    assert not problems
    told = {(item.object, item.name): dict(item.attributes) for item in contact.custom_items or ()}
    assert told == {(alias, f"{alias} {number}"): attributes for (alias, number), attributes in items.items()}


@given(
    row=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=12,
    )
)
def test_column_mapping_accepts_or_rejects_any_json_row(row: Any) -> None:
    keys = ("email", "points", "owner", "tags", "custom_items", "customObjects", "products.sku", "x[]", "Ä")
    for key in keys:
        ColumnMapping().contact([(key, row)])
