"""Custom objects and their fields (a plugin) in ``/api/v2``; `custom_item` has their items."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Entity, FromServer, Maybe, Nested


@define(kw_only=True)
class CustomFieldOption(Nested):
    """Option of a field.

    Attributes:
        label: Text shown to users.
        value: Value stored in items.
        order: Position, from 1.

    Mautic: Custom Objects plugin, API v2.
    """

    label: Maybe[str] = UNSET
    value: Maybe[str] = UNSET
    order: Maybe[int] = UNSET


@define(kw_only=True)
class CustomField(Entity):
    """Definition of a field of a custom object. Not tested against a real server.

    Attributes:
        iri: IRI, such as ``/api/v2/custom_fields/7``. Read only.
        label: Text shown to users.
        alias: Key in `CustomItem.attributes`.
        type: ``text textarea int date datetime select multiselect country url email phone hidden``. Required.
        custom_object: IRI of the custom object.
        order: Position, from 1.
        required: Items must have a value.
        default_value: Value of new items, in the JSON form of `type`.
        options: Options of a ``select`` or ``multiselect``.
        params: Messages, placeholder and other settings of the form.

    Mautic: Custom Objects plugin, API v2.
    """

    iri: FromServer[str] = field(default=None, metadata={"json": "@id"})
    label: Maybe[str] = UNSET
    alias: Maybe[str] = UNSET
    type: Maybe[str] = UNSET
    custom_object: Maybe[str] = UNSET
    order: Maybe[int] = UNSET
    required: Maybe[bool] = UNSET
    default_value: Maybe[JSON] = UNSET
    options: Maybe[list[CustomFieldOption]] = UNSET
    params: Maybe[Mapping[str, JSON]] = UNSET


@define(kw_only=True)
class CustomObject(Entity):
    """Kind of item that contacts can be linked to. Not tested against a real server.

    Attributes:
        iri: IRI, such as ``/api/v2/custom_objects/1``. Read only.
        alias: Name in `CustomItem.object`.
        name_singular: Name of one item.
        name_plural: Name of several items.
        description: Text for users of Mautic.
        language: Language code, such as ``en``.
        category: IRI of a category.
        custom_fields: Definitions of its fields.
        type: 0 for a normal object, 1 for one that holds the fields of a relationship.
        master_object: IRI of the object whose relationships this one describes.
        relationship_object: IRI of the object that describes the relationships of this one.

    Mautic: Custom Objects plugin, API v2.
    """

    iri: FromServer[str] = field(default=None, metadata={"json": "@id"})
    alias: Maybe[str] = UNSET
    name_singular: Maybe[str] = UNSET
    name_plural: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    language: Maybe[str] = UNSET
    category: Maybe[str] = UNSET
    custom_fields: Maybe[list[CustomField]] = UNSET
    type: Maybe[int] = UNSET
    master_object: Maybe[str] = UNSET
    relationship_object: Maybe[str] = UNSET
