"""What was submitted in forms."""

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
    """One visitor's answers to a form. Read only.

    Attributes:
        form: Only its names.
        contact: Only its core fields; None if nobody is known.
        ip_address: Where it came from.
        tracking_id: Of the visitor's device.
        date_submitted: When.
        referer: URL of the page with the form.
        page: If it was a landing page.
        results: Answers by alias of the form's field.

    Mautic: REST API, Forms (list submissions).
    """

    form: FromServer[Form] = None
    contact: FromServer[Contact] = field(default=None, metadata={"json": "lead"})
    ip_address: FromServer[IpAddress] = field(default=None, repr=False)
    tracking_id: FromServer[str] = None
    date_submitted: FromServer[datetime] = None
    referer: FromServer[str] = None
    page: FromServer[Page] = None
    results: FromServer[Mapping[str, JSON]] = field(default=None, repr=False)
