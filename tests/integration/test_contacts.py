"""Contacts through the real client against the simulator, on virtual time: what a user relies on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import pytest

from mautic_async import (
    ConfigurationError,
    Contact,
    CustomItem,
    Limits,
    Mautic,
    MauticError,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Rejected,
    UniqueField,
    ValueNotKept,
)
from mautic_async import models as m
from mautic_async.testing import FakeMautic
from mautic_async.testing.virtual_time import run_virtual, virtual_clock
from tests.support.sizes import sized

Scenario = Callable[[FakeMautic, Mautic], Awaitable[None]]


def play(scenario: Scenario, seed: int | None = None, limits: Limits | None = None, **settings: Any) -> FakeMautic:
    """Run *scenario* with a client and a simulated server on virtual time."""
    kept: list[FakeMautic] = []

    async def main() -> None:
        clock = virtual_clock(asyncio.get_running_loop(), seed or 0)
        async with FakeMautic(clock=clock, **settings) as fake:
            kept.append(fake)
            async with Mautic(fake.url, auth=fake.auth, transport=fake.transport, clock=clock, limits=limits) as mautic:
                await scenario(fake, mautic)

    run_virtual(main(), seed)
    return kept[0]


def emails(fake: FakeMautic) -> list[str]:
    return sorted(str(contact["fields"]["email"]) for contact in fake.contacts)


def orders(number: int, *, sku: str = "") -> list[CustomItem]:
    return [CustomItem("products", name=f"P{number}", attributes={"sku": sku or f"S{number}"})]


def item(number: str, **attributes: Any) -> CustomItem:
    return CustomItem("orders", name=f"Order {number}", attributes={"order-number": number, **attributes})


def test_upsert_creates_then_updates() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        first = await mautic.contacts.upsert(Contact(email="ada@example.com", firstname="Ada", tags=["a"]))
        second = await mautic.contacts.upsert(Contact(email="ADA@example.com ", lastname="L", tags=["b"]))
        assert second.id == first.id
        assert (second.firstname, second.lastname) == ("Ada", "L")
        assert sorted(second.tags or []) == ["a", "b"]
        assert len(fake.contacts) == 1
        assert mautic.version == "5.1.1"

    play(scenario)


def test_upsert_groups_creates_and_reads_back_custom_items() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        stored = await mautic.contacts.upsert(
            Contact(email="a@example.com", custom_items=[*orders(1), item("77", amount=5), *orders(2)])
        )
        items = {(one.object, one.name): one for one in stored.custom_items or []}
        assert set(items) == {("products", "P1"), ("products", "P2"), ("orders", "Order 77")}
        assert items["orders", "Order 77"].attributes["amount"] == 5
        assert stored.custom_items_truncated is False
        changed = items["products", "P1"]
        again = await mautic.contacts.edit(
            stored.id, Contact(custom_items=[CustomItem("products", id=changed.id, attributes={"color": "black"})])
        )
        one = next(one for one in again.custom_items or [] if one.id == changed.id)
        assert (one.name, one.attributes["sku"], one.attributes["color"]) == ("P1", "S1", "black")
        assert len(fake.custom_items) == 3

    play(scenario)


def test_get_marks_a_full_page_of_items_as_cut_off() -> None:
    """Invariant 13."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        many = [CustomItem("products", name=f"P{number}") for number in range(12)]
        stored = await mautic.contacts.create(Contact(email="a@example.com", custom_items=many))
        assert stored.custom_items_truncated
        assert len(stored.custom_items or []) == 10

    play(scenario)


@pytest.mark.parametrize(
    ("custom", "named"),
    [
        (CustomItem("nosuch", name="x"), "nosuch"),
        (CustomItem(object_id=999, name="x"), "999"),
        (CustomItem("products", id=12345, name="x"), "12345"),
        (CustomItem("products", name="x", attributes={"nosuch": 1}), "nosuch"),
    ],
)
def test_upsert_raises_rejected_naming_an_unknown_object_item_or_field(custom: CustomItem, named: str) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        with pytest.raises((Rejected, NotFound), match=named):
            await mautic.contacts.create(Contact(email="a@example.com", custom_items=[custom]))
        assert not fake.contacts

    play(scenario)


