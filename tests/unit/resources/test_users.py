from __future__ import annotations

import pytest

from mautic_async import (
    ConfigurationError,
    ValueNotKept,
)
from mautic_async import models as m
from tests.support.canned_client import run_with_answers


def test_users_self_is_read_without_an_envelope() -> None:
    found, _ = run_with_answers(
        {"GET users/self": {"username": "lab-cc [1]", "role": {"id": 1}}}, lambda m: m.users.me()
    )
    assert (found.id, found.username, found.role.id) == (0, "lab-cc [1]", 1)


def test_users_check_permissions_returns_booleans() -> None:
    answer = {"a:b:c": True, "a:b:d": 1, "a:b:e": False}
    found, server = run_with_answers(
        {"POST users/1/permissioncheck": answer}, lambda m: m.users.check_permissions(1, ["a:b:c", "a:b:d", "a:b:e"])
    )
    assert found == {"a:b:c": True, "a:b:d": True, "a:b:e": False}
    assert server.last.body == {"permissions": ["a:b:c", "a:b:d", "a:b:e"]}
    with pytest.raises(ConfigurationError):
        run_with_answers({}, lambda mautic: mautic.users.check_permissions(1, []))


def test_users_list_roles_reads_a_bare_list() -> None:
    found, server = run_with_answers(
        {"GET users/list/roles": [{"id": 1, "name": "A"}]}, lambda m: m.users.roles(search="A")
    )
    assert found == [m.Role(id=1, name="A")]
    assert server.last.query == [("filter", "A")]


def test_users_create_repeats_the_password() -> None:
    user = m.User(username="u", first_name="U", last_name="V", email="u@example.com", role=1)
    with pytest.raises(ConfigurationError, match="plain_password"):
        run_with_answers({}, lambda mautic: mautic.users.create(user))
    user.plain_password = m.PlainPassword("one", "two")
    with pytest.raises(ConfigurationError, match="password and confirm differ"):
        run_with_answers({}, lambda mautic: mautic.users.create(user))


def test_users_edit_refuses_a_password() -> None:
    user = m.User(plain_password="Long-strong-1!")
    for verb in ("edit", "replace"):
        with pytest.raises(ConfigurationError, match="cannot change a password"):
            run_with_answers({}, lambda mautic, given: getattr(mautic.users, given)(1, user), verb)


def test_users_edit_raises_for_values_that_mautic_ignores() -> None:
    with pytest.raises(ValueNotKept, match="username: Mautic stored another value"):
        run_with_answers(
            {"PATCH users/1/edit": {"user": {"id": 1, "username": "old"}}},
            lambda mautic: mautic.users.edit(1, m.User(username="new")),
        )
    found, _ = run_with_answers(
        {"PATCH users/batch/edit": {"users": [{"id": 1, "username": "old"}], "statusCodes": [200]}},
        lambda mautic: mautic.users.edit_many([m.User(id=1, username="new", position="x")]),
    )
    assert found[0].status == "partial"
