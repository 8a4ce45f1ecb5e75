"""Models to JSON and back: names, dates, PHP's habits, keys that nobody knows."""

from __future__ import annotations

import copy
import enum
import pickle
import typing
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from functools import cache
from typing import Any, get_args, get_origin

import attrs
import pytest
from attrs import define
from hypothesis import given, settings
from hypothesis import strategies as st

from mautic_async import ConfigurationError, codec
from mautic_async import models as m
from mautic_async.codec.fields import camel_case, json_fields
from mautic_async.codec.request_bodies import from_labels
from mautic_async.codec.scalars import decode_datetime
from mautic_async.models import UNSET, Company, Contact, CustomItem, Entity, Maybe, Nested, Unset
from mautic_async.models._base import PropertyMarker
from tests.support.sizes import sized

NOUNS: list[Any] = [kind for name in m.__all__ if attrs.has(kind := getattr(m, name)) and issubclass(kind, Nested)]
PLAIN = [kind for kind in NOUNS if not issubclass(kind, (Contact, Company, CustomItem)) and kind is not m.Nested]
CUSTOM = [Contact, Company]

texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=6)
scalars = st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), texts)
jsons = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)
minutes = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - what it asks for
    lambda moment: moment.replace(second=0, microsecond=0, tzinfo=UTC)
)
SIMPLE: Mapping[Any, st.SearchStrategy[Any]] = {
    str: texts,
    int: st.integers(1, 10**9),
    float: st.floats(-(10**6), 10**6),
    bool: st.booleans(),
    datetime: minutes,
    date: st.dates(),
    time: st.times().map(lambda moment: moment.replace(microsecond=0)),
    Any: jsons,
}


def core(annotation: Any) -> Any:
    """The type without None, UNSET and marks; of several the first."""
    if hasattr(annotation, "__metadata__"):
        return core(annotation.__origin__)
    if get_origin(annotation) in {typing.Union, type(int | str)}:
        return core(next(part for part in get_args(annotation) if part not in {type(None), Unset}))
    return annotation


def marked(annotation: Any, mark: PropertyMarker) -> bool:
    if mark in getattr(annotation, "__metadata__", ()):
        return True
    inner = getattr(annotation, "__origin__", None) if hasattr(annotation, "__metadata__") else None
    parts = get_args(annotation) if get_origin(annotation) in {typing.Union, type(int | str)} else ()
    return any(marked(part, mark) for part in (*parts, *([inner] if inner is not None else [])))


def values(annotation: Any, depth: int) -> st.SearchStrategy[Any] | None:
    """Values of an attribute that can be written; None where only nothing can."""
    kind = core(annotation)
    if marked(annotation, PropertyMarker.BY_ID):
        return st.builds(kind, id=st.integers(1, 10**6))
    if get_origin(kind) in {list, Sequence}:
        inner = values(get_args(kind)[0], depth)
        return None if inner is None else st.lists(inner, max_size=2)
    if get_origin(kind) is Mapping:
        inner = values(get_args(kind)[1], depth)
        return None if inner is None else st.dictionaries(texts, inner, min_size=1, max_size=2)
    if isinstance(kind, type) and issubclass(kind, Nested):
        return entities(typing.cast("Any", kind), depth - 1) if depth else None
    return SIMPLE.get(kind)


@cache
def entities(model: Any, depth: int = 2) -> st.SearchStrategy[Any]:
    """Entities of *model* in all states: a property never mentioned, empty, or with a value."""
    hints = typing.get_type_hints(model, include_extras=True)
    given_values = {}
    found: st.SearchStrategy[Any] | None
    for slot in json_fields(model):
        annotation = hints[slot.name]
        if not slot.writable or not slot.readable or not slot.write_key or slot.name in APART:
            continue
        if attrs.fields_dict(model)[slot.name].metadata.get("form") == "id-object":
            found = st.lists(st.builds(get_args(core(annotation))[0], id=st.integers(1, 10**6)), max_size=2)
        else:
            found = values(annotation, depth)
        if found is not None:
            nothing = [UNSET, None] if Unset in get_args(annotation) else []
            given_values[slot.name] = st.one_of(*map(st.just, nothing), found)
    built: Any = model
    return st.builds(built, **given_values)


