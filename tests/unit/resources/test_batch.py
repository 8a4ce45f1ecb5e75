"""Batches that fail, wholly or row by row."""

from __future__ import annotations

import json
from typing import Any

import pytest

from mautic_async import AuthenticationError, OutcomeUnknown, PermissionDenied, ServerError
from mautic_async import models as m
from tests.support.canned_client import error_answer, run_with_answers

STAGES = [m.Stage(name=str(n)) for n in range(300)]


def stored(request: Any) -> Any:
    count = len(request.body)
    return 201, {"stages": [{"id": n + 1} for n in range(count)], "statusCodes": [201] * count}


@pytest.mark.parametrize(("status", "kind"), [(401, AuthenticationError), (403, PermissionDenied)])
def test_create_many_raises_an_error_that_affects_every_row(status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        run_with_answers(
            {"POST stages/batch/new": error_answer(status, "no")}, lambda mautic: mautic.stages.create_many(STAGES)
        )


def test_create_many_reports_unknown_rows_for_an_answer_without_rows() -> None:
    found, server = run_with_answers(
        {"POST stages/batch/new": (201, None)}, lambda mautic: mautic.stages.create_many(STAGES)
    )
    assert {outcome.status for outcome in found} == {"unknown"}
    assert len(server.requests) == 2


def test_create_many_reports_the_other_chunks_after_a_failed_one() -> None:
    found, _ = run_with_answers(
        {
            "POST stages/batch/new": lambda request: (
                stored(request) if len(request.body) == 200 else error_answer(422, "bad")
            )
        },
        lambda mautic: mautic.stages.create_many(STAGES),
    )
    assert [outcome.status for outcome in found] == ["created"] * 200 + ["rejected"] * 100
    assert [outcome.index for outcome in found] == list(range(300))
    assert [str(problem) for problem in found[250].problems] == ["bad"]


def test_create_many_reports_unknown_rows_after_a_lost_response_and_no_retry() -> None:
    found, server = run_with_answers(
        {"POST stages/batch/new": ConnectionResetError()}, lambda mautic: mautic.stages.create_many(STAGES[:5])
    )
    assert [outcome.status for outcome in found] == ["unknown"] * 5
    assert len(server.requests) == 1


def test_create_many_reports_unknown_rows_before_the_failure_of_a_bare_500() -> None:
    fault = 500, {"errors": [{"message": "Looks like I encountered an error (error #500).", "code": 500, "type": None}]}
    found, _ = run_with_answers({"POST stages/batch/new": fault}, lambda mautic: mautic.stages.create_many(STAGES[:5]))
    assert {outcome.status for outcome in found} == {"unknown"}


def test_edit_many_is_retried_because_it_is_idempotent() -> None:
    rows = [m.Stage(id=n + 1, name="x") for n in range(3)]
    done = 200, {"stages": [{"id": n + 1} for n in range(3)], "statusCodes": [200] * 3}
    found, server = run_with_answers(
        {"PATCH stages/batch/edit": [(502, b""), done]}, lambda mautic: mautic.stages.edit_many(rows)
    )
    assert [outcome.status for outcome in found] == ["updated"] * 3
    assert len(server.requests) == 2


def test_create_many_failed_row_has_no_entity_though_the_response_shows_one() -> None:
    answer = {
        "stages": [{"id": 1, "name": "unsaved"}, {"id": 2}],
        "statusCodes": [400, 200],
        "errors": [{"code": 400, "message": "name: bad", "details": {"name": ["bad"]}}],
    }
    rows = [m.Stage(id=1, name=""), m.Stage(id=2, name="b")]
    found, _ = run_with_answers({"PATCH stages/batch/edit": answer}, lambda mautic: mautic.stages.edit_many(rows))
    assert [(outcome.status, outcome.entity is None) for outcome in found] == [("rejected", True), ("updated", False)]


def listing(ids: set[int]) -> Any:
    return lambda _: {"total": len(ids), "stages": [{"id": id} for id in sorted(ids)]}


def test_delete_many_verifies_rows_after_a_lost_response() -> None:
    ids = {1, 2}

    def delete(_: Any) -> Any:
        ids.discard(1)
        return 504, b""

    found, _ = run_with_answers(
        {"GET stages": listing(ids), "DELETE stages/batch/delete": delete},
        lambda mautic: mautic.stages.delete_many([1, 2, 3]),
    )
    assert [(outcome.id, outcome.status) for outcome in found] == [(1, "updated"), (2, "unknown"), (3, "rejected")]


def test_delete_many_sends_only_ids_that_exist() -> None:
    ids = {1, 3}
    sent: list[str] = []

    def delete(request: Any) -> Any:
        sent.append(dict(request.query)["ids"])
        ids.clear()
        return {"stages": []}

    answers = {"GET stages": listing(ids), "DELETE stages/batch/delete": delete}
    found, _ = run_with_answers(answers, lambda mautic: mautic.stages.delete_many([1, 2, 3]))
    assert sent == ["1,3"]
    assert [(outcome.id, outcome.status) for outcome in found] == [(1, "updated"), (2, "rejected"), (3, "updated")]
    found, server = run_with_answers(answers, lambda mautic: mautic.stages.delete_many([1, 2]))
    assert [outcome.status for outcome in found] == ["rejected", "rejected"]
    assert [request.method for request in server.requests] == ["GET"]


BARE_500 = 500, {"errors": [{"message": "Looks like I encountered an error (error #500).", "code": 500, "type": None}]}


def test_edit_many_sends_only_ids_that_exist_after_a_bare_500() -> None:
    def edit(request: Any) -> Any:
        rows = json.loads(request.content)
        if any(row["id"] == 2 for row in rows):
            return BARE_500  # Mautic 7: nothing is done
        return 200, {"stages": rows, "statusCodes": [200] * len(rows)}

    rows = [m.Stage(id=id, name="x") for id in (1, 2, 3)]
    answers = {"GET stages": listing({1, 3}), "PATCH stages/batch/edit": edit}
    found, _ = run_with_answers(answers, lambda mautic: mautic.stages.edit_many(rows))
    assert [(outcome.index, outcome.status) for outcome in found] == [(0, "updated"), (1, "rejected"), (2, "updated")]
    assert found[1].problems[0].code == 404


def test_bulk_edit_rejects_the_missing_id_that_fails_its_batch() -> None:
    def edit(request: Any) -> Any:
        rows = json.loads(request.content)
        return BARE_500 if any(row["id"] == 2 for row in rows) else (200, {"stages": rows, "statusCodes": [200] * 2})

    async def work(mautic: Any) -> list[Any]:
        async with mautic.stages.bulk_edit([m.Stage(id=id, name="x") for id in (1, 2, 3)]) as job:
            return sorted([outcome async for outcome in job], key=lambda outcome: outcome.index)

    answers = {"GET stages": lambda _: {"total": 2, "stages": [{"id": 1}, {"id": 3}]}, "PATCH stages/batch/edit": edit}
    found, server = run_with_answers(answers, work)
    assert [(outcome.index, outcome.status) for outcome in found] == [(0, "updated"), (1, "rejected"), (2, "updated")]
    assert sum(request.method == "PATCH" for request in server.requests) <= 3


def test_edit_many_finds_the_row_that_fails_by_halves() -> None:
    def edit(request: Any) -> Any:
        rows = json.loads(request.content)
        if any(row["id"] == 6 for row in rows):
            return BARE_500
        return 200, {"stages": rows, "statusCodes": [200] * len(rows)}

    rows = [m.Stage(id=id, name="x") for id in range(1, 9)]
    answers = {"GET stages": listing(set(range(1, 9))), "PATCH stages/batch/edit": edit}
    found, _ = run_with_answers(answers, lambda mautic: mautic.stages.edit_many(rows))
    assert [outcome.index for outcome in found if outcome.status != "updated"] == [5]
    assert found[5].status == "unknown"


def test_delete_many_raises_permission_denied() -> None:
    with pytest.raises(PermissionDenied):
        run_with_answers(
            {"GET stages": listing({1}), "DELETE stages/batch/delete": error_answer(403, "no")},
            lambda mautic: mautic.stages.delete_many([1]),
        )


def test_delete_many_splits_rows_to_fit_the_url() -> None:
    deleted: list[int] = []

    def delete(request: Any) -> Any:
        deleted.extend(map(int, dict(request.query)["ids"].split(",")))
        return {"stages": []}

    found, server = run_with_answers(
        {"GET stages": listing(set(range(1, 451))), "DELETE stages/batch/delete": delete},
        lambda mautic: mautic.stages.delete_many(range(1, 451)),
    )
    assert deleted == list(range(1, 451))
    assert [outcome.index for outcome in found] == list(range(450))
    assert all(len(str(request.query)) < 8000 for request in server.requests)


def test_create_with_a_lost_response_explains_the_check() -> None:
    with pytest.raises(OutcomeUnknown, match="look whether it is there"):
        run_with_answers({"POST stages/new": ConnectionResetError()}, lambda mautic: mautic.stages.create(STAGES[0]))


def test_get_raises_a_server_error_unchanged() -> None:
    with pytest.raises(ServerError):
        run_with_answers(
            {"GET stages": error_answer(500, "unknown column")},
            lambda mautic: mautic.stages.list(order_by="unheard_of"),
        )


def test_create_many_encodes_all_rows_before_sending() -> None:
    with pytest.raises(ValueError, match="names nothing"):
        run_with_answers({}, lambda mautic: mautic.stages.create_many([m.Stage(name="a"), m.Stage()]))


def test_create_many_sends_a_list_for_one_row() -> None:
    _, server = run_with_answers(
        {"POST stages/batch/new": stored}, lambda mautic: mautic.stages.create_many(iter(STAGES[:1]))
    )
    assert json.loads(server.last.content) == [{"name": "0"}]