def test_upsert_refuses_clearing_or_clears_with_a_second_request() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        first = await mautic.contacts.create(Contact(email="a@example.com", firstname="Ada", city="Rome", points=7))
        with pytest.raises(ConfigurationError, match='clear="patch"'):
            await mautic.contacts.upsert(Contact(email="a@example.com", city=None))
        cleared = await mautic.contacts.upsert(Contact(email="a@example.com", city=None), clear="patch")
        assert (cleared.id, cleared.city, cleared.firstname, cleared.points) == (first.id, None, "Ada", 7)
        posts = [request for request in fake.requests if "overwriteWithBlank" in str(request)]
        assert all("PATCH" in str(request) for request in posts)

    play(scenario)


def test_edit_clears_fields_set_to_none() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        first = await mautic.contacts.create(Contact(email="a@example.com", firstname="Ada", city="Rome"))
        edited = await mautic.contacts.edit(first.id, Contact(city=None))
        assert (edited.city, edited.firstname) == (None, "Ada")
        assert (await mautic.contacts.get(first.id)).city is None

    play(scenario)


BAD_INPUT: dict[str, Callable[[Mautic], Awaitable[Any]]] = {
    "an id that is not positive": lambda mautic: mautic.contacts.get(0),
    "an upsert without a unique value": lambda mautic: mautic.contacts.upsert(Contact(firstname="A")),
    "a batch edit row without id": lambda mautic: mautic.contacts.edit_many([Contact(firstname="A")]),
    "invariant 9: an id twice": lambda mautic: mautic.contacts.edit_many(
        [Contact(id=1, city="a"), Contact(id=1, city="b")]
    ),
    "invariant 14: a zero": lambda mautic: mautic.contacts.edit(1, Contact(points=0)),
    "a zero in a new contact": lambda mautic: mautic.contacts.create(Contact(email="a@b.co", fields={"seats": 0})),
    "the text zero": lambda mautic: mautic.contacts.upsert(Contact(email="a@b.co", city="0")),
    "an empty entity": lambda mautic: mautic.contacts.create(Contact()),
    "None in an upsert": lambda mautic: mautic.contacts.upsert(Contact(email="a@b.co", city=None)),
    "an empty list in an upsert": lambda mautic: mautic.contacts.upsert(Contact(email="a@b.co", fields={"multi": []})),
    "a NUL": lambda mautic: mautic.contacts.upsert(Contact(email="a@b.co", city="a\x00b")),
    "a limit of nought": lambda mautic: mautic.contacts.list(limit=0),
    "an address that would lose a letter": lambda mautic: mautic.contacts.upsert(Contact(email="Jörg@example.com")),
    "a field twice": lambda mautic: mautic.contacts.create(Contact(email="a@b.co", fields={"email": "b@b.co"})),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_upsert_refuses_bad_input_before_sending(case: str) -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        with pytest.raises(ConfigurationError):
            await BAD_INPUT[case](mautic)
        assert not fake.requests

    play(scenario)


def test_upsert_with_a_lost_response_is_outcome_unknown_and_not_repeated() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        await mautic.contacts.list(limit=1)
        fake.fail("reset", route="contacts/new", work="done")
        with pytest.raises(OutcomeUnknown, match="look it up"):
            await mautic.contacts.upsert(Contact(email="a@example.com"))
        assert emails(fake) == ["a@example.com"]
        found = await mautic.contacts.find(email="A@example.com")
        assert found is not None
        assert await mautic.contacts.find(email="b@example.com") is None

    play(scenario)


def test_bulk_upsert_gives_one_outcome_a_row() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        made = await mautic.contacts.create_many(
            [Contact(email="a@example.com"), Contact(email="no-address"), Contact(email="c@example.com")]
        )
        assert [outcome.status for outcome in made] == ["created", "rejected", "created"]
        assert made[1].problems[0].field == "email"
        edited = await mautic.contacts.edit_many([Contact(id=made[0].id, city="Rome"), Contact(id=999, city="x")])
        assert [outcome.status for outcome in edited] == ["updated", "rejected"]
        gone = await mautic.contacts.delete_many([made[0].id, 999, made[2].id])
        assert [outcome.status for outcome in gone] == ["updated", "rejected", "updated"]
        assert not fake.contacts
        assert await mautic.contacts.create_many([]) == []

    play(scenario)


def test_create_many_sends_no_empty_batch_and_a_batch_is_a_list() -> None:
    """Invariant 7."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        report = await mautic.contacts.bulk_upsert([], preflight="none")
        assert report.read == 0
        assert not fake.requests

    play(scenario)


def test_bulk_upsert_learns_a_smaller_batch_limit() -> None:
    """Invariant 6."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        rows = [Contact(email=f"u{number}@example.com") for number in range(70)]
        outcomes = await mautic.contacts.create_many(rows)
        assert {outcome.status for outcome in outcomes} == {"created"}
        assert len(fake.contacts) == 70

    play(scenario, batch_limit=30)


# --- bulk ---


async def collect(entered: Any) -> list[Outcome[Contact]]:
    outcomes = []
    async with entered as job:
        async for outcome in job:
            outcomes.append(outcome)  # noqa: PERF401 - an async comprehension would hide the loop under test
    return sorted(outcomes, key=lambda outcome: outcome.index)


def test_bulk_upsert_never_overlaps_rows_of_one_contact() -> None:
    """Invariants 24 and 25."""
    spellings = ["jorg@example.com", "JORG@example.com", " jorg@example.com", "Jorg@EXAMPLE.com"]

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        rows = [
            Contact(email=spelling, firstname=f"v{version}")
            for version in range(10)
            for spelling in (spellings[version % 4], f"other{version}@example.com")
        ]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows))
        assert [outcome.status for outcome in outcomes].count("created") == 11
        (jorg,) = [contact for contact in fake.contacts if "jorg" in str(contact["fields"]["email"]).lower()]
        assert jorg["fields"]["firstname"] == "v9"

    play(scenario, latency=(0.05, 0.01))


