"""Themes: which there are, as zip files, and putting new ones there."""

from __future__ import annotations

import io
import json
import zipfile
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import ControllerError, Reply, UnhandledError

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.state import ServerState

_ROOT: Final = "REDACTED-PATH/themes"
"""Where the server keeps them; what was recorded does not say."""
_PAGE: Final = "{% block content %}{% endblock %}\n"
_PERMISSION: Final = "core:themes"
_LEGACY_AUTHOR: Final = ("Mautic", "http://www.mautic.com")
_TEAM_AUTHOR: Final = ("Mautic team", "https://mautic.org")
_SENDWITHUS_AUTHOR: Final = (
    "Mautic team based on a theme by Sendwithus",
    "https://www.sendwithus.com/resources/templates/",
)
_INSTALLED: Final = (
    ("aurora", "Aurora", "old", "email"),
    ("blank", "Blank", "both", "page email form"),
    ("brienz", "Brienz", "new", "email"),
    ("cards", "Cards", "old", "email"),
    ("confirmme", "Confirm Me", "new", "email"),
    ("fresh-center", "Fresh - Center Form", "old", "page"),
    ("fresh-fixed", "Fresh - Fixed Form", "old", "page"),
    ("fresh-left", "Fresh - Left Form", "old", "page"),
    ("fresh-wide", "Fresh - Wide Form", "old", "page"),
    ("goldstar", "Goldstar", "sent", "email form"),
    ("neopolitan", "Neopolitan", "sent", "page email form"),
    ("oxygen", "Oxygen", "sent", "page email form"),
    ("paprika", "Paprika", "new", "email"),
    ("skyline", "Skyline", "sent", "page email form"),
    ("sparse", "Sparse", "old", "email"),
    ("sunday", "Sunday", "sent", "page email form"),
    ("trulypersonal", "Truly Personal", "new", "email"),
    ("vibrant", "Vibrant", "old", "email"),
)


def install(state: ServerState) -> None:
    """Store the themes of a new server."""
    for key, name, kind, features in _INSTALLED:
        author, site = {"old": _LEGACY_AUTHOR, "sent": _SENDWITHUS_AUTHOR}.get(kind, _TEAM_AUTHOR)
        theme_row: dict[str, Any] = {
            "name": name,
            "author": author,
            "authorUrl": site + (key if kind == "sent" else ""),
        }
        builders = {"both": ["legacy", "grapesjsbuilder"], "new": ["grapesjsbuilder"]}.get(kind, ["legacy"])
        if kind in ("old", "sent"):
            theme_row |= {"features": features.split(), "builder": builders}
        else:
            theme_row |= {"builder": builders, "features": features.split()}
        state.store["themes"].save({"id": None, "key": key, "config": theme_row, "installed": True})


def routes(table: Router) -> None:
    """Add them."""
    table.add("GET", "/api/themes", all_themes)
    table.add("GET", "/api/themes/{theme}", single_theme)
    table.add("POST", "/api/themes/new", new)
    table.add("DELETE", "/api/themes/{theme}/delete", delete)


async def all_themes(context: RequestContext) -> Any:
    """Answer with all themes by key."""
    context.require(_PERMISSION, "view")
    rows = sorted(context.table("themes"), key=lambda row: row["key"])
    entries = {
        row["key"]: {
            "name": row["config"].get("name", row["key"]),
            "key": row["key"],
            "config": row["config"],
        }
        | ({"visibility": {"hidden": False}} if row["installed"] else {})
        for row in rows
    }
    return Reply({"themes": entries})


async def single_theme(context: RequestContext) -> Any:
    """Answer with a theme as a zip file."""
    context.require(_PERMISSION, "view")
    key = context.path["theme"]
    row = next(context.table("themes").where(key=key), None)
    if row is None:
        raise ControllerError(500, f'The "{_ROOT}/{key}" directory does not exist.')
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (("config.json", json.dumps(row["config"])), ("html/base.html.twig", _PAGE)):
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), text)
    headers = [
        ("Last-Modified", formatdate(context.now, usegmt=True)),
        ("Content-Disposition", f"attachment; filename=tmp_{key}.zip"),
        ("Accept-Ranges", "bytes"),
    ]
    return Reply(buffer.getvalue(), has_version_header=False, media_type="application/zip", headers=headers)


async def new(context: RequestContext) -> Any:
    """Install a theme from a zip file."""
    context.require(_PERMISSION, "create")
    upload = next(((name, content) for part, name, content in context.files if part == "file"), None)
    if upload is None:
        raise UnhandledError
    name, content = upload
    if not name.lower().endswith(".zip"):
        raise ControllerError(400, "Invalid file type. Select a ZIP file to upload.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError):
        raise ControllerError(
            500,
            "The theme you tried to install doesn't have the config.json file in the root folder."
            " The theme could not be installed.",
        ) from None
    await context.charge_row()
    key = name[:-4]
    existing = next(context.table("themes").where(key=key), None)
    if existing is not None and existing["installed"]:
        raise ControllerError(500, f"{key} is the default theme and therefore cannot be overwritten.")
    row = {"id": None if existing is None else existing["id"], "key": key, "installed": False}
    context.table("themes").save(
        row | {"config": config if isinstance(config, dict) else {"name": php.to_string(config)}}
    )
    return Reply({"success": True})


async def delete(context: RequestContext) -> Any:
    """Remove a theme, if it is not one of Mautic's own."""
    context.require(_PERMISSION, "delete")
    key = context.path["theme"]
    row = next(context.table("themes").where(key=key), None)
    if row is None:
        raise ControllerError(500, f"{key} not found!")
    if row["installed"]:
        raise ControllerError(500, f"{key} is the default theme and therefore cannot be deleted.")
    await context.charge_row()
    context.table("themes").remove(row["id"])
    return Reply({"success": True})
