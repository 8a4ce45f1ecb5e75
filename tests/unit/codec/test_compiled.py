"""The generated readers and writers of each class."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar, cast

import attrs
import pytest
from attrs import define, field
from hypothesis import given, settings
from hypothesis import strategies as st

from mautic_async import ConfigurationError, codec
from mautic_async import models as m
from mautic_async.codec.fields import json_fields
from mautic_async.models import UNSET, Company, Contact, CustomItem, Maybe, Nested
from mautic_async.models._base import Unset
from tests.support.sizes import sized

NOUNS: list[Any] = [
    kind
    for name in m.__all__
    if attrs.has(kind := getattr(m, name)) and issubclass(kind, Nested) and kind is not m.PlainPassword
]
texts = st.sampled_from(["", "7", "yes", "2026-11-21T03:26:29+00:00", "0000-00-00 00:00:00", "Ada", "é"])
scalars = st.none() | st.booleans() | st.integers(-3, 9) | st.floats(-2, 2) | texts
jsons = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts | st.just("id"), inner, max_size=2),
    max_leaves=5,
)


@pytest.mark.parametrize("model", NOUNS, ids=lambda kind: kind.__name__)
def test_compiled_decode_builds_the_class_and_keeps_the_rest_in_order(model: Any) -> None:
    keys = sorted({slot.key for slot in json_fields(model)} | {"fields", "customObjects", "unknown", "other"})
    aliases = [slot.name for slot in json_fields(model) if slot.name not in getattr(model, "PROPERTIES", ())]
    everything = st.dictionaries(st.sampled_from([*aliases, "seats", "id", "points"]), jsons, max_size=6)
    grouped = st.builds(lambda values: {"core": {}, "all": values}, everything)

    @given(st.dictionaries(st.sampled_from(keys), jsons, max_size=8), st.none() | grouped)
    @settings(max_examples=sized(8, 30), deadline=None)
    def check(raw: dict[str, Any], fields: Any) -> None:
        if fields is not None:
            raw["fields"] = fields
        entity = codec.decode(model, raw)
        assert type(entity) is model
        assert list(entity.extra) == [key for key in raw if key in entity.extra]

    check()


def test_compiled_decode_gives_each_entity_its_own_defaults() -> None:
    one, two = codec.decode(CustomItem, {"id": 1}), codec.decode(CustomItem, {"id": 2})
    assert object.__getattribute__(one, "name") is UNSET
    assert one.attributes == {}
    assert one.attributes is not two.attributes
    assert one.extra is not two.extra
    with pytest.raises(AttributeError):
        one.no_such_thing  # type: ignore[attr-defined]  # noqa: B018 - that is the point


def test_compiled_encode_accepts_an_id_assigned_to_a_reference() -> None:
    contact = codec.decode(Contact, {"id": 1})
    contact.owner = cast("Any", 5)
    assert codec.encode(contact) == {"owner": 5}
    assert Contact(owner=5).owner == m.User(id=5)
    with pytest.raises(AttributeError):
        contact.no_such_field = 1  # type: ignore[attr-defined]  # a slip of the pen stays one


@define(kw_only=True)
class Noting(CustomItem):
    noted: ClassVar[list[str]] = []

    def __setattr__(self, name: str, value: Any) -> None:
        self.noted.append(name)
        object.__setattr__(self, name, value)


class Register(m.Stage):
    subclasses: ClassVar[list[type]] = []

    def __init_subclass__(cls, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        Register.subclasses.append(cls)


class Undecorated(m.Stage):
    def shout(self) -> str:
        return str(self.name).upper()


@define(kw_only=True)
class Derived(m.Stage):
    motto: Maybe[str] = field(default=attrs.Factory(lambda self: f"of {type(self).__name__}", takes_self=True))


def test_compiled_decode_runs_validators_and_setters() -> None:
    assert codec.decode(Noting, {"name": "Hello"}).name == "Hello"
    assert "name" in Noting.noted
    assert codec.decode(Register, {"name": "S"}).name == "S"
    assert Register.subclasses == []
    assert codec.decode(Derived, {}).motto == "of Derived"


def test_compiled_decode_reads_subclasses_without_decorator_or_slots() -> None:
    assert codec.decode(Undecorated, {"name": "S"}).shout() == "S".upper()

    @define(kw_only=True, slots=False)
    class Loose(Contact):
        seats: Maybe[int] = UNSET

    loose = codec.decode(Loose, {"fields": {"all": {"seats": "3"}}})
    assert (type(loose), loose.seats) == (Loose, 3)
    loose.note = "free"  # type: ignore[attr-defined]  # it has a dictionary
    assert codec.encode(loose) == {"seats": 3}


@define(kw_only=True)
class Priced(Contact):
    price: Maybe[Decimal] = UNSET
    prices: Maybe[list[Decimal]] = UNSET


def test_compiled_decode_uses_user_hooks_for_fields_of_a_subclass() -> None:
    codec.converter.register_structure_hook(Decimal, lambda value, _: Decimal(str(value)))
    raw = {"fields": {"all": {"price": 1.5, "prices": ["2.50", 3], "plan": "pro"}}}
    priced = codec.decode(Priced, raw)
    assert (priced.price, priced.prices) == (Decimal("1.5"), [Decimal("2.50"), Decimal(3)])
    assert priced.fields == {"plan": "pro"}
    assert codec.decode(Priced, {"fields": {"all": {"price": "dear"}}}).fields == {"price": "dear"}


@pytest.mark.parametrize("fields", [{"firstname": "A"}, {1: "a", "1": "b"}])
def test_compiled_class_refuses_a_json_name_given_twice(fields: Mapping[Any, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"^(firstname|1) is given twice"):
        codec.encode(Contact(email="a@b.c", firstname="Ada", fields=cast("Any", fields)))


@pytest.mark.parametrize("model", [Contact, Company, m.Segment])
def test_compiled_encode_reads_only_set_attributes(model: Any) -> None:
    asked: list[object] = []

    class Told(str):
        __slots__ = ()

        def __str__(self) -> str:
            asked.append(self)
            return "told"

    codec.converter.register_unstructure_hook(Told, str)
    name = "firstname" if model is Contact else "companyname" if model is Company else "name"
    assert codec.encode(model(**{name: Told("x")})) == {name: "told"}
    assert len(asked) == 1


@define(kw_only=True)
class Odd(m.Entity):
    quoted: Maybe[str] = field(default=UNSET, metadata={"json": "a'b\"c\\{}\n"})
    known: Maybe[bool] = field(default=UNSET, metadata={"json": "UNSET"})


def test_compiled_code_accepts_keys_of_any_spelling() -> None:
    odd = codec.decode(Odd, {"a'b\"c\\{}\n": "q", "UNSET": True, "made": 1, "raw": 2})
    assert (odd.quoted, odd.known, odd.extra) == ("q", True, {"made": 1, "raw": 2})
    assert codec.encode(odd) == {"a'b\"c\\{}\n": "q", "UNSET": True}


@define(kw_only=True)
class Doubled(m.Entity):
    old: Maybe[str] = field(default=UNSET, metadata={"json": "name"})
    new: Maybe[str] = field(default=UNSET, metadata={"json": "name"})


def test_compiled_decode_reads_a_key_shared_by_two_attributes() -> None:
    doubled = codec.decode(Doubled, {"name": "x", "unknown": 1})
    assert (doubled.old, doubled.new, doubled.extra) == (UNSET, "x", {"unknown": 1})


def test_compiled_decode_leaves_entities_to_the_garbage_collector() -> None:
    contact = codec.decode(Contact, {"id": 1, "fields": {"all": {"seats": 3}}})
    contact.extra = {"me": cast("Any", contact)}
    del contact
    assert gc.collect() > 0


def test_compiled_state_of_an_entity_is_one_of_three() -> None:
    contact = codec.decode(Contact, {"fields": {"all": {"email": None, "city": ""}}})
    assert (contact.email, contact.city, contact.firstname) == (None, "", UNSET)
    assert isinstance(contact.firstname, Unset)
    assert codec.encode(contact) == {"email": None, "city": ""}