def test_bulk_upsert_posts_and_requests_items_with_true_only() -> None:
    """Invariants 10 and 8."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        rows = [Contact(email=f"u{number}@example.com", custom_items=orders(number)) for number in range(60)]
        await mautic.contacts.bulk_upsert(rows)
        writes = [request for request in fake.requests if "batch" in request.path]
        assert {request.method for request in writes} == {"POST"}
        assert len(fake.custom_items) == 60

    play(scenario)


FAULTS: dict[str, dict[str, Any]] = {
    "reset before": {"what": "reset", "work": "undone"},
    "reset half way": {"what": "reset", "work": "half"},
    "reset after": {"what": "reset", "work": "done"},
    "refused": {"what": "refuse"},
    "500 half done": {"what": 500, "work": "half"},
    "502": {"what": 502, "work": "half"},
    "503": {"what": 503, "work": "undone"},
    "504 still running": {"what": 504, "work": "continues"},
    "time-out, still running": {"what": "timeout", "work": "continues"},
    "cut short": {"what": "cut", "work": "done"},
    "html": {"what": "html", "work": "done"},
    "429": {"what": 429},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_bulk_upsert_loses_and_doubles_no_row_under_a_fault(fault: str) -> None:
    """Invariants 20, 21, 35: unknown outcomes are settled and looked up, not re-sent blindly."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        await mautic.contacts.list(limit=1)
        settings = dict(FAULTS[fault])
        fake.fail(settings.pop("what"), route="batch/new", times=2, **settings)
        rows = [
            Contact(email=f"u{number}@example.com", firstname=f"n{number}", custom_items=[item(f"o{number}")])
            for number in range(300)
        ]
        async with mautic.contacts.bulk_upsert(rows, match_items=UniqueField("order-number")) as job:
            outcomes = [outcome async for outcome in job]
        report = job.report
        assert sorted(outcome.index for outcome in outcomes) == list(range(300))
        assert report.read == 300
        assert report.created + report.updated + report.rejected + report.partial + report.unknown == 300
        assert {outcome.status for outcome in outcomes} <= {"created", "updated"}
        assert emails(fake) == sorted(f"u{number}@example.com" for number in range(300))
        assert len(fake.custom_items) == 300
        assert sorted(str(contact["fields"]["firstname"]) for contact in fake.contacts) == sorted(
            f"n{number}" for number in range(300)
        )

    play(scenario, latency=(0.1, 0.01))


