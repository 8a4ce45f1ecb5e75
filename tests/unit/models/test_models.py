"""Every noun is documented, and has a place for all that a real server said of it."""

from __future__ import annotations

import inspect
import json
import pkgutil
import re
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from importlib import import_module
from typing import Any, get_args, get_origin

import attrs
import pytest
from pydantic import TypeAdapter, ValidationError

from mautic_async import codec, models
from mautic_async.bulk import Outcome
from mautic_async.models import UNSET, Company, Contact, CustomItem, Email, Entity, Nested, Segment, User, Webhook
from mautic_async.models._base import PropertyMarker
from mautic_async.resources._endpoint import ResultPage
from tests.support import recorded_entities, recordings

CLASSES = [kind for name in models.__all__ if attrs.has(kind := getattr(models, name)) and kind is not Nested]

READ_EXCEPTIONS = {
    "Widget.success": "part of the envelope",
}
WRITE_EXCEPTIONS = {
    "Focus.htmlMode": "the wrong name, which the server ignores",
    "Contact.last_active": "the alias of a field that the property lastActive writes",
    "CampaignEvent.children": "read only: the canvas decides",
    "CampaignEvent.parent": "read only: the canvas decides",
}


def camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


@cache
def hints(kind: type) -> Mapping[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)


def marks(annotation: Any) -> set[PropertyMarker]:
    found = {mark for mark in get_args(annotation)[1:] if isinstance(mark, PropertyMarker)}
    inner = annotation.__origin__ if hasattr(annotation, "__metadata__") else annotation
    union = get_args(inner) if get_origin(inner) in {typing.Union, types.UnionType} else ()
    return found.union(*(marks(part) for part in union), marks(inner) if inner is not annotation else set())


def choices(annotation: Any) -> list[Any]:
    """The types that an annotation allows, without None, UNSET and marks."""
    if hasattr(annotation, "__metadata__"):
        return choices(annotation.__origin__)
    if get_origin(annotation) in {typing.Union, types.UnionType}:
        return [kind for part in get_args(annotation) for kind in choices(part)]
    return [] if annotation in {type(None), type(UNSET)} else [annotation]


def names(kind: type, *, write: bool) -> dict[str, Any]:
    """Annotations by JSON name, of what can be read or written."""
    wrong = PropertyMarker.READ_ONLY if write else PropertyMarker.WRITE_ONLY
    aliases = {a.name for a in attrs.fields(kind)} - getattr(kind, "PROPERTIES", hints(kind).keys())
    found = {}
    for a in attrs.fields(kind):
        annotation = hints(kind)[a.name]
        if a.name != "extra" and wrong not in marks(annotation):
            name = a.name if a.name in aliases else a.metadata.get("json", camel(a.name))
            found[a.metadata.get("json_write", name) if write else name] = annotation
    return found


def fits(value: Any, kind: Any) -> bool:
    """Whether a JSON scalar can be read as this type."""
    try:
        return {
            bool: lambda: value in {0, 1, "0", "1"},
            int: lambda: float(value).is_integer(),
            float: lambda: float(value) is not None,
            datetime: lambda: datetime.fromisoformat(value) is not None,
        }.get(kind, lambda: isinstance(value, kind))()
    except (TypeError, ValueError):
        return False


def strays(annotation: Any, value: Any, where: str, *, write: bool) -> Iterator[str]:
    """What has no place in the class, or not the type that it promises."""
    kinds = choices(annotation)
    classes = [kind for kind in kinds if attrs.has(kind)]
    if value in (None, [], "") or Any in kinds:  # three ways of saying nothing
        return
    if isinstance(value, Mapping) and classes:
        yield from of_entity(classes[0], value, write=write)
    elif PropertyMarker.BY_ID in marks(annotation) and write:
        if not isinstance(value, int):
            yield f"{where}: not an id"
    elif sequences := [kind for kind in kinds if get_origin(kind) in {list, Sequence}]:
        inside = get_args(sequences[0])[0]
        for item in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else []:
            yield from strays(inside, item, where, write=write)
    elif maps := [kind for kind in kinds if get_origin(kind) is Mapping]:
        if not isinstance(value, Mapping):
            yield f"{where}: not a map"
            return
        for item in value.values():
            yield from strays(get_args(maps[0])[1], item, where, write=write)
    elif not write and not any(fits(value, kind) for kind in kinds):  # what was sent is sometimes wrong on purpose
        yield f"{where}: {value!r} is no {kinds}"


def of_entity(kind: type, value: Mapping[str, Any], *, write: bool) -> Iterator[str]:
    known = names(kind, write=write)
    for key, inside in value.items():
        where = f"{kind.__name__}.{key}"
        if issubclass(kind, Contact | Company) and key in {"fields", "customObjects"}:
            yield from of_groups(kind, key, inside, write=write)
        elif key == "tags" and kind is Contact:
            yield from () if write else (f"{where}: no names" for tag in inside if not isinstance(tag["tag"], str))
        elif key.startswith("lab_"):
            continue  # the user's own fields, which `fields` holds
        elif key in known:
            yield from strays(known[key], inside, where, write=write)
        else:
            yield where


