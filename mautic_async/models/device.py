"""Devices of contacts."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Entity, Maybe, Ref
from mautic_async.models.contact import Contact, as_contact


@define(kw_only=True)
class Device(Entity):
    """Device with which a contact visits pages.

    Attributes:
        contact: Contact who uses it. Required to create.
        client_info: Name, version and engine of the browser or app. Mautic does not store it from the API.
        device: ``desktop``, ``smartphone``, ``tablet``, ...
        device_brand: Manufacturer.
        device_model: Name of the model.
        device_os_name: Operating system.
        device_os_short_name: Three-letter code of the operating system.
        device_os_version: Version of the operating system.
        device_os_platform: ``x64``, ``arm``, ...

    Mautic: REST API, Devices.
    """

    contact: Maybe[Ref[Contact]] = field(default=UNSET, converter=as_contact, metadata={"json": "lead"})
    client_info: Maybe[Mapping[str, JSON]] = UNSET
    device: Maybe[str] = UNSET
    device_brand: Maybe[str] = UNSET
    device_model: Maybe[str] = UNSET
    device_os_name: Maybe[str] = UNSET
    device_os_short_name: Maybe[str] = UNSET
    device_os_version: Maybe[str] = UNSET
    device_os_platform: Maybe[str] = UNSET