def test_bulk_upsert_rejects_bad_rows_with_reasons_and_stores_the_rest() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        rows = [
            Contact(email="a@example.com"),
            Contact(email="not-an-address"),
            Contact(firstname="nobody"),
            Contact(email="b@example.com", fields={"seats": 0}),
            Contact(email="c@example.com", fields={"nosuch": "x"}),
            Contact(
                email="d@example.com", custom_items=[CustomItem("products", name="x", attributes={"website": "no"})]
            ),
            Contact(email="e@example.com"),
        ]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows))
        assert [outcome.status for outcome in outcomes] == [
            "created",
            "rejected",
            "rejected",
            "rejected",
            "rejected",
            "partial",
            "created",
        ]
        assert [outcome.problems[0].field for outcome in outcomes if outcome.status == "rejected"] == [
            "email",
            None,
            "seats",
            "nosuch",
        ]
        assert emails(fake) == ["a@example.com", "d@example.com", "e@example.com"]

    play(scenario)


def test_bulk_upsert_raises_an_error_of_the_source_and_keeps_sent_rows() -> None:
    """Invariant 34."""

    def broken() -> Iterator[Contact]:
        for number in range(120):
            yield Contact(email=f"u{number}@example.com")
        raise LookupError("the source is gone")

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        seen = 0
        with pytest.raises(LookupError, match="the source is gone"):
            async with mautic.contacts.bulk_upsert(broken()) as job:
                async for _ in job:
                    seen += 1
        assert len(asyncio.all_tasks()) <= 3
        assert job.report.read == seen

    play(scenario, latency=(0.1, 0.01))


@pytest.mark.parametrize("after", [0, 1, 77])
def test_bulk_upsert_leaves_no_task_after_a_break(after: int) -> None:
    """Invariant 33."""

    async def rows() -> AsyncIterator[Contact]:
        number = 0
        while True:
            yield Contact(email=f"u{number}@example.com")
            number += 1

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        before = len(asyncio.all_tasks())
        async with mautic.contacts.bulk_upsert(rows()) as job:
            count = 0
            async for _ in job:
                if count == after:
                    break
                count += 1
        assert len(asyncio.all_tasks()) == before
        assert mautic.rate_limit.in_flight == 0

    play(scenario, latency=(0.1, 0.01))