def answered(model: type, body: Mapping[str, Any]) -> dict[str, Any]:
    """What was written, under the names that an answer has."""
    return {
        slot.key: from_labels(body[slot.write_key]) if slot.name == "headers" else body[slot.write_key]
        for slot in json_fields(model)
        if slot.writable and slot.write_key in body
    }


KEYED = {"frequency_rules", "channels"}
APART = {"custom_items_truncated", *KEYED}
"""Never sent, or sent as a map; they have tests of their own."""

WRITABLE = [kind for kind in PLAIN if any(slot.writable and slot.readable for slot in json_fields(kind))]
LOSSY = {
    m.FrequencyRule,  # its channel is the key under which it is sent
    m.CampaignEvent,  # a new one is known by its key, which no answer shows
    m.Campaign,  # has events
}
MOVED = {m.EmailDynamicContent, m.Segment, m.CompanySegment, m.DynamicContent, m.DynamicContentVariant, m.Email}
"""Have filters, whose values requests hold in one of two places only."""


@pytest.mark.parametrize("model", [kind for kind in WRITABLE if kind not in LOSSY], ids=lambda kind: kind.__name__)
def test_decode_inverts_encode(model: Any) -> None:
    @given(entities(model))
    @settings(max_examples=sized(6, 20), deadline=None)
    def check(entity: Any) -> None:
        body = codec.encode(entity)
        assert codec.decode(model, answered(model, body)) == entity or model in MOVED

    check()


