"""Submissions of forms."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from attrs import define, field

from mautic_async.models._base import JSON, Entity, FromServer
from mautic_async.models.contact import Contact
from mautic_async.models.form import Form
from mautic_async.models.ip_address import IpAddress
from mautic_async.models.page import Page


@define(kw_only=True)
class Submission(Entity):
    """Submission of a form by a visitor. Read only.

    Attributes:
        form: Form, with id, name and alias only.
        contact: Contact with its core fields only; None for an unknown visitor.
        ip_address: Address of the visitor.
        tracking_id: Id of the visitor's device.
        date_submitted: Time of the submission.
        referer: URL of the page with the form.
        page: Landing page with the form, if it was one.
        results: Submitted values, by alias of the form's field.

    Mautic: REST API, Forms (list submissions).
    """

    form: FromServer[Form] = None
    contact: FromServer[Contact] = field(default=None, metadata={"json": "lead"})
    ip_address: FromServer[IpAddress] = None
    tracking_id: FromServer[str] = None
    date_submitted: FromServer[datetime] = None
    referer: FromServer[str] = None
    page: FromServer[Page] = None
    results: FromServer[Mapping[str, JSON]] = None