def test_bulk_upsert_cancelled_reports_no_unstored_row_as_done() -> None:
    """Invariant 37."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        done: list[Outcome[Contact]] = []

        async def job() -> None:
            rows = (Contact(email=f"u{number}@example.com") for number in range(100_000))
            async with mautic.contacts.bulk_upsert(rows) as running:
                async for outcome in running:
                    done.append(outcome)  # noqa: PERF401 - the list must survive the cancellation

        task = asyncio.ensure_future(job())
        await asyncio.sleep(sized(5, 30))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stored = set(emails(fake))
        assert done
        assert all(f"u{outcome.index}@example.com" in stored for outcome in done if outcome.ok)

    play(scenario, latency=(0.1, 0.01))


def test_bulk_upsert_raises_a_fatal_error_unwrapped() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        fake.settings.api_enabled = False
        with pytest.raises(MauticError) as caught:
            await mautic.contacts.bulk_upsert([Contact(email="a@example.com")], preflight="none")
        assert "API Settings" in str(caught.value)

    play(scenario)


def test_bulk_upsert_returns_contacts_and_clears_in_the_same_request() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        await mautic.contacts.create(Contact(email="a@example.com", city="Rome", firstname="Ada"))
        rows = [Contact(email="a@example.com", city=None), Contact(email="b@example.com", city="Oslo")]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows, clear="patch", returning="contacts"))
        assert [outcome.status for outcome in outcomes] == ["updated", "created"]
        first = outcomes[0].contact
        assert first is not None
        assert (first.city, first.firstname) == (None, "Ada")
        assert not any(one.method == "PATCH" for one in fake.requests)

    play(scenario)


def test_bulk_upsert_edits_rows_with_an_id() -> None:
    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        one = await mautic.contacts.create(Contact(email="old@example.com", firstname="Ada"))
        outcomes = await collect(
            mautic.contacts.bulk_upsert([Contact(id=one.id, email="new@example.com"), Contact(email="b@example.com")])
        )
        assert [outcome.status for outcome in outcomes] == ["updated", "created"]
        assert emails(fake) == ["b@example.com", "new@example.com"]

    play(scenario)


def test_bulk_upsert_stores_the_same_item_twice_whole() -> None:
    """Invariants 63 and 64."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        rows = [
            Contact(email="a@example.com", custom_items=[item("7", amount=1)]),
            Contact(email="b@example.com", custom_items=[item("7", amount=2)]),
        ]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows, match_items=UniqueField("order-number")))
        assert [outcome.status for outcome in outcomes] == ["created", "created"]
        assert len(fake.custom_items) == 1
        page = await mautic.contacts.list(include_custom_objects=True)
        assert [[one.attributes["amount"] for one in contact.custom_items or []] for contact in page.items] == [
            [2],
            [2],
        ]

    play(scenario)


def test_bulk_upsert_rejects_the_row_of_a_missing_contact_with_a_failed_item() -> None:
    """Row code 0 in words that nobody has seen before: a look tells whether the contact is stored."""

    async def scenario(fake: FakeMautic, mautic: Mautic) -> None:
        rows = [
            Contact(
                email="a@example.com", custom_items=[CustomItem("samples", name="x", attributes={"a-date": "soonish"})]
            ),
            Contact(
                email="b@example.com", custom_items=[CustomItem("products", name="x", attributes={"website": "no"})]
            ),
        ]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows))
        assert [outcome.status for outcome in outcomes] == ["rejected", "partial"]
        assert emails(fake) == ["b@example.com"]
        assert outcomes[1].id == fake.contacts[0]["id"]

    play(scenario)


@pytest.mark.parametrize("namespace", ["contacts", "companies"])
async def test_upsert_of_a_dict_says_how_to_write_it(namespace: str) -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        with pytest.raises(ConfigurationError, match=rf"{namespace}\.upsert takes a \w+, not a dict: upsert\("):
            await getattr(mautic, namespace).upsert({"email": "ada@example.com"})


async def test_zeros_drop_leaves_out_zeros_that_mautic_would_not_store() -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        contact = Contact(email="ada@example.com", attribution=0.0, points=0)
        with pytest.raises(ConfigurationError, match="zeros="):
            await mautic.contacts.upsert(contact)
        stored = await mautic.contacts.upsert(contact, zeros="drop")
        assert (stored.points, stored.attribution) == (0, None)
        assert (await mautic.contacts.edit(stored.id, Contact(city="Rome", points=0), zeros="drop")).city == "Rome"


