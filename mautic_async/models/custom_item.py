"""Items of custom objects (a plugin), within contacts and in the plugin's own API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Entity, FieldValue, FromServer, Maybe, Nested


@define(kw_only=True)
class CustomItemValue(Nested):
    """Value of an item in ``/api/v2``.

    Attributes:
        id: IRI of the custom field: ``/api/v2/custom_fields/7``.
        value: Value in the JSON form of the field's type.

    Mautic: Custom Objects plugin, API v2.
    """

    id: Maybe[str] = UNSET
    value: Maybe[JSON] = UNSET


@define
class CustomItem(Entity):
    """Item of a custom object: ``CustomItem("products", name="Hello", attributes={"sku": "23"})``.

    Writing a contact changes and links items that have an `id`, and creates and links items that have none. It never
    unlinks an item.

    Attributes:
        object: Alias of the custom object.
        object_id: Id of the custom object, which takes precedence over the alias.
        name: Required to create.
        attributes: Values by alias of the object's fields. Unset ones are read as ``""``, 0, ``[]`` or None, by type.
        language: Language code. Read only.
        is_published: In use. Read only.
        date_added: Time of creation. Read only.
        date_modified: Time of the last change. Read only.
        created_by: Id of the user who created it. Read only.
        modified_by: Id of the user of the last change. Read only.
        category: Map within a contact, IRI in ``/api/v2``. Read only.
        iri: IRI of the item, only in ``/api/v2``. Read only.
        custom_object: IRI of the custom object, only in ``/api/v2``: ``/api/v2/custom_objects/1``.
        field_values: Values, only in ``/api/v2``.

    Mautic: Custom Objects plugin, contacts API and API v2.
    """

    object: str = ""
    object_id: int = field(default=0, kw_only=True)
    name: Maybe[str] = field(default=UNSET, kw_only=True)
    attributes: Mapping[str, FieldValue] = field(factory=dict, kw_only=True)
    language: FromServer[str] = field(default=None, kw_only=True)
    is_published: FromServer[bool] = field(default=None, kw_only=True)
    date_added: FromServer[datetime] = field(default=None, kw_only=True)
    date_modified: FromServer[datetime] = field(default=None, kw_only=True)
    created_by: FromServer[int] = field(default=None, kw_only=True)
    modified_by: FromServer[int] = field(default=None, kw_only=True)
    category: FromServer[JSON] = field(default=None, kw_only=True)
    iri: FromServer[str] = field(default=None, kw_only=True, metadata={"json": "@id"})
    custom_object: Maybe[str] = field(default=UNSET, kw_only=True)
    field_values: Maybe[list[CustomItemValue]] = field(default=UNSET, kw_only=True)
