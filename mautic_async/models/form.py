"""Forms, with their fields and actions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import define, field

from mautic_async.models._base import (
    JSON,
    UNSET,
    Entity,
    FromServer,
    Maybe,
    Ref,
    Scheduled,
    Unset,
    as_entities,
    as_entity,
)
from mautic_async.models.category import Category, as_category
from mautic_async.models.project import Project, as_projects


@define(kw_only=True)
class FormField(Entity):
    """Field of a form.

    Attributes:
        id: 0 for a new one.
        label: Required.
        alias: Derived from the label if not given; unique in the form.
        type: ``text textarea email number tel url date datetime select country checkboxgrp radiogrp hidden password
            captcha file button freetext freehtml pagebreak companyLookup`` or a plugin's word. Required.
        show_label: Show the label.
        default_value: Initial value.
        is_required: Visitors must fill it in.
        validation_message: Error shown if it is empty.
        help_message: Help text for visitors.
        order: Position, from 1.
        properties: Settings, whose keys depend on `type`.
        validation: Validation rules, whose keys depend on `type`.
        parent: Id of the field to which `conditions` refer.
        conditions: Conditions under which it is shown.
        label_attributes: HTML attributes of the label.
        input_attributes: HTML attributes of the input.
        container_attributes: HTML attributes of the container.
        contact_field: Alias of the contact field that it fills, on servers before 4.3.
        save_result: Store the submitted value.
        is_auto_fill: Filled with the contact's known value.
        mapped_object: ``contact`` or ``company``.
        mapped_field: Alias of the field that it fills there.
        field_width: Width of the field, such as ``100%``. Mautic 6 or newer.
        is_read_only: Visitors cannot change the value. Mautic 6 or newer.

    Mautic: REST API, Forms.
    """

    id: int = field(default=0, metadata={"sent": True})
    label: Maybe[str] = UNSET
    alias: Maybe[str] = UNSET
    type: Maybe[str] = UNSET
    show_label: Maybe[bool] = UNSET
    default_value: Maybe[str] = UNSET
    is_required: Maybe[bool] = UNSET
    validation_message: Maybe[str] = UNSET
    help_message: Maybe[str] = UNSET
    order: Maybe[int] = UNSET
    properties: Maybe[Mapping[str, JSON]] = UNSET
    validation: Maybe[Mapping[str, JSON]] = UNSET
    parent: Maybe[str] = UNSET
    conditions: Maybe[Mapping[str, JSON]] = UNSET
    label_attributes: Maybe[str] = UNSET
    input_attributes: Maybe[str] = UNSET
    container_attributes: Maybe[str] = UNSET
    contact_field: Maybe[str] = field(default=UNSET, metadata={"json": "leadField"})
    save_result: Maybe[bool] = UNSET
    is_auto_fill: Maybe[bool] = UNSET
    mapped_object: Maybe[str] = UNSET
    mapped_field: Maybe[str] = UNSET
    field_width: Maybe[str] = UNSET
    is_read_only: Maybe[bool] = UNSET


@define(kw_only=True)
class FormAction(Entity):
    """Action of a form after its submission.

    Attributes:
        id: 0 for a new one.
        name: Required.
        description: Text for users of Mautic.
        type: ``lead.pointschange``, ``email.send.lead``, ``lead.changelist`` and others. Required.
        order: Position, from 1.
        properties: Settings, whose keys depend on `type`.

    Mautic: REST API, Forms.
    """

    id: int = field(default=0, metadata={"sent": True})
    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    type: Maybe[str] = UNSET
    order: Maybe[int] = UNSET
    properties: Maybe[Mapping[str, JSON]] = UNSET


@define(kw_only=True)
class Form(Scheduled):
    """Form for visitors.

    Attributes:
        name: Required to create.
        alias: Assigned by the server, up to 10 characters.
        description: Text for users of Mautic.
        category: Category of bundle ``form``.
        cached_html: HTML that visitors get. Read only.
        fields: Fields; PUT deletes those not listed.
        actions: Actions; PUT deletes those not listed.
        template: `Theme.key` of a theme.
        in_kiosk_mode: Do not track visitors.
        render_style: Render with the style of the theme.
        form_type: ``standalone`` or ``campaign``; gone in Mautic 8.
        post_action: ``return``, ``redirect`` or ``message``. Mautic resets it in edits that do not name it, so
            `forms.edit` sends the stored one along.
        post_action_property: URL or message; required for these two.
        no_index: Ask search engines not to list it.
        form_attributes: HTML attributes of the form.
        language: Language code, such as ``en``.
        projects: Projects that it belongs to. Mautic 7 or newer.

    Mautic: REST API, Forms.
    """

    name: Maybe[str] = UNSET
    alias: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    cached_html: FromServer[str] = None
    fields: Maybe[list[FormField]] = UNSET
    actions: Maybe[list[FormAction]] = UNSET
    template: Maybe[str] = UNSET
    in_kiosk_mode: Maybe[bool] = UNSET
    render_style: Maybe[bool] = UNSET
    form_type: Maybe[str] = UNSET
    post_action: Maybe[str] = UNSET
    post_action_property: Maybe[str] = UNSET
    no_index: Maybe[bool] = UNSET
    form_attributes: Maybe[str] = UNSET
    language: Maybe[str] = UNSET
    projects: Maybe[list[Ref[Project]]] = field(default=UNSET, converter=as_projects)


def as_form(value: Form | int | Unset | None) -> Form | Unset | None:
    """Return the form itself for an id."""
    return as_entity(Form, value)


def as_forms(values: Iterable[Form | int] | Unset | None) -> list[Form] | Unset | None:
    """Return the forms themselves for ids."""
    return as_entities(Form, values)
