"""Files in the server's media folders."""

from __future__ import annotations

from attrs import define

from mautic_async.models._base import FromServer, Nested


@define(kw_only=True)
class UploadedFile(Nested):
    """Stored file. Read only.

    Attributes:
        name: Name assigned by the server, which replaces extensions that it does not allow by ``.txt``.
        link: URL of an image, built from the host name of the request as the server sees it.

    Mautic: REST API, Files.
    """

    name: FromServer[str] = None
    link: FromServer[str] = None