def of_groups(kind: type, key: str, value: Any, *, write: bool) -> Iterator[str]:
    """The fields of a contact and its custom items, which the codec puts into other shapes."""
    if key == "customObjects":
        for group in value["data"]:
            for item in group["data"]:
                yield from of_entity(CustomItem, item, write=write)
    elif value:
        yield from of_entity(kind, {k: v for k, v in value.get("all", {}).items() if k != "last_active"}, write=write)
        for group in [inside for name, inside in value.items() if name != "all" and inside]:
            for definition in group.values():
                yield from of_entity(models.ContactField, definition, write=write)


def judged(parts: Iterator[recorded_entities.Part], *, write: bool) -> dict[str, str]:
    found = {stray: part.source for part in parts for stray in of_entity(part.model, part.value, write=write)}
    wrong_on_purpose = ("no_such_field", "overwriteWithBlank")  # the second is a parameter of the call
    return {stray: source for stray, source in sorted(found.items()) if not stray.endswith(wrong_on_purpose)}


def test_models_type_every_recorded_response_value() -> None:
    assert judged(recorded_entities.answered_parts(), write=False).keys() == READ_EXCEPTIONS.keys()


def test_models_encode_every_recorded_request_value() -> None:
    assert judged(recorded_entities.sent_parts(), write=True).keys() == WRITE_EXCEPTIONS.keys()


def test_models_cover_every_recorded_response() -> None:
    assert recorded_entities.unknown_keys() == set()
    assert {part.model for part in recorded_entities.answered_parts()} >= set(recorded_entities.MODELS.values()) - {
        models.Submission  # the server that was recorded had none
    }


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_models_document_their_attributes_and_the_mautic_page(kind: type) -> None:
    text = inspect.getdoc(kind) or ""
    own = [a.name for a in attrs.fields(kind) if not a.inherited]
    described = set(re.findall(r"^    (\w+): ", text, re.MULTILINE))
    missing = [name for name in own if name not in described and name not in OBVIOUS.get(kind, ())]
    assert missing == []
    assert kind in {Entity, models.Published} or re.search(
        r"^Mautic: (REST API, |Custom Objects plugin, )\w", text, re.MULTILINE
    )


OBVIOUS: Mapping[type, Sequence[str]] = {
    Contact: [a.name for a in attrs.fields(Contact) if a.name not in Contact.PROPERTIES],  # aliases that say it all
    models.ContactCompany: [a.name for a in attrs.fields(Company)],
}


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_models_writable_attributes_default_to_unset_and_read_only_to_none(kind: type) -> None:
    for a in attrs.fields(kind):
        annotation = hints(kind)[a.name]
        if PropertyMarker.READ_ONLY in marks(annotation):
            assert a.default is None, a.name
        elif type(UNSET) in get_args(annotation):
            assert a.default is UNSET, a.name


def test_models_all_lists_every_class() -> None:
    modules = [import_module(f"mautic_async.models.{module.name}") for module in pkgutil.iter_modules(models.__path__)]
    public = {
        n for module in modules for n, v in vars(module).items() if attrs.has(v) and v.__module__ == module.__name__
    }
    assert public <= set(models.__all__)
    assert len(models.__all__) == len(set(models.__all__))


def test_models_properties_name_existing_attributes() -> None:
    for kind in (Contact, Company, models.ContactCompany):
        assert {a.name for a in attrs.fields(kind)} >= kind.PROPERTIES


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_models_references_accept_an_id(kind: type) -> None:
    for a in attrs.fields(kind):
        annotation = hints(kind)[a.name]
        inside = choices(annotation)[0]
        many = get_origin(inside) is list
        if PropertyMarker.BY_ID in (marks(get_args(inside)[0]) if many else marks(annotation)):
            target = choices(get_args(inside)[0])[0] if many else inside
            expected = target(id=3)
            assert getattr(kind(**{a.name: [3] if many else 3}), a.name) == ([expected] if many else expected)


def test_models_id_in_place_of_a_reference_encodes_as_the_entity() -> None:
    contact = Contact(owner=3, stage=None)
    assert contact.owner == User(id=3)
    assert contact.stage is None
    assert contact.tags is UNSET
    assert Email(segments=[1, Segment(id=2)]).segments == [Segment(id=1), Segment(id=2)]
    assert Email(segments=None).segments is None


def test_user_password_is_repeated_on_encode_and_hidden_in_repr() -> None:
    user = User(username="ada", plain_password="Long-strong-1!")
    assert user.plain_password
    assert user.plain_password.confirm == "Long-strong-1!"
    assert "Long" not in repr(user) + repr(user.plain_password)


