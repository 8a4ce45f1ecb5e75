"""Assets, and the folders their files come from."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import Refused, Said, missing
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import Noun
from mautic_async.testing.resources._properties import (
    ID,
    NOT_NULL,
    Prop,
    category,
    choice,
    plain,
    rich,
    schedule,
    switch,
)

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.store import Row

_FOLDERS: Final = ("images", "media")
_HIDDEN: Final = 3
"""Entries of a folder that a listing leaves out: the two dots, and a hidden file."""
_ALLOWED: Final = frozenset(
    [
        "csv",
        "doc",
        "docx",
        "epub",
        "gif",
        "jpg",
        "jpeg",
        "mpg",
        "mpeg",
        "mp3",
        "odt",
        "odp",
        "ods",
        "pdf",
        "png",
        "ppt",
        "pptx",
        "tif",
        "tiff",
        "txt",
        "xls",
        "xlsx",
        "wav",
    ]
)
_ICON: Final = {"ico": "image/x-icon"}


def _url(value: Any, row: Row, ask: Ask) -> str:
    del value
    return ask.fake.absolute(f"/asset/{'' if row['id'] is None else row['id']}:{row['alias']}")


class Assets(Noun):
    """Assets; each save is a revision."""

    path = "assets"
    one, many = "asset", "assets"
    permission = "asset:assets"
    order = ("title",)
    searched = ("title", "alias")
    commands = ("is", "category", "lang")
    audit = ("asset", "asset")
    props = (
        ID,
        Prop("title", required="Assset Title is required."),
        Prop("alias", plain),
        category(),
        Prop("description", rich),
        Prop("language", plain, default="en", blank=NOT_NULL, minimal=False),
        *schedule(),
        Prop("downloadCount", default=0, writable=False, minimal=False),
        Prop("uniqueDownloadCount", default=0, writable=False, minimal=False),
        Prop("revision", default=1, writable=False, minimal=False),
        Prop("extension", writable=False, minimal=False),
        Prop("mime", writable=False, minimal=False),
        Prop("size", writable=False, minimal=False),
        Prop("downloadUrl", writable=False, minimal=False),
        Prop("storageLocation", choice("local", "remote"), default="local", blank="local", minimal=False),
        Prop("disallow", switch, default=True, blank=False, minimal=False),
    )

    def show(self, row: Row, ask: Ask, *, minimal: bool = False, fresh: bool = False) -> Any:
        """With the URL to download it from."""
        shown = super().show(row, ask, minimal=minimal, fresh=fresh)
        if not minimal:
            shown["downloadUrl"] = _url(None, row, ask)
        return shown

    def bind(self, row: Row | None, params: dict[str, Any], method: str, ask: Ask) -> Row:
        """Look at the file first: without one nothing is bound, and in a batch an empty form is."""
        told: dict[str, Any] = {}
        try:
            told = self._file(row, params, method, ask)
        except Refused:
            if not _parts.batch(ask):
                raise
            params = {}
        draft = super().bind(row, params, method, ask) | told
        alias = _parts.slug(draft["alias"] or draft["title"])
        draft["alias"] = _parts.unique(alias, None if row is None else row["id"], self.table(ask))
        draft["revision"] = 1 if row is None else row["revision"] + 1
        return draft

    def _file(self, row: Row | None, params: dict[str, Any], method: str, ask: Ask) -> dict[str, Any]:
        name = php.text(params.get("file"))
        if not name:
            if row is None or method == "PUT":
                raise Refused(400, "File of the asset is required.")
            return {}
        location = params.get("storageLocation")
        if location not in ("local", "remote"):
            raise Refused(400, "Storage location of the asset is required.")
        extension = name.rpartition("?")[0] or name
        extension = extension.rpartition(".")[2].lower() if "." in extension.rpartition("/")[2] else ""
        mime = _ICON.get(extension) or mimetypes.guess_type(f"x.{extension}")[0] or "application/octet-stream"
        size = 0
        if location == "local":
            held = next((one for one in ask.table("files").where(dir="media") if one["name"] == name), None)
            if held is None:
                raise Refused(400, f"File {name} was not found in the asset directory.")
            size = held["size"]
        return {"extension": extension or None, "mime": mime, "size": size, "path": name}


# --- files ------------------------------------------------------------------------------------------------------------


def routes(table: Routes) -> None:
    """The files in a folder: list, upload, delete. No permission is asked for."""
    table.add("GET", "/api/files/{dir}", files)
    table.add("POST", "/api/files/{dir}/new", upload)
    table.add("DELETE", "/api/files/{dir}/{file}/delete", remove)


def _folder(ask: Ask) -> str:
    first, *below = ask.path["dir"].split(".")
    if first not in _FOLDERS:
        raise Refused(406, f"{ask.path['dir']} not found. Only media or images options are possible.")
    below += [part for part in php.text(ask.param("subdir")).split("/") if part]
    return "/".join([first, *below])


async def files(ask: Ask) -> Any:
    """Names by their place in the folder."""
    folder = _folder(ask)
    held = {row["name"] for row in ask.table("files").where(dir=folder)}
    depth = folder.count("/") + 1
    inside = {row["dir"] for row in ask.table("files") if row["dir"].startswith(folder + "/")}
    held |= {dir.split("/")[depth] for dir in inside}
    skipped = _HIDDEN if "/" not in folder else 2
    shown = {str(place): name for place, name in enumerate(sorted(held), skipped)}
    return Said({"files": shown or []})


async def upload(ask: Ask) -> Any:
    """Keep each file under a random name; what may not be, as text."""
    folder = _folder(ask)
    told: Any = []
    for _, name, content in ask.files:
        await ask.row()
        extension = name.rpartition(".")[2].lower() if "." in name else "txt"
        kept = f"{ask.fake.secret()[-32:]}.{extension if extension in _ALLOWED else 'txt'}"
        ask.table("files").save({"id": None, "dir": folder, "name": kept, "size": len(content)})
        told = {"link": f"{_host(ask)}/media/{folder}/{kept}", "name": kept}
        if folder != "images":
            del told["link"]
    return Said({"file": told})


def _host(ask: Ask) -> str:
    scheme, _, rest = ask.fake.url.partition("://")
    host = rest.partition("/")[0].rpartition(":")[0] or rest.partition("/")[0]
    return f"{scheme}://{host}:{443 if scheme == 'https' else 80}"


async def remove(ask: Ask) -> Any:
    """Delete one."""
    folder, name = _folder(ask), ask.path["file"]
    held = next((row for row in ask.table("files").where(dir=folder) if row["name"] == name), None)
    if held is None:
        raise missing("File does not exist")
    ask.table("files").remove(held["id"])
    return Said({"success": True})
