"""Notifications."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Notification
from mautic_async.resources._base import Endpoint, Resource


class Notifications(Resource[Notification]):
    """Push notifications for browsers and phones. Mautic: REST API, Notifications."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "notifications", one="notification", many="notifications", model=Notification, replace_requires=("language",)
    )
