"""Each route of a running Mautic 5.1.1 is reached by a public call, and docs/routes.md says by which."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from mautic_async.resources._namespaces import Namespaces
from tests.support import call_every_method, route_table
from tests.support.recordings import load_routes
from tests.support.samples import namespaces

ROOT = Path(__file__).resolve().parents[3]


def server_routes() -> list[tuple[str, str]]:
    """The server's own routes below ``/api/``; four more are pages for browsers and the token endpoint."""
    return [(method, path) for method, path in load_routes() if path.startswith("/api/")]


def as_pattern(path: str) -> str:
    """Placeholders that end in id take digits only, as the server's own do; ``utmid`` is the exception."""
    parts = re.split(r"(\{\w+\})", path.removeprefix("/api/"))
    return "".join(
        (r"\d+" if part[1:-1].endswith(("id", "Id")) and part != "{utmid}" else "[^/]+")
        if part.startswith("{")
        else re.escape(part)
        for part in parts
    )


async def test_every_server_route_is_reached_by_a_public_method(tmp_path: Path) -> None:
    asked = await call_every_method.requests_by_method(tmp_path)
    sent = {(request.method, request.path): method for method, requests in asked for request in requests}
    lines, missing = [], []
    lies = {"DELETE /api/points/triggers/{triggerId}/events/delete"}  # answers with a success and deletes nothing
    for verb, path in server_routes():
        calls = [
            call for (method, told), call in sent.items() if method == verb and re.fullmatch(as_pattern(path), told)
        ]
        lines.append(f"{verb:6} {path:62} {'mautic.' + calls[0] if calls else '-'}")
        missing += [] if calls or f"{verb} {path}" in lies else [f"{verb} {path}"]
    assert len(lines) == 332
    assert not missing, "\n".join(lines)


def test_mautic_has_every_promised_namespace() -> None:
    promised = """
        contacts companies segments campaigns campaign_events emails forms pages assets categories dynamic_contents
        messages notes notifications points point_groups point_triggers reports roles users smses stages tags
        contact_fields company_fields devices webhooks focus tweets stats data files themes
        custom_objects custom_items custom_fields
    """
    newer = {"projects", "company_segments", "field_groups"}
    assert set(namespaces()) == {*promised.split(), *newer}
    assert all(inspect.getdoc(vars(Namespaces)[name]) for name in namespaces())


def test_plain_namespaces_declare_their_endpoint_only() -> None:
    folder = Path(inspect.getfile(Namespaces)).parent
    plain = [path for path in folder.glob("[a-z]*.py") if "def " not in path.read_text()]
    assert len(plain) >= 12
    assert max(len(path.read_text().splitlines()) for path in plain) <= 20


async def test_routes_document_names_the_method_of_each_route(tmp_path: Path) -> None:
    document = (ROOT / "docs" / "routes.md").read_text("utf-8")
    table = route_table.markdown(await call_every_method.requests_by_method(tmp_path))
    assert document.endswith(table.rstrip() + "\n"), "run `python -m tests.support.route_table`"