async def test_upsert_of_zero_points_onto_a_contact_with_points_raises_value_not_kept() -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        await mautic.contacts.upsert(Contact(email="ada@example.com", points=5))
        with pytest.raises(ValueNotKept, match="points") as caught:
            await mautic.contacts.upsert(Contact(email="ada@example.com", points=0))
        assert caught.value.entity.points == 5


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"ctiy": "Rome"}, "ctiy: this Mautic has no such contact field"),
        ({"website": "no url"}, "website: not a URL"),
        ({"attribution_date": "someday"}, "attribution_date: not a date"),
        ({"attribution": "many"}, "attribution: not a number"),
    ],
)
async def test_single_writes_check_fields_by_one_request_that_is_kept(fields: dict[str, Any], reason: str) -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        stored = await mautic.contacts.create(Contact(email="ada@example.com", firstname="Ada"))
        assert [request.path for request in fake.requests if request.method == "GET"] == []
        for _ in range(2):
            for write in (
                mautic.contacts.edit(stored.id, Contact(fields=fields)),
                mautic.contacts.upsert(Contact(email="ada@example.com", fields=fields)),
                mautic.contacts.create(Contact(email="ada@example.com", fields=fields)),
                mautic.contacts.replace(stored.id, Contact(email="ada@example.com", fields=fields)),
            ):
                with pytest.raises(ConfigurationError, match=reason):
                    await write
        assert [request.path for request in fake.requests if request.method == "GET"] == ["/api/fields/contact"]


@pytest.mark.virtual_time
async def test_a_field_that_was_added_meanwhile_is_asked_for_again_after_a_minute() -> None:
    clock = virtual_clock(asyncio.get_running_loop())
    async with (
        FakeMautic(clock=clock) as fake,
        Mautic(fake.url, auth=fake.auth, transport=fake.transport, clock=clock) as mautic,
    ):
        stored = await mautic.contacts.create(Contact(email="ada@example.com", fields={"attribution": 1}))
        await mautic.contact_fields.create(m.Field(label="Shoe", alias="shoe", type="text"))
        with pytest.raises(ConfigurationError, match="no such contact field"):
            await mautic.contacts.edit(stored.id, Contact(fields={"shoe": "43"}))
        await asyncio.sleep(61)
        edited = await mautic.contacts.edit(stored.id, Contact(fields={"shoe": "43"}))
        assert isinstance(edited.fields, Mapping)
        assert edited.fields["shoe"] == "43"


async def test_bulk_upsert_reports_a_row_partial_if_a_value_is_not_kept() -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        await mautic.contacts.upsert(Contact(email="ada@example.com", points=5))
        rows = [
            Contact(email="ada@example.com", points=0),
            Contact(email="bob@example.com", points=0),
            Contact(email="cy@example.com", firstname=" Cy ", tags=["new"]),
        ]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows, preflight="none"))
        assert [outcome.status for outcome in outcomes] == ["partial", "created", "created"]
        assert [problem.field for problem in outcomes[0].problems] == ["points"]


async def test_bulk_upsert_drops_zeros_and_sends_changes_of_contacts_that_were_read() -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        stored = await mautic.contacts.upsert(Contact(email="ada@example.com", tags=["a", "b"], points=0))
        read = await mautic.contacts.get(stored.id)
        read.city, read.tags = "Rome", ["b"]
        unchanged = await mautic.contacts.get(stored.id)
        rows = [read, unchanged, Contact(email="bob@example.com", attribution=0.0)]
        outcomes = await collect(mautic.contacts.bulk_upsert(rows, zeros="drop"))
        assert [outcome.status for outcome in outcomes] == ["updated", "updated", "created"]
        found = await mautic.contacts.get(stored.id)
        assert (found.city, found.tags) == ("Rome", ["b"])


async def test_bulk_edit_reports_a_row_partial_if_a_value_is_not_kept() -> None:
    async with FakeMautic() as fake, Mautic(fake.url, auth=fake.auth, transport=fake.transport) as mautic:
        tag = await mautic.tags.create(m.Tag(tag="a"))
        outcomes = await collect(mautic.tags.bulk_edit([m.Tag(id=tag.id, description="d")]))
        assert [outcome.status for outcome in outcomes] == ["partial"]
        assert outcomes[0].problems[0].field == "description"
