"""Definitions of the custom fields of contacts and companies."""

from __future__ import annotations

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, FromServer, Maybe, Nested, Published, ToServer


@define(kw_only=True)
class FieldOption(Nested):
    """One choice of a select or multiselect field.

    Attributes:
        label: What people see.
        value: What contacts hold.

    Mautic: REST API, Fields.
    """

    label: Maybe[str] = UNSET
    value: Maybe[str] = UNSET


@define(kw_only=True)
class FieldProperties(Nested):
    """What only some types of field have.

    Attributes:
        options: The choices of ``select``, ``multiselect`` and ``lookup``; the last has plain texts.
        yes: The label of a ``boolean`` that is true.
        no: The label of a ``boolean`` that is false.
        roundmode: Of a ``number``: PHP's rounding mode, 1 to 7.
        scale: Of a ``number``: decimal places.
        format: Of a ``date``, ``datetime`` or ``time``: how people see it.

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
    """The definition of a custom field, of contacts or of companies.

    Attributes:
        label: Required to create.
        alias: The key under which contacts hold it. Made from the label if not given; cannot change later.
        type: ``text textarea html email tel url number boolean date datetime time select multiselect lookup country
            region timezone locale``; cannot change later.
        group: ``core social personal professional``, for companies ``core professional other``.
        order: Position among all fields. Read only.
        in_place_of: Id of a field whose position this one takes; the others move down. Write only.
        object: ``lead`` for contacts, ``company``. Read only: the path of the call decides.
        default_value: Of new entities; as text, whatever the type.
        is_required: In forms of Mautic.
        is_fixed: Belongs to Mautic and cannot be deleted. Read only.
        is_listable: Can be used in segments and columns.
        is_visible: On the form of a contact.
        is_short_visible: On the short form of a contact.
        is_unique_identifier: A new contact with a known value updates the old one.
        is_publicly_updatable: Visitors may set it by URL.
        is_index: The database keeps an index. Required by PUT. Write only.
        char_length_limit: Longest text, in characters. Required by PUT. Write only.
        properties: What only some types have; required for ``select``, ``multiselect`` and ``boolean``.
        pending: Just created, and not usable until a job of the server has made its column. Never sent.

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
    is_index: ToServer[bool] = UNSET
    char_length_limit: ToServer[int] = UNSET
    properties: Maybe[FieldProperties] = UNSET
    pending: bool = field(default=False, metadata={"json_write": ""})


@define(kw_only=True)
class ContactField(Nested):
    """What an answer says of a field beside the value that one contact or company holds in it. Read only.

    Attributes:
        id: Of the definition.
        label: What people see.
        alias: The key in `fields`.
        type: As in `Field`.
        group: As in `Field`.
        object: ``lead`` or ``company``; not in the answer to a creation.
        is_fixed: Belongs to Mautic; not in the answer to a creation.
        properties: A map after a creation, text in PHP's own format later: prefer the definition, from
            ``contact_fields``.
        default_value: Of new entities; not in the answer to a creation.
        value: What this contact holds.
        normalized_value: The same as people see it: labels of options.

    Mautic: REST API, Contacts.
    """

    id: FromServer[int] = None
    label: FromServer[str] = None
    alias: FromServer[str] = None
    type: FromServer[str] = None
    group: FromServer[str] = None
    object: FromServer[str] = None
    is_fixed: FromServer[bool] = field(default=None, metadata={"json": "is_fixed"})
    properties: FromServer[JSON] = field(default=None, repr=False)
    default_value: FromServer[JSON] = field(default=None, metadata={"json": "default_value"})
    value: FromServer[JSON] = field(default=None, repr=False)
    normalized_value: FromServer[JSON] = field(default=None, repr=False)
