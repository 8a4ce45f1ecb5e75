"""What only newer servers have, or servers with a plugin; written from the documents, tried on none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mautic_async import (
    AuthenticationError,
    ConfigurationError,
    NotFound,
    OutcomeUnknown,
    Rejected,
    UnexpectedResponse,
    ValueNotKept,
)
from mautic_async import models as m
from mautic_async.protocol import Call
from tests.support.canned_client import MISSING, error_answer, run_with_answers
from tests.support.scripted_server import FixedAuth, ScriptedServer, make_pipeline


@pytest.mark.parametrize(
    ("use", "needs"),
    [
        (lambda mautic: mautic.projects.get(1), "Mautic 7"),
        (lambda mautic: mautic.projects.create(m.Project(name="P")), "Mautic 7"),
        (lambda mautic: mautic.campaigns.import_({"campaign": []}), "Mautic 7"),
        (lambda mautic: mautic.company_segments.list(), "Mautic 8"),
        (lambda mautic: mautic.company_segments.add_company(1, 2), "Mautic 8"),
        (lambda mautic: mautic.company_segments.add_companies(1, [2]), "Mautic 8"),
        (lambda mautic: mautic.field_groups.edit(1, m.FieldGroup(name="G")), "Mautic 8"),
        (lambda mautic: mautic.companies.add_contacts(1, [2]), "Mautic 8"),
        (lambda mautic: mautic.custom_objects.list(), "plugin Custom Objects"),
        (lambda mautic: mautic.custom_fields.get(1), "plugin Custom Objects"),
        (lambda mautic: mautic.custom_items.delete(1), "plugin Custom Objects"),
        (lambda mautic: mautic.focus.js(1), "plugin Mautic Focus"),
        (lambda mautic: mautic.tweets.list(), "plugin Mautic Social"),
    ],
)
def test_version_hint_names_an_older_server_and_the_required_version(use: Any, needs: str) -> None:
    async def ask(mautic: Any) -> None:
        await mautic.users.me()
        with pytest.raises(NotFound, match=f"{needs}.*this one is Mautic 5.1.1") as caught:
            await use(mautic)
        assert caught.value.status == 404
        assert caught.value.verdict is not None

    run_with_answers({"GET users/self": {"id": 1}}, ask)


def test_version_hint_is_absent_for_a_server_of_unknown_version() -> None:
    with pytest.raises(NotFound, match="has not told its version"):
        run_with_answers({}, lambda mautic: mautic.projects.get(1))


def test_version_hint_is_absent_for_a_missing_entity() -> None:
    with pytest.raises(NotFound) as caught:
        run_with_answers({"GET field-groups/1": MISSING}, lambda mautic: mautic.field_groups.get(1))
    assert "needs" not in str(caught.value)


def test_export_is_saved_and_can_be_imported(tmp_path: Path) -> None:
    exported = json.dumps({"campaign": [{"id": 1}]}).encode()
    saved, _ = run_with_answers(
        {"GET campaigns/export/1": (200, exported)}, lambda mautic: mautic.campaigns.export(1, tmp_path / "c.json")
    )
    assert saved.read_bytes() == exported
    zipped = tmp_path / "c.zip"
    zipped.write_bytes(b"PK")
    for source in (saved, str(saved), {"campaign": [{"id": 1}]}):
        told, server = run_with_answers(
            {"POST campaigns/import": {"success": True}}, lambda mautic, given: mautic.campaigns.import_(given), source
        )
        assert told == {"success": True}
        assert server.last.body == [{"campaign": [{"id": 1}]}]
    _, server = run_with_answers(
        {"POST campaigns/import": {"success": True}}, lambda mautic: mautic.campaigns.import_(zipped)
    )
    assert b'filename="c.zip"' in server.last.content


def test_import_refuses_files_that_are_neither_json_nor_zip(tmp_path: Path) -> None:
    file = tmp_path / "c.txt"
    file.write_text("hello")
    with pytest.raises(ConfigurationError, match="neither a zip file nor JSON"):
        run_with_answers({}, lambda mautic: mautic.campaigns.import_(file))


def test_import_with_a_lost_response_is_not_repeated() -> None:
    with pytest.raises(OutcomeUnknown):
        run_with_answers({"POST campaigns/import": ConnectionResetError()}, lambda mautic: mautic.campaigns.import_({}))


def test_company_add_contacts_reports_line_by_line() -> None:
    lines = [
        {"contactId": 2, "companyId": 1, "status": "success", "message": "added"},
        {"contactId": 3, "companyId": 1, "status": "failed", "message": "Contact not found"},
    ]
    found, server = run_with_answers(
        {"POST companies/batch/addcontacts": {"results": lines, "summary": {"total": 2}}},
        lambda mautic: mautic.companies.add_contacts(1, [2, 3, 4]),
    )
    assert [outcome.status for outcome in found] == ["updated", "rejected", "unknown"]
    assert str(found[1].problems[0]) == "id: Contact not found"
    assert server.last.body["assignments"][0] == {"contactId": 2, "companyId": 1}


def test_company_segments_contain_companies() -> None:
    found, server = run_with_answers(
        {
            "POST companysegments/1/companies/add": {
                "success": 1,
                "details": {"2": {"success": True}, "3": {"success": False}},
            }
        },
        lambda mautic: mautic.company_segments.add_companies(1, [2, 3]),
    )
    assert [outcome.status for outcome in found] == ["updated", "rejected"]
    assert server.last.body == {"ids": [2, 3]}


# --- /api/v2 ---------------------------------------------------------------------------------------------------------

NO_TOKENS = (401, {"message": "Invalid credentials."})
"""The answer of Mautic 7.0.2 to any OAuth2 token below ``/api/v2``."""
OBJECT = {"@id": "/api/v2/custom_objects/4", "@type": "CustomObject", "alias": "products", "nameSingular": "Product"}


@pytest.mark.parametrize(
    ("answer", "here"),
    [({"member": []}, True), (error_answer(403, "Access Denied."), True), (MISSING, False), (NO_TOKENS, False)],
)
def test_v2_namespace_is_probed(*, answer: Any, here: bool) -> None:
    found, server = run_with_answers(
        {"GET v2/custom_objects": answer}, lambda mautic: mautic.custom_objects.available()
    )
    assert found is here
    assert server.last.headers["accept"] == "application/ld+json"


@pytest.mark.virtual_time
@pytest.mark.parametrize(("jsonld", "renewals"), [(True, 0), (False, 1)])
async def test_v2_refusal_of_all_tokens_renews_no_token(*, jsonld: bool, renewals: int) -> None:
    auth = FixedAuth("Bearer one", "Bearer two")
    pipeline = make_pipeline(ScriptedServer([(401, {}, NO_TOKENS[1])] * 2), auth=auth)
    with pytest.raises(AuthenticationError):
        await pipeline.send(Call("GET", "v2/projects/1", jsonld=jsonld))
    assert auth.renewals == renewals


def test_v2_refusal_of_all_tokens_names_basic_auth() -> None:
    with pytest.raises(AuthenticationError, match="no OAuth2 token below /api/v2; use BasicAuth"):
        run_with_answers({"GET v2/projects/1": NO_TOKENS}, lambda mautic: mautic.projects.get(1))


def test_v2_probe_raises_for_wrong_credentials() -> None:
    with pytest.raises(AuthenticationError):
        run_with_answers({"GET v2/projects": (401, b"")}, lambda mautic: mautic.projects.available())


def test_projects_are_written_by_the_api_v2() -> None:
    stored = {"@id": "/api/v2/projects/3", "id": 3, "name": "P", "properties": []}

    async def use(mautic: Any) -> None:
        project = await mautic.projects.create(m.Project(name="P"))
        project.name = "Q"
        await mautic.projects.edit(3, project)
        with pytest.raises(ValueNotKept, match="description"):
            await mautic.projects.replace(3, m.Project(name="Q", description="d"))

    _, server = run_with_answers(
        {
            "POST v2/projects": (201, stored),
            "PATCH v2/projects/3": stored | {"name": "Q"},
            "PUT v2/projects/3": stored | {"name": "Q", "description": ""},
        },
        use,
    )
    assert [request.body for request in server.requests] == [
        {"name": "P"},
        {"name": "Q"},
        {"name": "Q", "description": "d"},
    ]


@pytest.mark.parametrize("prefix", ["", "hydra:"])
def test_v2_collections_are_read_in_both_spellings(prefix: str) -> None:
    answer = {f"{prefix}member": [OBJECT], f"{prefix}totalItems": 1, "@id": "/api/v2/custom_objects"}
    found, server = run_with_answers(
        {"GET v2/custom_objects": answer}, lambda m: m.custom_objects.list(page=2, alias="prod")
    )
    assert (found.total, found.items[0].id, found.items[0].alias) == (1, 4, "products")
    assert dict(server.last.query) == {"alias": "prod", "page": "2"}


def test_v2_collection_without_members_is_an_error() -> None:
    with pytest.raises(UnexpectedResponse, match="member"):
        run_with_answers({"GET v2/custom_objects": {"totalItems": 0}}, lambda mautic: mautic.custom_objects.list())


def test_v2_iterate_walks_all_pages_and_repeats_no_item() -> None:
    pages = {1: [1, 2], 2: [2, 3]}

    def page(request: Any) -> Any:
        number = int(dict(request.query)["page"])
        members = [{"@id": f"/api/v2/custom_items/{n}", "name": str(n)} for n in pages[number]]
        view = {"@id": "x", **({"next": "y"} if number == 1 else {})}
        return {"member": members, "totalItems": 3, "view": view}

    async def use(mautic: Any) -> Any:
        return [item.id async for item in mautic.custom_items.iterate()]

    found, server = run_with_answers({"GET v2/custom_items": page}, use)
    assert found == [1, 2, 3]
    assert len(server.requests) == 2


def test_v2_iterate_without_a_view_ends_at_an_empty_page() -> None:
    def page(request: Any) -> Any:
        number = int(dict(request.query)["page"])
        return {"member": [{"id": number}] if number < 3 else []}

    async def use(mautic: Any) -> Any:
        return [item.id async for item in mautic.custom_fields.iterate()]

    found, _ = run_with_answers({"GET v2/custom_fields": page}, use)
    assert found == [1, 2]


def test_v2_requests_use_the_content_types_of_json_ld() -> None:
    field = m.CustomField(label="L", type="select", options=[m.CustomFieldOption(label="A", value="a")])

    async def use(mautic: Any) -> None:
        await mautic.custom_fields.create(field)
        await mautic.custom_fields.edit(7, m.CustomField(label="M"))
        await mautic.custom_fields.replace(7, field)
        await mautic.custom_fields.delete(7)

    _, server = run_with_answers(
        {
            "POST v2/custom_fields": (201, {"id": 7}),
            "PATCH v2/custom_fields/7": {"id": 7},
            "PUT v2/custom_fields/7": {"id": 7},
            "DELETE v2/custom_fields/7": (204, b""),
        },
        use,
    )
    types = [request.headers.get("content-type") for request in server.requests]
    assert types == ["application/ld+json", "application/merge-patch+json", "application/ld+json", None]
    assert server.requests[0].body == {"label": "L", "type": "select", "options": [{"label": "A", "value": "a"}]}


def test_v2_items_are_written_by_iri() -> None:
    item = m.CustomItem(
        name="I",
        custom_object="/api/v2/custom_objects/1",
        field_values=[m.CustomItemValue(id="/api/v2/custom_fields/7", value="x")],
    )
    _, server = run_with_answers(
        {"POST v2/custom_items": (201, {"id": 3})}, lambda mautic: mautic.custom_items.create(item)
    )
    assert server.last.body == {
        "name": "I",
        "customObject": "/api/v2/custom_objects/1",
        "fieldValues": [{"id": "/api/v2/custom_fields/7", "value": "x"}],
    }
    for wrong in (m.CustomItem("products", name="I"), m.CustomItem(name="I", attributes={"a": 1}), m.CustomItem()):
        with pytest.raises(ConfigurationError):
            run_with_answers({}, lambda mautic, given: mautic.custom_items.create(given), wrong)


def test_v2_errors_are_read_from_problem_details() -> None:
    answer = 422, {"@type": "hydra:Error", "hydra:title": "An error occurred", "hydra:description": "alias: not blank."}
    with pytest.raises(Rejected, match="alias: not blank"):
        run_with_answers(
            {"POST v2/custom_objects": answer}, lambda m_: m_.custom_objects.create(m.CustomObject(alias="x"))
        )


def test_v2_create_refuses_an_entity_without_values() -> None:
    with pytest.raises(ConfigurationError, match="names nothing"):
        run_with_answers({}, lambda mautic: mautic.custom_objects.create(m.CustomObject()))
    with pytest.raises(ConfigurationError, match="page"):
        run_with_answers({}, lambda mautic: mautic.custom_objects.list(page=0))
