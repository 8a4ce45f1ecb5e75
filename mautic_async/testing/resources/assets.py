"""Assets, and the folders their files come from."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import data, php
from mautic_async.testing.replies import ControllerError, Reply, not_found
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._base import FakeResource
from mautic_async.testing.resources._properties import (
    ID,
    NOT_NULL,
    Property,
    boolean,
    category,
    html,
    one_of,
    plain_text,
    schedule,
)

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

_FOLDERS: Final = ("images", "media")
_HIDDEN: Final = 3
"""Entries of a folder that a listing leaves out: the two dots, and a hidden file."""
_ICON: Final = {"ico": "image/x-icon"}


def _url(value: Any, row: Row, context: RequestContext) -> str:
    del value
    return context.state.absolute_url(f"/asset/{'' if row['id'] is None else row['id']}:{row['alias']}")


class Assets(FakeResource):
    """Assets; each save is a revision."""

    path: ClassVar[str] = "assets"
    singular: ClassVar[str] = "asset"
    plural: ClassVar[str] = "assets"
    permission = "asset:assets"
    default_order: ClassVar[tuple[str, ...]] = ("title",)
    searched_columns: ClassVar[tuple[str, ...]] = ("title", "alias")
    search_commands: ClassVar[tuple[str, ...]] = ("is", "category", "lang")
    audit_name: ClassVar[tuple[str, str]] = ("asset", "asset")
    audits_every_edit = True
    in_7: ClassVar[dict[str, Any]] = {}
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("title", required="Assset Title is required."),
        Property("alias", plain_text),
        category(),
        Property("description", html),
        Property("language", plain_text, default="en", value_on_put=NOT_NULL, minimal=False),
        *schedule(),
        Property("downloadCount", default=0, writable=False, minimal=False),
        Property("uniqueDownloadCount", default=0, writable=False, minimal=False),
        Property("revision", default=1, writable=False, minimal=False),
        Property("extension", writable=False, minimal=False),
        Property("mime", writable=False, minimal=False),
        Property("size", writable=False, minimal=False),
        Property("downloadUrl", writable=False, minimal=False),
        Property("storageLocation", one_of("local", "remote"), default="local", value_on_put="local", minimal=False),
        Property("disallow", boolean, default=True, value_on_put=False, minimal=False),
        _parts.projects(),
    )

    def serialize(self, row: Row, context: RequestContext, *, minimal: bool = False, just_created: bool = False) -> Any:
        """Return the asset with its download URL."""
        shown = super().serialize(row, context, minimal=minimal, just_created=just_created)
        if not minimal:
            shown["downloadUrl"] = _url(None, row, context)
        return shown

    def validate(self, row: Row | None, params: dict[str, Any], method: str, context: RequestContext) -> Row:
        """Look at the file first: without one nothing is bound, and in a batch an empty form is."""
        sent_file: dict[str, Any] = {}
        try:
            sent_file = self._file(row, params, method, context)
        except ControllerError:
            if not _parts.is_batch(context):
                raise
            params = {}
        draft = super().validate(row, params, method, context) | sent_file
        alias = _parts.slugify(draft["alias"] or draft["title"])
        draft["alias"] = _parts.unique_alias(alias, None if row is None else row["id"], self.table(context))
        draft["revision"] = 1 if row is None else row["revision"] + 1
        return draft

    def _file(self, row: Row | None, params: dict[str, Any], method: str, context: RequestContext) -> dict[str, Any]:
        name = php.to_string(params.get("file"))
        if not name:
            if row is None or method == "PUT":
                raise ControllerError(400, "File of the asset is required.")
            return {}
        location = params.get("storageLocation")
        if location not in ("local", "remote"):
            raise ControllerError(400, "Storage location of the asset is required.")
        extension = name.rpartition("?")[0] or name
        extension = extension.rpartition(".")[2].lower() if "." in extension.rpartition("/")[2] else ""
        mime = _ICON.get(extension) or mimetypes.guess_type(f"x.{extension}")[0] or "application/octet-stream"
        if location == "remote":  # the server asks the host of the file, which a simulator cannot reach
            return {"extension": extension or None, "mime": "", "size": -1, "path": name}
        stored = next((asset for asset in context.table("files").where(dir="media") if asset["name"] == name), None)
        if stored is None:
            raise ControllerError(400, f"File {name} was not found in the asset directory.")
        return {"extension": extension or None, "mime": mime, "size": stored["size"], "path": name}

    def delete(self, row: Row, context: RequestContext) -> None:
        """Delete the asset with its uploaded file."""
        super().delete(row, context)
        if row["storageLocation"] == "local":
            for file in list(context.table("files").where(dir="media", name=row.get("path"))):
                context.table("files").remove(file["id"])


# --- files ------------------------------------------------------------------------------------------------------------


def routes(table: Router) -> None:
    """Add the routes of files in a folder: list, upload, delete. They need no permission."""
    table.add("GET", "/api/files/{dir}", files)
    table.add("POST", "/api/files/{dir}/new", upload)
    table.add("DELETE", "/api/files/{dir}/{file}/delete", remove)


def _folder(context: RequestContext, *, create: bool = False) -> str:
    first, *below = context.path["dir"].split(".")
    if first not in _FOLDERS:
        raise ControllerError(406, f"{context.path['dir']} not found. Only media or images options are possible.")
    below = [part for part in php.to_string(context.param("subdir")).split("/") if part] or below
    path = "/".join([first, *below])
    folders = context.table("folders")
    if below and next(folders.where(path=path), None) is None:
        if not create:
            raise ControllerError(406, f"{'/'.join(below)} doesn't exist in the {first} dir.")
        folders.save({"id": None, "path": path})
    return path


async def files(context: RequestContext) -> Any:
    """List the names in a folder, by their place in it."""
    folder = _folder(context)
    entries = {row["name"] for row in context.table("files").where(dir=folder)}
    depth = folder.count("/") + 1
    inside = {row["path"] for row in context.table("folders") if row["path"].startswith(folder + "/")}
    entries |= {path.split("/")[depth] for path in inside}
    skipped = _HIDDEN if "/" not in folder else 2
    names = {str(number): name for number, name in enumerate(sorted(entries), skipped)}
    return Reply({"files": names or []})


_SIGNATURES: Final = (
    (b"\x89PNG", "png"),
    (b"GIF8", "gif"),
    (b"\xff\xd8\xff", "jpg"),
    (b"%PDF", "pdf"),
    (b"<?php", "php"),
    (b"<!DOCTYPE html", "html"),
    (b"<html", "html"),
)


def _extension(name: str, content: bytes) -> str:
    """Return the extension that belongs to the content, or that of the name if the content says nothing."""
    for signature, extension in _SIGNATURES:
        if content.startswith(signature):
            return extension
    if b"\0" not in content:
        return "txt"
    return name.rpartition(".")[2].lower()


async def upload(context: RequestContext) -> Any:
    """Keep each file under a random name; the content decides on the extension."""
    folder = _folder(context, create=True)
    result: Any = []
    for _, name, content in context.files:
        extension = _extension(name, content)
        allowed = data.lines("upload_extensions")
        if extension not in allowed:
            raise ControllerError(406, f"The uploaded file can have only these extensions: {','.join(allowed)}.")
        await context.charge_row()
        stored_name = f"{context.state.new_token()[-32:]}.{extension}"
        context.table("files").save({"id": None, "dir": folder, "name": stored_name, "size": len(content)})
        result = {"link": f"{_host(context)}/media/images/{stored_name}", "name": stored_name}
        if not folder.startswith("images"):
            del result["link"]
    return Reply({"file": result})


def _host(context: RequestContext) -> str:
    scheme, _, rest = context.state.url.partition("://")
    host = rest.partition("/")[0].rpartition(":")[0] or rest.partition("/")[0]
    return f"{scheme}://{host}:{443 if scheme == 'https' else 80}"


async def remove(context: RequestContext) -> Any:
    """Delete one."""
    folder, name = _folder(context), context.path["file"]
    stored = next((row for row in context.table("files").where(dir=folder) if row["name"] == name), None)
    if stored is None:
        raise not_found("File does not exist")
    context.table("files").remove(stored["id"])
    return Reply({"success": True})
