"""Items of custom objects (a plugin), as contacts carry them and as the plugin's own API has them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Entity, FieldValue, FromServer, Maybe, Nested


@define(kw_only=True)
class CustomItemValue(Nested):
    """One value of an item, as ``/api/v2`` has it.

    Attributes:
        id: Address of the custom field: ``/api/v2/custom_fields/7``.
        value: In the form of the field's type.

    Mautic: Custom Objects plugin, API v2.
    """

    id: Maybe[str] = UNSET
    value: Maybe[JSON] = UNSET


@define
class CustomItem(Entity):
    """One item of a custom object: ``CustomItem("products", name="Hello", attributes={"sku": "23"})``.

    Within a contact, an item with an `id` is changed and linked, one without is created and
    linked; nothing is ever unlinked.

    Attributes:
        object: Alias of its custom object.
        object_id: Id of its custom object, instead of the alias; it wins if both are given.
        name: Required to create.
        attributes: Values by alias of the object's fields. Unset ones are read as ``""``, 0, ``[]`` or None, by type.
        language: Read only within a contact.
        is_published: Read only.
        date_added: Read only.
        date_modified: Read only.
        created_by: Id of a user. Read only.
        modified_by: Id of a user. Read only.
        category: A map within a contact, an address in ``/api/v2``. Read only.
        iri: Its own address in ``/api/v2``; also for the next two, which contacts do not use. Read only.
        custom_object: Address of its custom object: ``/api/v2/custom_objects/1``.
        field_values: Its values.

    Mautic: Custom Objects plugin, contacts API and API v2.
    """

    object: str = ""
    object_id: int = field(default=0, kw_only=True)
    name: Maybe[str] = field(default=UNSET, kw_only=True)
    attributes: Mapping[str, FieldValue] = field(factory=dict, kw_only=True, repr=False)
    language: FromServer[str] = field(default=None, kw_only=True)
    is_published: FromServer[bool] = field(default=None, kw_only=True)
    date_added: FromServer[datetime] = field(default=None, kw_only=True)
    date_modified: FromServer[datetime] = field(default=None, kw_only=True)
    created_by: FromServer[int] = field(default=None, kw_only=True)
    modified_by: FromServer[int] = field(default=None, kw_only=True)
    category: FromServer[JSON] = field(default=None, kw_only=True)
    iri: FromServer[str] = field(default=None, kw_only=True, metadata={"json": "@id"})
    custom_object: Maybe[str] = field(default=UNSET, kw_only=True)
    field_values: Maybe[list[CustomItemValue]] = field(default=UNSET, kw_only=True, repr=False)