def unset_in(value: Any) -> Iterator[Any]:
    """UNSET wherever it hides; a text may well spell its name."""
    if value is UNSET:
        yield value
    elif isinstance(value, (dict, list, tuple)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from unset_in(inner)


@pytest.mark.parametrize("model", WRITABLE, ids=lambda kind: kind.__name__)
def test_encode_omits_unset_attributes(model: Any) -> None:
    @given(entities(model))
    @settings(max_examples=sized(6, 20), deadline=None)
    def check(entity: Any) -> None:
        body = codec.encode(entity)
        for slot in json_fields(model):
            if getattr(entity, slot.name) is UNSET:
                assert slot.write_key not in body
        assert not list(unset_in(body))
        assert "extra" not in body

    check()


@pytest.mark.parametrize("model", NOUNS, ids=lambda kind: kind.__name__)
def test_encode_of_an_empty_entity_is_empty(model: type) -> None:
    if model in {CustomItem, m.PlainPassword}:
        return
    assert codec.encode(model()) == {}


@pytest.mark.parametrize("model", NOUNS, ids=lambda kind: kind.__name__)
def test_decode_keeps_unknown_keys_in_order(model: type) -> None:
    if model is m.PlainPassword:
        return
    known = {slot.key for slot in json_fields(model)} | {"fields", "customObjects"}

    @given(st.dictionaries(texts, jsons, max_size=5).map(lambda raw: {k: v for k, v in raw.items() if k not in known}))
    @settings(max_examples=sized(3, 10), deadline=None)
    def check(raw: dict[str, Any]) -> None:
        decoded: Any = codec.decode(model, raw)
        assert list(decoded.extra.items()) == list(raw.items())
        assert codec.encode(decoded).keys() <= {"object", "objectId", "attributes"}, "and is not sent back"

    check()


@pytest.mark.parametrize("model", NOUNS, ids=lambda kind: kind.__name__)
def test_decode_accepts_any_response(model: type) -> None:
    if model is m.PlainPassword:
        return
    keys = sorted({slot.key for slot in json_fields(model) if slot.readable} | {"fields", "customObjects"})

    @given(st.dictionaries(st.sampled_from(keys), jsons, max_size=5))
    @settings(max_examples=sized(8, 25), deadline=None)
    def check(raw: dict[str, Any]) -> None:
        codec.decode(model, raw)

    check()


def test_decode_moves_a_value_of_the_wrong_type_to_extra() -> None:
    stage = codec.decode(m.Stage, {"id": 3, "weight": "heavy", "publishUp": "soon", "isPublished": "perhaps"})
    assert stage == m.Stage(id=3, extra={"weight": "heavy", "publishUp": "soon", "isPublished": "perhaps"})


def test_decode_accepts_unknown_enum_values() -> None:
    assert codec.decode(m.Field, {"type": "hologram"}).type == "hologram"


# --- contacts and companies ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", CUSTOM, ids=lambda kind: kind.__name__)
def test_decode_reads_contact_fields_from_every_place(model: Any) -> None:
    aliases = [a.name for a in attrs.fields(model) if a.name not in model.PROPERTIES]
    slots = {slot.name: slot for slot in json_fields(model)}
    own = st.dictionaries(
        st.sampled_from(["seats", "plan"]), st.one_of(texts, st.integers(), st.booleans()), max_size=2
    )

    @given(entities(model), own)
    @settings(max_examples=sized(20, 60), deadline=None)
    def check(entity: Any, fields: dict[str, Any]) -> None:
        entity = (
            attrs.evolve(entity, fields=fields, custom_items=UNSET)
            if model is Contact
            else attrs.evolve(entity, fields=fields)
        )
        body = codec.encode(entity)
        everything = {alias: body[alias] for alias in [*aliases, *fields] if alias in body}
        properties = {
            slot.key: body[slot.write_key]
            for name, slot in slots.items()
            if name in model.PROPERTIES and slot.writable and slot.write_key in body
        }
        back = codec.decode(model, {**properties, "fields": {"core": {}, "all": everything}})
        assert attrs.evolve(back, field_groups=None) == entity

    check()


@define(kw_only=True)
class Customer(Contact):
    seats: Maybe[int] = UNSET
    renewal_on: Maybe[date] = UNSET


def test_decode_types_fields_declared_by_a_subclass() -> None:
    raw = {
        "id": 1,
        "fields": {"core": {}, "all": {"seats": "3", "renewal_on": "2026-01-02", "plan": "pro", "email": "a@b.c"}},
    }
    customer = codec.decode(Customer, raw)
    assert (customer.seats, customer.renewal_on, customer.email) == (3, date(2026, 1, 2), "a@b.c")
    assert customer.fields == {"plan": "pro"}
    assert codec.encode(Customer(seats=3, renewal_on=date(2026, 1, 2))) == {"seats": 3, "renewal_on": "2026-01-02"}


@define(kw_only=True)
class Counted(Contact):
    seats: Maybe[int] = UNSET
    seen: bool = False

    def __attrs_post_init__(self) -> None:
        self.seen = True


def shouted(value: str | Unset | None) -> str | Unset | None:
    return value.upper() if value else value


@define(kw_only=True)
class Checked(Contact):
    seats: Maybe[int] = attrs.field(default=UNSET, validator=attrs.validators.instance_of((int, Unset)))
    plan: Maybe[str] = attrs.field(default=UNSET, converter=shouted)


class Handmade(Contact):
    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.lastname = "made by hand"


def test_decode_calls_attrs_hooks_of_a_subclass() -> None:
    raw = {"id": 1, "fields": {"all": {"seats": "3", "plan": "pro", "firstname": "Ada"}}}
    counted = codec.decode(Counted, raw)
    assert (counted.seats, counted.seen, counted.firstname) == (3, True, "Ada")
    checked = codec.decode(Checked, raw)
    assert (checked.seats, checked.plan) == (3, "PRO")
    assert codec.decode(Handmade, raw).lastname == "made by hand"


def test_decode_and_construction_give_equal_entities() -> None:
    raw = {"id": 3, "name": "S", "weight": 5, "category": {"id": 4}, "isPublished": True}
    read, made = codec.decode(m.Stage, raw), m.Stage(id=3, name="S", weight=5, category=4, is_published=True)
    assert read == made
    assert repr(read) == repr(made)
    assert read.extra == {}
    assert attrs.evolve(read, weight=6).weight == 6
    assert attrs.asdict(read, recurse=False).keys() == attrs.asdict(made, recurse=False).keys()
    read.name = "T"
    assert codec.encode(read)["name"] == "T"
    assert pickle.loads(pickle.dumps(read)) == read
    assert copy.deepcopy(read) == read


def test_custom_fields_behave_like_a_mapping() -> None:
    raw = {"fields": {"core": {}, "social": [], "all": {"id": "7", "email": "a@b.c", "seats": 3, "plan": None}}}
    fields = codec.decode(Contact, raw).fields
    assert fields
    assert dict(fields) == {"seats": 3, "plan": None}
    assert (len(fields), "seats" in fields, "email" in fields, fields.get("id")) == (2, True, False, None)
    assert fields == {"seats": 3, "plan": None}
    assert fields != {"seats": 3}
    assert "3" not in repr(fields), "values of contacts stay out of logs"
    with pytest.raises(KeyError):
        fields["email"]
    with pytest.raises(TypeError):
        hash(fields)


def test_decode_reads_field_definitions_by_group() -> None:
    email = {"id": "6", "label": "Email", "alias": "email", "is_fixed": "1", "properties": "a:0:{}", "value": "a@b.c"}
    groups = codec.decode(Contact, {"fields": {"core": {"email": email}, "social": [], "all": {}}}).field_groups
    assert groups
    assert (list(groups), len(groups), groups["social"]) == (["core", "social"], 2, {})
    assert (groups["core"]["email"].id, groups["core"]["email"].is_fixed) == (6, True)
    with pytest.raises(KeyError):
        groups["all"]


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (CustomItem(name="x"), "names no object"),
        (CustomItem("products"), "needs a name"),
        (CustomItem("products", name="0"), "needs a name"),
    ],
)
def test_encode_refuses_items_that_break_the_plugin(item: CustomItem, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        codec.encode(Contact(email="a@b.c", custom_items=[item]))


def test_encode_refuses_a_field_named_twice() -> None:
    with pytest.raises(ConfigurationError, match="firstname is given twice"):
        codec.encode(Contact(firstname="Ada", fields={"firstname": "Ada"}))


def test_custom_items_are_grouped_by_object_and_decoded_flat() -> None:
    items = [
        CustomItem("products", name="Hello", attributes={"sku": "1"}),
        CustomItem("orders", id=7, attributes={"total": 3}),
        CustomItem("products", name="World"),
        CustomItem(object_id=5, name="By id"),
    ]
    body = codec.encode(Contact(email="a@b.c", custom_items=items))
    assert body["customObjects"] == {
        "data": [
            {"alias": "products", "data": [{"name": "Hello", "attributes": {"sku": "1"}}, {"name": "World"}]},
            {"alias": "orders", "data": [{"id": 7, "attributes": {"total": 3}}]},
            {"id": 5, "data": [{"name": "By id"}]},
        ]
    }
    back = codec.decode(Contact, {"customObjects": body["customObjects"]})
    assert back.custom_items
    assert [(item.object, item.object_id, item.id, item.name) for item in back.custom_items] == [
        ("products", 0, 0, "Hello"),
        ("products", 0, 0, "World"),
        ("orders", 0, 7, UNSET),
        ("", 5, 0, "By id"),
    ]


def test_decode_marks_a_full_page_of_items_as_cut_off() -> None:
    rows = [{"id": n, "name": "x"} for n in range(1, 11)]
    group = {"id": 1, "alias": "products", "data": rows, "meta": {"page": {"number": 1, "size": 10}}}
    assert codec.decode(Contact, {"customObjects": {"data": [group]}}).custom_items_truncated
    assert not codec.decode(Contact, {"customObjects": {"data": [{**group, "data": rows[1:]}]}}).custom_items_truncated


# --- scalars ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("2026-11-21T03:26:29+00:00", datetime(2026, 11, 21, 3, 26, 29, tzinfo=UTC)),
        ("2026-11-21T05:26:29+02:00", datetime(2026, 11, 21, 3, 26, 29, tzinfo=UTC)),
        ("2026-05-06 07:08:00", datetime(2026, 5, 6, 7, 8, tzinfo=UTC)),
        ("", None),
        ("0000-00-00 00:00:00", None),
        (None, None),
    ],
)
def test_decode_reads_every_date_format_as_aware(value: Any, read: datetime | None) -> None:
    assert codec.decode(m.Stage, {"dateAdded": value}).date_added == read


