"""What the standard verbs of every namespace promise."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import respx

from mautic_async import (
    ConfigurationError,
    Mautic,
    NotFound,
    PermissionDenied,
    Rejected,
    ServerError,
    UnexpectedResponse,
    codec,
    where,
)
from mautic_async.resources._base import Resource
from tests.support.samples import READ_ONLY_RESOURCES, RESOURCES, entity
from tests.support.scripted_server import FixedAuth

SITE = "https://mautic.test"
SPACES = pytest.mark.parametrize("name", RESOURCES)
READ = pytest.mark.parametrize("name", READ_ONLY_RESOURCES)


@pytest.fixture
def router() -> respx.Router:
    return respx.Router(base_url=f"{SITE}/api/", assert_all_called=False)


@pytest.fixture
async def mautic(router: respx.Router) -> AsyncIterator[Mautic]:
    transport = httpx.MockTransport(router.async_handler)
    async with Mautic(SITE, auth=FixedAuth(), transport=transport) as client:
        yield client


def row(space: Resource[Any], id: int | None = 7) -> dict[str, Any]:
    """An entity as an answer has it; contacts and companies show nothing else."""
    return {"id": id, **({"tag": "t"} if space.endpoint.one == "tag" else {})}


def asked(router: respx.Router, index: int = -1) -> Any:
    """The body of a request."""
    return json.loads(router.calls[index].request.content)


def refusal(status: int, message: str = "no", **details: list[str]) -> httpx.Response:
    return httpx.Response(status, json={"errors": [{"code": status, "message": message, "details": details or []}]})


# --- reading ---------------------------------------------------------------------------------------------------------


@READ
async def test_get_returns_the_entity(name: str, mautic: Mautic, router: respx.Router) -> None:
    space = getattr(mautic, name)
    router.get(url__regex=rf"/{space.endpoint.path}/7(\?|$)").respond(json={space.endpoint.one: row(space)})
    found = await space.get(7)
    assert type(found) is space.endpoint.model
    assert found.id == 7


@READ
async def test_get_of_a_missing_entity_raises_not_found(name: str, mautic: Mautic, router: respx.Router) -> None:
    space = getattr(mautic, name)
    router.get(url__regex=r"/7").mock(return_value=refusal(404, "Item was not found."))
    with pytest.raises(NotFound, match=rf"GET {space.endpoint.path}/7 not found \(404\): Item was not found"):
        await space.get(7)


@READ
@pytest.mark.parametrize("id", [0, -1, True, "7", None])
async def test_get_refuses_an_invalid_id_unsent(name: str, id: Any, mautic: Mautic, router: respx.Router) -> None:
    with pytest.raises(ConfigurationError, match="id is a positive integer"):
        await getattr(mautic, name).get(id)
    assert not router.calls


@READ
@pytest.mark.parametrize("container", [{"7": 7, "3": 3}, [7, 3]], ids=["map", "list"])
async def test_list_reads_both_containers_in_order(
    name: str, container: Any, mautic: Mautic, router: respx.Router
) -> None:
    space = getattr(mautic, name)
    if isinstance(container, dict):
        held: Any = {key: row(space, id) for key, id in container.items()}
    else:
        held = [row(space, id) for id in container]
    router.get(space.endpoint.path).respond(json={"total": "12", space.endpoint.many: held})
    page = await space.list(start=4, limit=2)
    assert ([item.id for item in page.items], page.total, page.start, len(page)) == ([7, 3], 12, 4, 2)
    assert router.calls.last.request.url.params["limit"] == "2"


@READ
@pytest.mark.parametrize("empty", [[], {}])
async def test_list_without_entities_is_empty(name: str, empty: Any, mautic: Mautic, router: respx.Router) -> None:
    space = getattr(mautic, name)
    router.get(space.endpoint.path).respond(json={"total": 0, space.endpoint.many: empty})
    assert (await space.list()).items == []
    assert [item async for item in space.iterate()] == []


@READ
async def test_iterate_yields_every_entity_once(name: str, mautic: Mautic, router: respx.Router) -> None:
    space = getattr(mautic, name)
    ids = list(range(1, 12))

    def page(request: httpx.Request) -> httpx.Response:
        query = request.url.params
        after = int(query.get("where[0][val]", 0))
        found = [id for id in ids if id > after][int(query.get("start", 0)) :][: int(query["limit"])]
        return httpx.Response(200, json={"total": 11, space.endpoint.many: [row(space, id) for id in found]})

    router.get(space.endpoint.path).mock(side_effect=page)
    assert [item.id async for item in space.iterate(limit=4)] == ids
    assert [item.id async for item in space.iterate(limit=4, read_ahead=True)] == ids
    assert {call.request.url.params["orderBy"] for call in router.calls} == {"id"}


@READ
async def test_list_sends_conditions_and_columns(name: str, mautic: Mautic, router: respx.Router) -> None:
    space = getattr(mautic, name)
    router.get(space.endpoint.path).respond(json={"total": 0, space.endpoint.many: []})
    await space.list(where=where.in_("id", [1, 2]), select=["name"], order_by="id", order_by_dir="desc", search="x")
    query = dict(router.calls.last.request.url.params)
    assert query == {
        "where[0][col]": "id",
        "where[0][expr]": "in",
        "where[0][val]": "1,2",
        "select[0]": "id",
        "select[1]": "name",
        "orderBy": "id",
        "orderByDir": "desc",
        "search": "x",
    }


@READ
async def test_list_refuses_a_parameter_that_mautic_ignores(name: str, mautic: Mautic, router: respx.Router) -> None:
    with pytest.raises(ConfigurationError, match="publishedOnly"):
        await getattr(mautic, name).list(publishedOnly=True)
    assert not router.calls


@READ
@pytest.mark.parametrize("body", [{}, {"errors": []}, [], "text", {"total": 1}, None])
async def test_list_raises_unexpected_response_for_another_shape(
    name: str, body: Any, mautic: Mautic, router: respx.Router
) -> None:
    space = getattr(mautic, name)
    router.get(url__regex=r".*").respond(json=body)
    with pytest.raises(UnexpectedResponse):
        await space.get(7)
    with pytest.raises(UnexpectedResponse):
        await space.list()


@READ
async def test_list_raises_unexpected_response_for_an_html_page(
    name: str, mautic: Mautic, router: respx.Router
) -> None:
    router.get(url__regex=r".*").respond(html="<html><title>Log in</title></html>")
    with pytest.raises(UnexpectedResponse, match="Log in"):
        await getattr(mautic, name).get(7)


# --- writing ---------------------------------------------------------------------------------------------------------


@SPACES
async def test_create_sends_set_attributes_and_returns_the_stored_entity(
    name: str, mautic: Mautic, router: respx.Router
) -> None:
    space = getattr(mautic, name)
    given = entity(space.endpoint.model, "create")
    router.get(space.endpoint.path).respond(json={"total": 0, space.endpoint.many: []})
    router.post(f"{space.endpoint.path}/new").respond(201, json={space.endpoint.one: row(space)})
    stored = await space.create(given)
    assert (type(stored), stored.id) == (space.endpoint.model, 7)
    assert asked(router) == codec.encode(given)


@SPACES
@pytest.mark.parametrize("verb", ["create", "edit", "replace"])
async def test_create_refuses_an_entity_without_values(
    name: str, verb: str, mautic: Mautic, router: respx.Router
) -> None:
    space = getattr(mautic, name)
    empty = space.endpoint.model()
    with pytest.raises(ConfigurationError):
        await (space.create(empty) if verb == "create" else getattr(space, verb)(7, empty))
    assert not router.calls


@SPACES
@pytest.mark.parametrize(("verb", "method"), [("edit", "PATCH"), ("replace", "PUT")])
async def test_edit_and_replace_send_set_attributes(
    name: str, verb: str, method: str, mautic: Mautic, router: respx.Router
) -> None:
    space = getattr(mautic, name)
    given = entity(space.endpoint.model, verb)
    router.route(method=method, url=f"{SITE}/api/{space.endpoint.path}/7/edit").respond(
        json={space.endpoint.one: row(space)}
    )
    router.get(space.endpoint.path).respond(json={space.endpoint.many: []})  # a tweet with a category is not replaced
    stored = codec.encode(given) | row(space)
    router.get(f"{space.endpoint.path}/7").respond(json={space.endpoint.one: stored})  # a trigger is read afterwards
    assert (await getattr(space, verb)(7, given)).id == 7
    assert asked(router, 1 if (name, verb) == ("tweets", "replace") else 0) == codec.encode(given)
    assert len(router.calls) == (2 if (name, verb) in {("point_triggers", "replace"), ("tweets", "replace")} else 1)


@SPACES
async def test_create_refused_names_the_field(name: str, mautic: Mautic, router: respx.Router) -> None:
    space = getattr(mautic, name)
    answer = refusal(400, "name: too odd", name=["too odd"])
    router.patch(url__regex=r"/7/edit").mock(return_value=answer)
    with pytest.raises(Rejected, match="name: too odd") as caught:
        await space.edit(7, entity(space.endpoint.model, "edit"))
    assert [(problem.field, problem.message) for problem in caught.value.problems] == [("name", "too odd")]


@SPACES
async def test_list_tells_missing_permission_from_a_server_error(
    name: str, mautic: Mautic, router: respx.Router
) -> None:
    space = getattr(mautic, name)
    router.delete(url__regex=r"/7/").mock(return_value=refusal(403))
    with pytest.raises(PermissionDenied):
        await space.delete(7)
    router.get(url__regex=r"/8").mock(return_value=refusal(500))
    with pytest.raises(ServerError):
        await space.get(8)


@SPACES
async def test_delete_keeps_the_id_that_mautic_blanks(name: str, mautic: Mautic, router: respx.Router) -> None:
    space = getattr(mautic, name)
    router.delete(f"{space.endpoint.path}/7/delete").respond(json={space.endpoint.one: row(space, None)})
    assert (await space.delete(7)).id == 7


@SPACES
async def test_delete_repeated_after_a_lost_response_accepts_not_found(
    name: str, mautic: Mautic, router: respx.Router
) -> None:
    space = getattr(mautic, name)
    router.delete(url__regex=r"/7/").mock(side_effect=[httpx.ReadError("cut"), refusal(404, "Item was not found.")])
    assert (await space.delete(7)).id == 7


@SPACES
async def test_create_many_reports_each_row(name: str, mautic: Mautic, router: respx.Router) -> None:
    space = getattr(mautic, name)
    given = entity(space.endpoint.model, "create")
    answer = {
        space.endpoint.many: {"0": row(space, 7), "2": row(space, 9)},
        "statusCodes": [201, 400, 200],
        "errors": {"1": {"code": 400, "message": "name: bad", "details": {"name": ["bad"]}, "type": None}},
    }
    router.post(f"{space.endpoint.path}/batch/new").respond(201, json=answer)
    outcomes = await space.create_many([given, given, given])
    assert [(found.index, found.status, found.id) for found in outcomes] == [
        (0, "created", 7),
        (1, "rejected", 0),
        (2, "updated", 9),
    ]
    assert [str(problem) for problem in outcomes[1].problems] == ["name: bad"]
    assert asked(router) == [codec.encode(given)] * 3


@SPACES
@pytest.mark.parametrize(("verb", "method"), [("edit_many", "PATCH"), ("replace_many", "PUT")])
async def test_edit_many_requires_distinct_ids(
    name: str, verb: str, method: str, mautic: Mautic, router: respx.Router
) -> None:
    space = getattr(mautic, name)
    given = entity(space.endpoint.model, verb)
    kind = type(given)
    rows = [kind(**{**_named(given), "id": id}) for id in (7, 9)]
    answer = {space.endpoint.many: [row(space, 7), row(space, 9)], "statusCodes": [200, 200]}
    router.route(method=method, url=f"{SITE}/api/{space.endpoint.path}/batch/edit").respond(json=answer)
    router.get(space.endpoint.path).respond(json={space.endpoint.many: []})  # tweets with a category are not replaced
    outcomes = await getattr(space, verb)(rows)
    assert [(found.index, found.status, found.id) for found in outcomes] == [(0, "updated", 7), (1, "updated", 9)]
    assert [sent["id"] for sent in asked(router)] == [7, 9]
    writes = len([call for call in router.calls if call.request.method == method])
    for wrong in ([rows[0], rows[0]], [given]):
        with pytest.raises(ConfigurationError, match="id"):
            await getattr(space, verb)(wrong)
    assert len([call for call in router.calls if call.request.method == method]) == writes == 1


def _named(given: Any) -> dict[str, Any]:
    import attrs

    return {a.name: getattr(given, a.name) for a in attrs.fields(type(given)) if a.init}


@SPACES
async def test_create_many_splits_rows_into_requests_and_keeps_their_order(
    name: str, mautic: Mautic, router: respx.Router
) -> None:
    space = getattr(mautic, name)

    def store(request: httpx.Request) -> httpx.Response:
        rows = json.loads(request.content)
        return httpx.Response(
            201,
            json={space.endpoint.many: [row(space, n + 1) for n in range(len(rows))], "statusCodes": [201] * len(rows)},
        )

    router.post(url__regex=r"batch/new").mock(side_effect=store)
    outcomes = await space.create_many([entity(space.endpoint.model, "create")] * 450)
    assert [len(json.loads(call.request.content)) for call in router.calls] == [200, 200, 50]
    assert [found.index for found in outcomes] == list(range(450))


@SPACES
async def test_create_many_learns_a_smaller_batch_limit(name: str, mautic: Mautic, router: respx.Router) -> None:
    space = getattr(mautic, name)

    def store(request: httpx.Request) -> httpx.Response:
        rows = json.loads(request.content)
        if len(rows) > 50:
            return refusal(500, "A max of 50 entities are supported at a time.")
        found = [row(space, n + 1) for n in range(len(rows))]
        return httpx.Response(201, json={space.endpoint.many: found, "statusCodes": [201] * len(rows)})

    router.post(url__regex=r"batch/new").mock(side_effect=store)
    outcomes = await space.create_many([entity(space.endpoint.model, "create")] * 120)
    assert [found.status for found in outcomes] == ["created"] * 120
    assert [len(json.loads(call.request.content)) for call in router.calls] == [120, 50, 50, 20]


@SPACES
async def test_delete_many_reports_the_rows_that_are_gone(name: str, mautic: Mautic, router: respx.Router) -> None:
    space = getattr(mautic, name)
    held = {7, 8}

    def look(request: httpx.Request) -> httpx.Response:
        found = [row(space, id) for id in sorted(held)]
        return httpx.Response(200, json={"total": len(found), space.endpoint.many: found})

    def one(request: httpx.Request) -> httpx.Response:
        id = int(request.url.path.rpartition("/")[2])
        return httpx.Response(200, json={space.endpoint.one: row(space, id)}) if id in held else refusal(404)

    def delete(request: httpx.Request) -> httpx.Response:
        held.discard(7)
        listed = [row(space, id) for id in (7, 8)]  # 8 was not allowed, 9 never was
        return httpx.Response(200, json={space.endpoint.many: listed})

    router.get(space.endpoint.path).mock(side_effect=look)
    router.get(url__regex=rf"/{space.endpoint.path}/\d+$").mock(side_effect=one)
    router.delete(f"{space.endpoint.path}/batch/delete").mock(side_effect=delete)
    outcomes = await space.delete_many([7, 8, 9])
    assert [(found.id, found.status) for found in outcomes] == [(7, "updated"), (8, "rejected"), (9, "rejected")]
    deletion = next(call.request for call in router.calls if call.request.method == "DELETE")
    assert deletion.url.params["ids"] == "7,8"
    assert not deletion.content, "Mautic does not read it"
