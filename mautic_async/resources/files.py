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
    """Files in the folders ``images`` and ``media``; Mautic checks no permission. Mautic: REST API, Files."""

    async def list(self, folder: Folder, *, subfolder: str = "") -> list[str]:
        """The names of files and folders in a folder.

        Args:
            folder: ``images`` or ``media``.
            subfolder: Below it: ``sub/deep``.

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
        """Upload a file. The server gives it a random name: use the one returned.

        Args:
            folder: ``images`` or ``media``.
            source: A path, or the content itself.
            name: Only its ending is kept; needed with a content, otherwise the path's own.
            subfolder: Below it; made if need be, one level.

        Raises:
            ConfigurationError: The file cannot be read, or has no name.
            Rejected: The folder is not one of the two; or the ending is not allowed, and the server has stored the file
                under another one, which the message tells.
            OutcomeUnknown: It may have been stored; a repetition would store it twice.

        Mautic: REST API, Files, Create (POST /files/FOLDER/new).
        """
        file = _uploads.file_part(source, name)
        path = protocol.build_path("files", folder, "new")
        call = Call("POST", path, Effect.NON_IDEMPOTENT, query=_subfolder_query(subfolder), file=file)
        stored = codec.decode(UploadedFile, _responses.expect_mapping(call, await self._send_for_body(call), "file"))
        suffix = PurePath(file.filename).suffix.lower()
        if not stored.name or PurePath(stored.name).suffix.lower() != suffix:
            message = (
                f"it was stored as {stored.name}: files may not end in {suffix}" if stored.name else "it was not stored"
            )
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
