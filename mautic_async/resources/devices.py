"""Devices."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Device
from mautic_async.resources._base import Endpoint, Resource


class Devices(Resource[Device]):
    """Devices of contacts. Mautic: REST API, Devices."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "devices", one="device", many="devices", model=Device, filters_published=False, create_requires=("lead",)
    )
