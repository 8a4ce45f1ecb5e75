"""Devices of contacts."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from mautic_async.models._base import JSON, UNSET, Entity, Maybe, Ref
from mautic_async.models.contact import Contact, as_contact


@define(kw_only=True)
class Device(Entity):
    """Something that a contact visits with.

    Attributes:
        contact: Required to create.
        client_info: Of the browser or app.
        device: ``desktop``, ``smartphone``, ``tablet``, ...
        device_brand: Maker.
        device_model: Name.
        device_os_name: Operating system.
        device_os_short_name: Three letters of it.
        device_os_version: Of the operating system.
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