def test_models_repr_shows_set_properties_and_masks_secrets() -> None:
    contact = Contact(id=42, email="ada@example.com", firstname="Ada", city=None, tags=[], points=0)
    assert repr(contact) == str(contact) == "Contact(id=42, points=0, firstname='Ada', email='ada@example.com')"
    assert repr(Webhook(name="n", secret="s3cret")) == "Webhook(name='n', secret='***')"


def test_models_repr_of_an_answer_is_short() -> None:
    raw = recordings.load_exchange("contacts-get-with-dnc")["response"]["body"]["contact"]
    text = repr(codec.decode(Contact, raw))
    assert "None" not in text
    assert "email='EDITH@Example.com'" in text
    assert "do_not_contact=[DoNotContact(id=1, channel='email', reason=3, comments='asked')," in text
    assert len(text) < 500


def test_models_repr_shortens_long_values() -> None:
    email = Email(custom_html="x" * 5000, segments=list(range(1, 100)), publish_up=datetime(2026, 1, 2, tzinfo=UTC))
    assert len(repr(email)) < 400
    assert "publish_up=2026-01-02T00:00:00+00:00" in repr(email)
    item = CustomItem("products", name="Hello", attributes={"sku": "23", "stock": None})
    assert repr(Contact(custom_items=[item])) == (
        "Contact(custom_items=[CustomItem(object='products', name='Hello', attributes={'sku': '23'})])"
    )


def test_repr_of_outcomes_and_pages_shows_no_personal_data() -> None:
    contact = Contact(id=3, email="ada@example.com")
    assert repr(Outcome(0, "created", 3, entity=contact)).count("@") == 0
    assert repr(ResultPage(items=[contact], total=9)) == "ResultPage(items=<1>, total=9, start=0)"


def test_to_dict_is_plain_data_with_custom_fields_flat() -> None:
    contact = Contact(
        id=42,
        email="ada@example.com",
        city=None,
        owner=3,
        last_active=datetime(2026, 1, 2, tzinfo=UTC),
        fields={"seats": 3, "since": date(2026, 1, 2)},
        custom_items=[CustomItem("products", name="Hello", attributes={"sku": "23"})],
    )
    assert contact.to_dict() == {
        "id": 42,
        "email": "ada@example.com",
        "city": None,
        "owner": {"id": 3},
        "last_active": "2026-01-02T00:00:00+00:00",
        "seats": 3,
        "since": "2026-01-02",
        "custom_items": [{"object": "products", "name": "Hello", "attributes": {"sku": "23"}}],
    }


def test_to_dict_masks_secrets_and_keeps_extra() -> None:
    webhook = codec.decode(Webhook, {"id": 3, "name": "n", "secret": "s3cret", "new": [1, {"a": None}]})
    assert webhook.to_dict() == {"id": 3, "name": "n", "secret": "***", "extra": {"new": [1, {"a": None}]}}
    assert "Long" not in json.dumps(User(plain_password="Long-strong-1!").to_dict())


@pytest.mark.parametrize("version", [5, 7])
def test_to_dict_of_every_recorded_entity_is_json(version: recordings.Version) -> None:
    for part in recorded_entities.answered_parts(recorded_entities.exchanges(version)):
        entity: Any = codec.decode(part.model, part.value)
        data = entity.to_dict()
        assert json.loads(json.dumps(data)) == data, part.source
        assert "UNSET" not in json.dumps(data), part.source
        assert len(repr(entity)) < 4000, part.source


def test_to_dict_serves_pydantic_as_serialization() -> None:
    adapter = TypeAdapter(list[Contact])
    contacts = [Contact(id=1, email="ada@example.com", fields={"seats": 3})]
    assert adapter.validate_python(contacts)[0] is contacts[0]
    assert json.loads(adapter.dump_json(contacts)) == [{"id": 1, "email": "ada@example.com", "seats": 3}]
    assert adapter.json_schema(mode="serialization")["items"]["type"] == "object"
    with pytest.raises(ValidationError, match="instance of Contact"):
        adapter.validate_python([{"id": 1}])


def test_models_subclass_keeps_the_short_repr_unless_it_defines_one() -> None:
    @attrs.define(kw_only=True)
    class Customer(Contact):
        seats: models.Maybe[int] = UNSET

    @attrs.define(kw_only=True)
    class Named(Customer):
        def __repr__(self) -> str:
            return "me"

    assert repr(Customer(seats=3, city=None)).endswith("Customer(seats=3)")
    assert repr(Named()) == "me"


def test_custom_item_takes_its_object_first() -> None:
    item = CustomItem("products", name="Hello", attributes={"sku": "2348720", "in-stock": 45})
    assert (item.object, item.name, item.id) == ("products", "Hello", 0)
    with pytest.raises(TypeError):
        CustomItem("products", "Hello")  # type: ignore[call-arg, arg-type]


def test_unset_is_falsy_and_differs_from_none() -> None:
    assert not UNSET
    assert repr(UNSET) == "UNSET"
    assert Contact() == Contact()
    assert Contact(city=None) != Contact()
