"""Themes."""

from __future__ import annotations

from pathlib import Path

from mautic_async import codec, protocol
from mautic_async.errors import ConfigurationError
from mautic_async.models import Theme
from mautic_async.protocol import Call, Effect
from mautic_async.resources import _responses, _uploads
from mautic_async.resources._base import Namespace


class Themes(Namespace):
    """Themes of pages, e-mails and forms, as zip files. Mautic: REST API, Themes."""

    async def download(self, key: str, to: str | Path) -> Path:
        """Save a theme as a zip file.

        Args:
            key: `Theme.key`.
            to: Path of the file, which is written when the download is complete.

        Raises:
            ServerError: There is no such theme; Mautic answers 500.
            UnexpectedResponse: The answer is not a zip file.

        Mautic: REST API, Themes, Get (GET /themes/KEY).
        """
        return await _uploads.download(
            self._send, Call("GET", protocol.build_path("themes", key)), Path(to), magic=b"PK"
        )

    async def upload(self, source: str | Path | bytes, *, name: str = "") -> None:
        """Install a theme, replacing one of the same key.

        Args:
            source: Path of a zip file, or its content.
            name: File name ``KEY.zip``. Required with a content; otherwise the name of the path.

        Raises:
            ConfigurationError: The file cannot be read, or its name does not end in ``.zip``.
            ServerError: Mautic cannot read the file; it answers 500.

        Mautic: REST API, Themes, Create (POST /themes/new).
        """
        file = _uploads.file_part(source, name)
        if not file.filename.endswith(".zip"):
            raise ConfigurationError(f"a theme must be a zip file whose name ends in .zip, not {file.filename!r}")
        await self._send(Call("POST", "themes/new", Effect.IDEMPOTENT, file=file))

    async def delete(self, key: str) -> None:
        """Delete a theme.

        Raises:
            ServerError: There is no such theme, or it cannot be deleted; Mautic answers 500 to both.

        Mautic: REST API, Themes, Delete (DELETE /themes/KEY/delete).
        """
        await self._send(Call("DELETE", protocol.build_path("themes", key, "delete"), Effect.IDEMPOTENT))

    async def list(self) -> list[Theme]:
        """Return all themes.

        Mautic: REST API, Themes, List (GET /themes).
        """
        call = Call("GET", "themes")
        rows = _responses.expect_rows(call, _responses.expect_mapping(call, await self._send_for_body(call), "themes"))
        return [codec.decode(Theme, row) for row in rows]
