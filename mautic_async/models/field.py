"""Definitions of the custom fields of contacts and companies."""

from __future__ import annotations

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, FromServer, Maybe, Nested, Published, ToServer


@define(kw_only=True)
class FieldOption(Nested):
    """Option of a select or multiselect field.

    Attributes:
        label: Text shown to users.
        value: Value stored in contacts.

    Mautic: REST API, Fields.
    """

    label: Maybe[str] = UNSET
    value: Maybe[str] = UNSET


@define(kw_only=True)
class FieldProperties(Nested):
    """Properties that depend on the type of the field.

    Attributes:
        options: Options of ``select``, ``multiselect`` and ``lookup``; those of ``lookup`` are plain strings.
        yes: Label of true, for a ``boolean``.
        no: Label of false, for a ``boolean``.
        roundmode: PHP's rounding mode of a ``number``, 1 to 7.
        scale: Decimal places of a ``number``.
        format: Display format of a ``date``, ``datetime`` or ``time``.

    Mautic: REST API, Fields.
    """

    options: Maybe[list[FieldOption | str]] = field(default=UNSET, metadata={"json": "list"})
    yes: Maybe[str] = UNSET
    no: Maybe[str] = UNSET
    roundmode: Maybe[int] = UNSET
    scale: Maybe[int] = UNSET
    format: Maybe[str] = UNSET


@define(kw_only=True)
class Field(Published):
    """Definition of a custom field of contacts or companies.

    Attributes:
        label: Required to create.
        alias: Key of the value in contacts. Derived from the label if not given; cannot change later.
        type: ``text textarea html email tel url number boolean date datetime time select multiselect lookup country
            region timezone locale``; cannot change later.
        group: ``core social personal professional``, for companies ``core professional other``.
        order: Position among all fields. Read only.
        in_place_of: Id of a field whose position this one takes; that one and later ones move down. Write only.
        object: ``lead`` for contacts, ``company`` for companies. Read only: set by the path of the call.
        default_value: Value of new entities, as text for every type.
        is_required: Required in forms of Mautic's user interface.
        is_fixed: Part of Mautic: cannot be deleted. Read only.
        is_listable: Available for segments and columns of lists.
        is_visible: Shown on the form of a contact.
        is_short_visible: Shown on the short form of a contact.
        is_unique_identifier: Creating a contact with a known value updates the contact that has it.
        is_publicly_updatable: Visitors may set it by URL.
        is_index: Has an index in the database. Mautic 5 stores it, but does not show it.
        char_length_limit: Longest text, in characters. Mautic 5 stores it, but does not show it.
        properties: Properties that depend on the type; required for ``select``, ``multiselect`` and ``boolean``. Mautic
            checks the default of a ``select`` against the options of the same request.
        pending: True after a creation whose database column a job of the server has yet to add. Never sent.

    Mautic: REST API, Fields.
    """

    label: Maybe[str] = UNSET
    alias: Maybe[str] = UNSET
    type: Maybe[str] = UNSET
    group: Maybe[str] = UNSET
    order: FromServer[int] = None
    in_place_of: ToServer[int] = field(default=UNSET, metadata={"json": "order"})
    object: FromServer[str] = None
    default_value: Maybe[str] = UNSET
    is_required: Maybe[bool] = UNSET
    is_fixed: FromServer[bool] = None
    is_listable: Maybe[bool] = UNSET
    is_visible: Maybe[bool] = UNSET
    is_short_visible: Maybe[bool] = UNSET
    is_unique_identifier: Maybe[bool] = UNSET
    is_publicly_updatable: Maybe[bool] = UNSET
    is_index: Maybe[bool] = UNSET
    char_length_limit: Maybe[int] = UNSET
    properties: Maybe[FieldProperties] = UNSET
    pending: bool = field(default=False, metadata={"json_write": ""})


@define(kw_only=True)
class ContactField(Nested):
    """Definition of a field in the answer of a contact or company, with its value. Read only.

    Attributes:
        id: Id of the definition.
        label: Text shown to users.
        alias: Key in `fields`.
        type: Type, as in `Field`.
        group: Group, as in `Field`.
        object: ``lead`` or ``company``; None in the answer to a creation.
        is_fixed: Part of Mautic; None in the answer to a creation.
        properties: Map in the answer to a creation, PHP-serialized text in others. ``contact_fields`` always has a map.
        default_value: Value of new entities; None in the answer to a creation.
        value: Value of this contact or company.
        normalized_value: Value for display, such as the label of an option.

    Mautic: REST API, Contacts.
    """

    id: FromServer[int] = None
    label: FromServer[str] = None
    alias: FromServer[str] = None
    type: FromServer[str] = None
    group: FromServer[str] = None
    object: FromServer[str] = None
    is_fixed: FromServer[bool] = field(default=None, metadata={"json": "is_fixed"})
    properties: FromServer[JSON] = None
    default_value: FromServer[JSON] = field(default=None, metadata={"json": "default_value"})
    value: FromServer[JSON] = None
    normalized_value: FromServer[JSON] = None
