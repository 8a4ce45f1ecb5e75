"""What a repetition of each call would do, which decides whether it may be repeated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mautic_async.clock import Clock
from mautic_async.pipeline import Pipeline
from mautic_async.protocol import Call, Effect, Payload
from mautic_async.ratelimit.settings import Limits
from mautic_async.resources._base import Resource
from mautic_async.transport.client import Timeouts, new_transport
from mautic_async.transport.in_process import in_process
from tests.support import call_every_method
from tests.support.samples import namespaces
from tests.support.scripted_server import FixedAuth

APPENDING = {
    "campaign_events": set[str](),
    "campaigns": {"clone", "import_"},
    "contacts": {
        *("add_utm", "add_points", "subtract_points", "multiply_points", "divide_points"),
        "change_group_points",  # unless it sets
    },
    "emails": {"send", "send_to_contact", "reply"},
    "files": {"upload"},
    "smses": {"send"},
}
"""Special calls each repetition of which adds something."""

ALWAYS_APPENDING = {"create", "create_many", "replace", "replace_many"}
"""Standard ones: a replacement of nothing creates, under another id."""

FOUND_AGAIN = {
    "contacts.create": Effect.UPSERT,
    "contacts.create_many": Effect.UPSERT,
    "contacts.upsert": Effect.UPSERT,
    "contacts.bulk_upsert": Effect.UPSERT,
    "companies.bulk_upsert": Effect.UPSERT,  # a known name is refused in a batch, not doubled
    "tags.create": Effect.IDEMPOTENT,
    "tags.create_many": Effect.IDEMPOTENT,
    "companies.upsert": Effect.NON_IDEMPOTENT,  # a creation, after a look
    "custom_items.replace": Effect.IDEMPOTENT,
    "custom_fields.replace": Effect.IDEMPOTENT,
    "projects.replace": Effect.IDEMPOTENT,
}
"""Those that the server finds again, or not, against the rule for their name."""


def expected(name: str, method: str, call: Call) -> Effect:
    if method in APPENDING.get(name, ()):
        return Effect.NON_IDEMPOTENT
    if call.method == "GET":
        return Effect.READ
    if f"{name}.{method}" in FOUND_AGAIN:
        return FOUND_AGAIN[f"{name}.{method}"]
    if call.path in {"focus/7001/js", "users/7001/permissioncheck"}:
        return Effect.READ
    return Effect.NON_IDEMPOTENT if method in ALWAYS_APPENDING else Effect.IDEMPOTENT


async def test_every_method_declares_the_effect_of_a_repetition(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "t.zip").write_bytes(b"PK")
    calls: list[Call] = []

    class Noting(Pipeline):
        async def send(self, call: Call) -> Payload:
            calls.append(call)
            return await super().send(call)

    carrier = new_transport(
        "https://mautic.test", Timeouts(), transport=in_process(call_every_method.RecordingServer())
    )
    pipeline = Noting(carrier, FixedAuth(), Limits(), Clock())
    wrong, seen = {}, 0

    class Client:
        def __getattr__(self, name: str) -> Any:
            return namespaces()[name](pipeline)

    for name, method, _ in call_every_method.methods():
        calls.clear()
        await call_every_method.call(Client(), name, method, tmp_path)  # type: ignore[arg-type]  # all that it asks for
        seen += len(calls)
        for call in calls:
            if call.effect is not expected(name, method, call):
                wrong[f"{name}.{method}: {call}"] = call.effect
    await pipeline.aclose()
    assert wrong == {}
    assert seen > 500


def test_only_contacts_and_tags_are_found_again_by_a_repeated_create() -> None:
    found = {
        name
        for name, kind in namespaces().items()
        if issubclass(kind, Resource) and kind.endpoint.create_effect is not Effect.NON_IDEMPOTENT
    }
    assert found == {"tags"}
