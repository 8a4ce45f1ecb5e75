"""Files, assets and themes."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from mautic_async.testing import FakeMautic
from tests.support.raw_client import RawClient, RawResponse


async def upload(
    api: RawClient, path: str, name: str, content: bytes = b"hello lab", part: str = "file"
) -> RawResponse:
    head = f'--edge\r\nContent-Disposition: form-data; name="{part}"; filename="{name}"\r\n\r\n'.encode()
    body = head + content + b"\r\n--edge--\r\n"
    return await api.send("POST", f"api/{path}", body, content_type="multipart/form-data; boundary=edge")


async def test_file_upload_gets_a_random_name_and_a_link_under_images(api: RawClient) -> None:
    got = (await upload(api, "files/images/new", "a.png", b"\x89PNG\r\n")).json["file"]
    assert (list(got), len(got["name"]), got["name"][-4:]) == (["link", "name"], 36, ".png")
    assert got["link"] == f"https://mautic.test:443/media/images/{got['name']}"
    assert list((await upload(api, "files/media/new", "a.csv")).json["file"]) == ["name"]
    assert (await upload(api, "files/media/new", "x.php")).json["file"]["name"].endswith(".txt")
    script = await upload(api, "files/media/new", "x.txt", b"<?php echo 1;")
    assert (script.status, "can have only these extensions: csv,doc" in script.error["message"]) == (406, True)
    nothing = await api.post("files/media/new", {})
    assert (nothing.status, nothing.json) == (200, {"file": []})


async def test_file_list_is_a_map_with_a_gap_at_the_start(api: RawClient) -> None:
    assert (await api.get("files/media")).json == {"files": []}
    names = sorted([(await upload(api, "files/media/new", "a.txt")).json["file"]["name"] for _ in range(3)])
    assert (await api.get("files/media")).json["files"] == {"3": names[0], "4": names[1], "5": names[2]}
    await upload(api, "files/media.deep/new", "b.txt")
    assert "deep" in (await api.get("files/media")).json["files"].values()
    (inside,) = (await api.get("files/media", subdir="deep")).json["files"].values()
    assert (await api.delete(f"files/media.deep/{inside}/delete")).json == {"success": True}
    assert (await api.get("files/media.deep")).json == {"files": []}


async def test_file_delete_succeeds_once(api: RawClient) -> None:
    name = (await upload(api, "files/images/new", "a.png")).json["file"]["name"]
    assert (await api.delete(f"files/images/{name}/delete")).json == {"success": True}
    again = await api.delete(f"files/images/{name}/delete")
    assert (again.status, again.error["message"]) == (404, "File does not exist")


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "/new"), ("DELETE", "/x/delete")])
async def test_file_list_refuses_other_folders(api: RawClient, method: str, path: str) -> None:
    got = await api.json(method, f"files/assets{path}")
    assert (got.status, got.error["message"]) == (406, "assets not found. Only media or images options are possible.")


async def asset(api: RawClient, **more: Any) -> dict[str, Any]:
    name = (await upload(api, "files/media/new", "a.txt")).json["file"]["name"]
    got = await api.post("assets/new", {"title": "My asset", "storageLocation": "local", "file": name} | more)
    assert got.status == 201, got.body
    shown: dict[str, Any] = got.json["asset"]
    return shown | {"file": name}


async def test_asset_create_takes_size_and_type_from_the_file(api: RawClient) -> None:
    one = await asset(api)
    assert (one["size"], one["mime"], one["extension"], one["alias"]) == (9, "text/plain", "txt", "my-asset")
    assert one["downloadUrl"] == "https://mautic.test/asset/1:my-asset"
    assert (await asset(api))["alias"] == "my-asset1"
    body = {"title": "R", "storageLocation": "remote", "file": "https://e.com/favicon.ico"}
    remote = (await api.post("assets/new", body)).json["asset"]
    assert (remote["extension"], remote["mime"], remote["size"]) == ("ico", "", -1)
    listed = (await api.get("assets", minimal=1)).json
    assert (listed["total"], "downloadUrl" in listed["assets"][0], "description" in listed["assets"][0]) == (
        3,
        False,
        True,
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"title": "A"}, "File of the asset is required."),
        ({}, "File of the asset is required."),
        ({"title": "A", "file": "x", "storageLocation": "local"}, "File x was not found in the asset directory."),
    ],
)
async def test_asset_create_requires_an_existing_file(api: RawClient, body: dict[str, Any], message: str) -> None:
    got = await api.post("assets/new", body)
    assert (got.status, got.error["message"], got.error["details"]) == (400, message, [])


async def test_asset_put_requires_file_and_language_and_patch_neither(api: RawClient) -> None:
    one = await asset(api)
    assert (await api.patch("assets/1/edit", {"title": "B"})).json["asset"]["revision"] == 2
    assert (await api.put("assets/1/edit", {"title": "B"})).status == 400
    body = {"title": "B", "file": one["file"], "storageLocation": "local"}
    assert (await api.put("assets/1/edit", body)).status == 500
    assert (await api.put("assets/1/edit", body | {"language": "en"})).status == 200
    gone = (await api.delete("assets/1/delete")).json["asset"]
    assert (gone["id"], gone["downloadUrl"].rpartition("/")[2]) == (None, ":b")


async def test_asset_batch_create_without_file_lacks_the_title_too(api: RawClient) -> None:
    got = (await api.post("assets/batch/new", [{"title": "A"}])).json
    assert (got["statusCodes"], list(got["errors"][0]["details"])) == ([400], ["title"])


async def test_email_names_its_asset_attachments(api: RawClient) -> None:
    await asset(api)
    body = {"name": "E", "subject": "s", "assetAttachments": [1]}
    one = (await api.post("emails/new", body)).json["email"]
    assert (one["assetAttachments"][0]["id"], one["assetAttachments"][0]["alias"]) == (1, "my-asset")
    assert (await api.post("emails/new", body | {"assetAttachments": [9]})).status == 400


async def test_theme_list_is_keyed_by_name_and_get_returns_a_zip(api: RawClient) -> None:
    themes = (await api.get("themes")).json["themes"]
    assert (len(themes), themes["blank"]["config"]["features"]) == (18, ["page", "email", "form"])
    got = await api.get("themes/blank")
    assert (got.headers["Content-Type"], "Mautic-Version" in got.headers) == ("application/zip", False)
    assert got.headers["Content-Disposition"] == "attachment; filename=tmp_blank.zip"
    with zipfile.ZipFile(io.BytesIO(got.body)) as archive:
        assert json.loads(archive.read("config.json"))["name"] == "Blank"


async def test_theme_can_be_installed_and_deleted(api: RawClient) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("config.json", json.dumps({"name": "Mine"}))
    assert (await upload(api, "themes/new", "mine.zip", made.getvalue())).json == {"success": True}
    assert (await api.get("themes")).json["themes"]["mine"]["name"] == "Mine"
    assert (await api.delete("themes/mine/delete")).json == {"success": True}
    assert "mine" not in (await api.get("themes")).json["themes"]
    for name, content, status in (
        ("mine.zip", b"no zip", 500),
        ("mine.tar", b"", 400),
        ("blank.zip", made.getvalue(), 500),
    ):
        assert (await upload(api, "themes/new", name, content)).status == status
    assert (await api.post("themes/new", {})).status == 500
    assert (await api.delete("themes/blank/delete")).status == 500


async def test_theme_errors_are_500_with_a_message(api: RawClient) -> None:
    got = await api.get("themes/nope")
    assert (got.status, got.error["message"].endswith('/themes/nope" directory does not exist.')) == (500, True)
    assert (await api.delete("themes/nope/delete")).error["message"] == "nope not found!"


async def test_file_routes_need_no_permission_and_theme_routes_do() -> None:
    async with FakeMautic() as fake:
        other = RawClient(fake)
        other.headers["authorization"] = "Basic bGltaXRlZDpsaW1pdGVk"
        assert (await other.get("files/media")).status == 200
        assert (await other.get("themes")).status == 403
