"""Custom objects and their fields (a plugin), as ``/api/v2`` has them; their items are in `custom_item`."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Entity, FromServer, Maybe, Nested


@define(kw_only=True)
class CustomFieldOption(Nested):
    """One choice of a field.

    Attributes:
        label: What people see.
        value: What items hold.
        order: Position.

    Mautic: Custom Objects plugin, API v2.
    """

    label: Maybe[str] = UNSET
    value: Maybe[str] = UNSET
    order: Maybe[int] = UNSET


@define(kw_only=True)
class CustomField(Entity):
    """The definition of a field of a custom object. Not tried on a live server.

    Attributes:
        iri: Its address: ``/api/v2/custom_fields/7``. Read only.
        label: What people see.
        alias: The key in `CustomItem.attributes`.
        type: ``text textarea int date datetime select multiselect country url email phone hidden``. Required.
        custom_object: Address of its object.
        order: Position.
        required: Must be filled in.
        default_value: By type.
        options: Of a ``select`` or ``multiselect``.
        params: Messages, placeholder and the like.

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
    """A kind of thing that contacts can have. Not tried on a live server.

    Attributes:
        iri: Its address: ``/api/v2/custom_objects/1``. Read only.
        alias: Its name in `CustomItem.object`.
        name_singular: For people.
        name_plural: For people.
        description: For people.
        language: Code.
        category: Address of one.
        custom_fields: Their definitions.
        type: 0 for things by themselves, 1 for what tells more of a relationship.
        master_object: Address of the object that it tells more of.
        relationship_object: Address of the object that tells more of it.

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
