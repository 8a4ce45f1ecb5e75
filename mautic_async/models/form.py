"""Forms, and what was submitted in them."""

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
    """A field of a form.

    Attributes:
        id: 0 for a new one.
        label: Required.
        alias: Made from the label if not given; unique in the form.
        type: ``text textarea email number tel url date datetime select country checkboxgrp radiogrp hidden password
            captcha file button freetext freehtml pagebreak companyLookup`` or a plugin's own word. Required.
        show_label: Visible.
        default_value: Filled in at first.
        is_required: Must be filled in.
        validation_message: If it is not.
        help_message: For visitors.
        order: Position.
        properties: What only some types have.
        validation: Rules.
        parent: Id of the field that `conditions` looks at.
        conditions: When it is shown.
        label_attributes: HTML attributes.
        input_attributes: HTML attributes.
        container_attributes: HTML attributes.
        contact_field: Alias of the contact field it fills, as servers before 4.3 had it.
        save_result: Keep what was submitted.
        is_auto_fill: Filled with what is known.
        mapped_object: ``contact`` or ``company``.
        mapped_field: Alias of the field it fills there.

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


@define(kw_only=True)
class FormAction(Entity):
    """What a form does when it was submitted.

    Attributes:
        id: 0 for a new one.
        name: Required.
        description: For people.
        type: ``lead.pointschange``, ``email.send.lead``, ``lead.changelist`` and others. Required.
        order: Position.
        properties: By type.

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
    """A form for visitors.

    Attributes:
        name: Required to create.
        alias: Made by the server, up to 10 characters.
        description: For people.
        category: Of bundle ``form``.
        cached_html: What visitors get. Read only.
        fields: PUT deletes those not listed.
        actions: PUT deletes those not listed.
        template: Name of a theme.
        in_kiosk_mode: Visitors are not tracked.
        render_style: With the theme's style.
        form_type: ``standalone`` or ``campaign``; gone in Mautic 8.
        post_action: ``return``, ``redirect`` or ``message``. An edit without it resets it to ``return``.
        post_action_property: The URL or message; required for these two.
        no_index: Search engines shall not list it.
        form_attributes: HTML attributes.
        language: Code.
        projects: Mautic 7 or newer.

    Mautic: REST API, Forms.
    """

    name: Maybe[str] = UNSET
    alias: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    cached_html: FromServer[str] = field(default=None, repr=False)
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
    """Take an id for the form itself."""
    return as_entity(Form, value)


def as_forms(values: Iterable[Form | int] | Unset | None) -> list[Form] | Unset | None:
    """Take ids for the forms themselves."""
    return as_entities(Form, values)