def test_encode_writes_publish_dates_in_the_format_of_mautic() -> None:
    there = timezone(timedelta(hours=2))
    body = codec.encode(m.Stage(publish_up=datetime(2026, 1, 2, 3, 4, 5, tzinfo=there), publish_down=None))
    assert body == {"publishUp": "2026-01-02 01:04", "publishDown": None}


def test_encode_writes_other_dates_with_their_offset() -> None:
    there = timezone(timedelta(hours=2))
    assert codec.encode(m.Note(date_time=datetime(2026, 1, 2, 3, 4, tzinfo=there))) == {
        "dateTime": "2026-01-02T03:04:00+02:00"
    }


def test_encode_refuses_a_datetime_without_a_time_zone() -> None:
    with pytest.raises(ConfigurationError, match=r"publish_up: .*time zone"):
        codec.encode(m.Stage(publish_up=datetime(2026, 1, 2)))  # noqa: DTZ001 - the point


@pytest.mark.parametrize(("value", "read"), [("7", 7), (7, 7), (7.0, 7), (" 7 ", 7), (True, True), ("11.0", 11)])
def test_decode_reads_numbers_from_texts(value: Any, read: int) -> None:
    assert codec.decode(m.Stage, {"weight": value}).weight == read


@pytest.mark.parametrize("value", ["seven", "7.5", 7.5, "1" * 25, [], {}, "NaN"])
def test_decode_keeps_values_that_are_no_integers(value: Any) -> None:
    stage = codec.decode(m.Stage, {"weight": value})
    assert (stage.weight, stage.extra) == (UNSET, {"weight": value})


