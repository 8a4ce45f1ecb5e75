"""Files in the server's media folders."""

from __future__ import annotations

from attrs import define

from mautic_async.models._base import FromServer, Nested


@define(kw_only=True)
class UploadedFile(Nested):
    """A file as the server stored it. Read only.

    Attributes:
        name: Made by the server, with the extension it chose: ``.txt`` for what it did not allow.
        link: URL of a picture, as the server sees itself: not always reachable.

    Mautic: REST API, Files.
    """

    name: FromServer[str] = None
    link: FromServer[str] = None
