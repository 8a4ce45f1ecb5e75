"""Themes: which there are, as zip files, and putting new ones there."""

from __future__ import annotations

import io
import json
import zipfile
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import Crash, Refused, Said

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.server import FakeMautic

_ROOT: Final = "REDACTED-PATH/themes"
"""Where the server keeps them; what was recorded does not say."""
_PAGE: Final = "{% block content %}{% endblock %}\n"
_PERMISSION: Final = "core:themes"
_OLD: Final = ("Mautic", "http://www.mautic.com")
_TEAM: Final = ("Mautic team", "https://mautic.org")
_SENT: Final = ("Mautic team based on a theme by Sendwithus", "https://www.sendwithus.com/resources/templates/")
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


def seed(fake: FakeMautic) -> None:
    """The themes of a new server."""
    for key, name, kind, features in _INSTALLED:
        author, site = {"old": _OLD, "sent": _SENT}.get(kind, _TEAM)
        told: dict[str, Any] = {"name": name, "author": author, "authorUrl": site + (key if kind == "sent" else "")}
        builders = {"both": ["legacy", "grapesjsbuilder"], "new": ["grapesjsbuilder"]}.get(kind, ["legacy"])
        if kind in ("old", "sent"):
            told |= {"features": features.split(), "builder": builders}
        else:
            told |= {"builder": builders, "features": features.split()}
        fake.store["themes"].save({"id": None, "key": key, "config": told, "installed": True})


def routes(table: Routes) -> None:
    """Add them."""
    table.add("GET", "/api/themes", every)
    table.add("GET", "/api/themes/{theme}", one)
    table.add("POST", "/api/themes/new", new)
    table.add("DELETE", "/api/themes/{theme}/delete", delete)


async def every(ask: Ask) -> Any:
    """All themes by key."""
    ask.need(_PERMISSION, "view")
    rows = sorted(ask.table("themes"), key=lambda row: row["key"])
    shown = {
        row["key"]: {
            "name": row["config"].get("name", row["key"]),
            "key": row["key"],
            "config": row["config"],
            "visibility": {"hidden": False},
        }
        for row in rows
    }
    return Said({"themes": shown})


async def one(ask: Ask) -> Any:
    """A theme as a zip file."""
    ask.need(_PERMISSION, "view")
    key = ask.path["theme"]
    row = next(ask.table("themes").where(key=key), None)
    if row is None:
        raise Refused(500, f'The "{_ROOT}/{key}" directory does not exist.')
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in (("config.json", json.dumps(row["config"])), ("html/base.html.twig", _PAGE)):
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), text)
    headers = [
        ("Last-Modified", formatdate(ask.now, usegmt=True)),
        ("Content-Disposition", f"attachment; filename=tmp_{key}.zip"),
        ("Accept-Ranges", "bytes"),
    ]
    return Said(made.getvalue(), versioned=False, media_type="application/zip", headers=headers)


async def new(ask: Ask) -> Any:
    """Install a theme from a zip file."""
    ask.need(_PERMISSION, "create")
    sent = next(((name, content) for part, name, content in ask.files if part == "file"), None)
    if sent is None:
        raise Crash
    name, content = sent
    if not name.lower().endswith(".zip"):
        raise Refused(400, "Invalid file type. Select a ZIP file to upload.")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            config = json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, KeyError, ValueError):
        raise Refused(
            500,
            "The theme you tried to install doesn't have the config.json file in the root folder."
            " The theme could not be installed.",
        ) from None
    await ask.row()
    key = name[:-4]
    held = next(ask.table("themes").where(key=key), None)
    if held is not None and held["installed"]:
        raise Refused(500, f"{key} is the default theme and therefore cannot be overwritten.")
    row = {"id": None if held is None else held["id"], "key": key, "installed": False}
    ask.table("themes").save(row | {"config": config if isinstance(config, dict) else {"name": php.text(config)}})
    return Said({"success": True})


async def delete(ask: Ask) -> Any:
    """Remove a theme, if it is not one of Mautic's own."""
    ask.need(_PERMISSION, "delete")
    key = ask.path["theme"]
    row = next(ask.table("themes").where(key=key), None)
    if row is None:
        raise Refused(500, f"{key} not found!")
    if row["installed"]:
        raise Refused(500, f"{key} is the default theme and therefore cannot be deleted.")
    await ask.row()
    ask.table("themes").remove(row["id"])
    return Said({"success": True})