@define(kw_only=True)
class Shop(Contact):
    opened_on: Maybe[date] = UNSET
    opens: Maybe[time] = UNSET


def test_decode_reads_dates_without_time_and_times_without_date() -> None:
    shop = codec.decode(Shop, {"fields": {"all": {"opened_on": "2026-01-02", "opens": "09:30:00"}}})
    assert (shop.opened_on, shop.opens) == (date(2026, 1, 2), time(9, 30))
    empty = codec.decode(Shop, {"fields": {"all": {"opened_on": "0000-00-00", "opens": ""}}})
    assert (empty.opened_on, empty.opens) == (None, None)


@pytest.mark.parametrize("value", [1, "1", True, "true", "yes", "on"])
def test_decode_reads_booleans_in_all_php_spellings(value: Any) -> None:
    assert codec.decode(m.Stage, {"isPublished": value}).is_published is True


@pytest.mark.parametrize("empty", [[], {}])
def test_decode_reads_an_empty_list_as_an_empty_map(empty: Any) -> None:
    assert codec.decode(m.Point, {"properties": empty}).properties == {}


def test_decode_reads_a_map_as_a_list_where_a_list_belongs() -> None:
    decoded = codec.decode(m.Contact, {"tags": {"3": {"id": 3, "tag": "a"}, "5": {"id": 5, "tag": "b"}}})
    assert decoded.tags == ["a", "b"]


