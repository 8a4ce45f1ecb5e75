"""Files in the server's media folders."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mautic_async import codec, protocol
from mautic_async.errors import Rejected
from mautic_async.models import UploadedFile
from mautic_async.protocol import Call, Effect
from mautic_async.resources import _responses, _uploads
from mautic_async.resources._base import Namespace

if TYPE_CHECKING:
    from mautic_async.protocol import QueryParams

Folder: TypeAlias = Literal["images", "media"]


class Files(Namespace):
    """Files in the folders ``images`` and ``media``; Mautic checks no permissions. Mautic: REST API, Files."""

    async def list(self, folder: Folder, *, subfolder: str = "") -> list[str]:
        """Return the names of the files and folders in a folder.

        Args:
            folder: ``images`` or ``media``.
            subfolder: Path below the folder, such as ``sub/deep``.

        Raises:
            Rejected: The folder is not one of the two (406).

        Mautic: REST API, Files, List (GET /files/FOLDER).
        """
        call = Call("GET", protocol.build_path("files", folder), query=_subfolder_query(subfolder))
        return [
            str(name) for name in _responses.expect_mapping(call, await self._send_for_body(call), "files").values()
        ]

    async def upload(
        self, folder: Folder, source: str | Path | bytes, *, name: str = "", subfolder: str = ""
    ) -> UploadedFile:
        """Upload a file. The server assigns a random name: use the returned one.

        Args:
            folder: ``images`` or ``media``.
            source: Path of a file, or its content.
            name: File name, of which the server keeps the extension. Required with a content; otherwise the name of the
                path.
            subfolder: Folder below it, one level deep, which Mautic creates if it does not exist.

        Raises:
            ConfigurationError: The file cannot be read, or has no name.
            Rejected: The folder is not one of the two; or the extension is not allowed, and the server has stored the
                file under the name in the message.
            OutcomeUnknown: It may have been stored; a repetition would store it twice.

        Mautic: REST API, Files, Create (POST /files/FOLDER/new).
        """
        file = _uploads.file_part(source, name)
        path = protocol.build_path("files", folder, "new")
        call = Call("POST", path, Effect.NON_IDEMPOTENT, query=_subfolder_query(subfolder), file=file)
        stored = codec.decode(UploadedFile, _responses.expect_mapping(call, await self._send_for_body(call), "file"))
        suffix = PurePath(file.filename).suffix.lower()
        if not stored.name or PurePath(stored.name).suffix.lower() != suffix:
            stored_as = f"it was stored as {stored.name}: the server does not allow the extension {suffix}"
            message = stored_as if stored.name else "it was not stored"
            raise Rejected(f"{call} rejected (although with status 200): {message}", status=200, call=str(call))
        return stored

    async def delete(self, folder: Folder, name: str, *, subfolder: str = "") -> None:
        """Delete a file.

        Raises:
            NotFound: There is no such file.
            Rejected: The folder is not one of the two (406).

        Mautic: REST API, Files, Delete (DELETE /files/FOLDER/NAME/delete).
        """
        path = protocol.build_path("files", folder, name, "delete")
        await self._send(Call("DELETE", path, Effect.IDEMPOTENT, query=_subfolder_query(subfolder)))


def _subfolder_query(subfolder: str) -> QueryParams:
    query: dict[str, Any] = {"subdir": subfolder or None}
    return protocol.encode_query(query)