def test_references_are_decoded_as_objects_and_encoded_as_ids() -> None:
    stage = codec.decode(m.Stage, {"category": {"id": 4, "title": "K", "bundle": "stage"}})
    assert stage.category == m.Category(id=4, title="K", bundle="stage")
    assert codec.encode(stage) == {"category": 4}
    assert codec.encode(m.Email(segments=[1, m.Segment(id=2)])) == {"lists": [1, 2]}
    assert codec.encode(m.Campaign(segments=[1])) == {"lists": [{"id": 1}]}


@pytest.mark.parametrize("wrong", [m.Category(title="new"), m.Category(id=-1)])
def test_encode_refuses_a_reference_without_an_id(wrong: m.Category) -> None:
    with pytest.raises(ConfigurationError, match="category: a reference is sent as an id"):
        codec.encode(m.Stage(category=wrong))


def test_encode_writes_ids_of_nested_entities_only_where_mautic_wants_them() -> None:
    form = m.Form(fields=[m.FormField(id=3, label="L"), m.FormField(label="new")])
    assert codec.encode(form) == {"fields": [{"id": 3, "label": "L"}, {"label": "new"}]}
    message = m.Message(
        channels=[m.MessageChannel(id=9, channel="email", channel_id=1, channel_name="E", is_enabled=True)]
    )
    assert codec.encode(message) == {"channels": {"email": {"channel": "email", "channelId": 1, "isEnabled": True}}}
    contact = Contact(do_not_contact=[m.DoNotContact(id=4, channel="email", reason=3)])
    assert codec.encode(contact) == {"doNotContact": [{"channel": "email", "reason": 3}]}


@pytest.mark.parametrize(
    "channels",
    [
        [m.MessageChannel(channel_id=1)],
        [m.MessageChannel(channel="email", channel_id=1), m.MessageChannel(channel="email", channel_id=2)],
    ],
)
def test_encode_requires_a_channel_where_the_class_has_one(channels: list[m.MessageChannel]) -> None:
    with pytest.raises(ConfigurationError, match="channels: each needs a channel of its own"):
        codec.encode(m.Message(channels=channels))


def test_encode_writes_ids_of_plain_values_as_attributes() -> None:
    canvas = m.Canvas(nodes=[m.CanvasNode(id="new_1", position_x=1.0)])
    assert codec.encode(m.Campaign(canvas_settings=canvas)) == {
        "canvasSettings": {"nodes": [{"id": "new_1", "positionX": 1.0}]}
    }


def test_encode_writes_focus_items_under_the_key_that_mautic_reads() -> None:
    assert codec.encode(m.Focus(html_mode="html")) == {"html_mode": "html"}
    assert codec.decode(m.Focus, {"htmlMode": "html"}).html_mode == "html"


class Money(Decimal):
    """A type of the user's own."""


class Plan(enum.Enum):
    PRO = "pro"


def test_encode_writes_enums_and_times_in_mautic_form() -> None:
    contact: Any = Contact(fields={"plan": Plan.PRO, "opens": time(9, 30), "days": ("mon", "tue")})  # type: ignore[dict-item]
    assert codec.encode(contact) == {"plan": "pro", "opens": "09:30:00", "days": ["mon", "tue"]}


def test_converter_hook_encodes_a_user_type() -> None:
    contact: Any = Contact(fields={"price": Money("1.50")})  # type: ignore[dict-item]
    with pytest.raises(ConfigurationError, match="a Money cannot be sent"):
        codec.encode(contact)
    codec.converter.register_unstructure_hook(Money, str)
    assert codec.encode(contact) == {"price": "1.50"}


def test_json_names_follow_from_attribute_names() -> None:
    assert camel_case("is_published") == "isPublished"
    assert camel_case("id") == "id"
    assert isinstance(m.Stage(), Entity)


@pytest.mark.parametrize("moment", [67_700_000_000_000_000, 253_402_300_800, -(10**18), 10**400])
def test_decode_raises_value_error_for_a_number_that_is_no_date(moment: int) -> None:
    with pytest.raises(ValueError, match="year"):
        decode_datetime(moment)
