"""What there is about contacts beside their fields."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from mautic_async import ConfigurationError, Contact, NotFound, OutcomeUnknown, Rejected
from mautic_async import models as m
from mautic_async.models import UtmTag
from tests.support.canned_client import MISSING, error_answer, run_with_answers

EVENT = {"event": "email.sent", "eventId": "email.sent1", "timestamp": "2026-01-02T03:04:05+00:00", "contactId": "12"}


def test_activity_is_filtered_and_paged() -> None:
    answer = {
        "events": [EVENT],
        "total": 1,
        "page": 2,
        "limit": 10,
        "maxPages": "11.0",
        "types": {"email.sent": "Sent"},
    }
    there = timezone(timedelta(hours=1))
    found, server = run_with_answers(
        {"GET contacts/12/activity": answer},
        lambda mautic: mautic.contacts.activity(
            12,
            search="x",
            include=["email.sent"],
            exclude=["page.hit", "page.videohit"],
            date_from=datetime(2026, 1, 1, 1, tzinfo=there),
            date_to=datetime(2026, 2, 1, tzinfo=UTC),
            order_dir="asc",
            page=2,
            limit=10,
        ),
    )
    assert isinstance(found, m.Timeline)
    assert (found.total, found.page, found.max_pages, found.types) == (1, 2, 11, {"email.sent": "Sent"})
    assert found.events
    assert (found.events[0].contact_id, found.events[0].timestamp) == (12, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert server.last.query == [
        ("filters[search]", "x"),
        ("filters[includeEvents][0]", "email.sent"),
        ("filters[excludeEvents][0]", "page.hit"),
        ("filters[excludeEvents][1]", "page.videohit"),
        ("filters[dateFrom]", "2026-01-01 00:00:00"),
        ("filters[dateTo]", "2026-02-01 00:00:00"),
        ("order[0]", "timestamp"),
        ("order[1]", "ASC"),
        ("page", "2"),
        ("limit", "10"),
    ]


def test_activity_outside_the_dates_is_dropped_on_servers_that_ignore_them() -> None:
    old = {**EVENT, "eventId": "2", "timestamp": "2020-01-01T00:00:00+00:00"}
    found, _ = run_with_answers(
        {"GET contacts/activity": {"events": [EVENT, old], "total": 2}},
        lambda mautic: mautic.contacts.activity(date_from=datetime(2026, 1, 1, tzinfo=UTC)),
    )
    assert [event.event_id for event in found.events] == ["email.sent1"]


def test_activity_refuses_a_date_without_a_zone() -> None:
    with pytest.raises(ConfigurationError, match=r"date_from: .*time zone"):
        run_with_answers({}, lambda mautic: mautic.contacts.activity(1, date_from=datetime(2026, 1, 1)))  # noqa: DTZ001 - the point


def test_iterate_activity_yields_each_event_once_while_pages_shift() -> None:
    pages = [[0, 1], [1, 2], [3]]

    def page(request: Any) -> Any:
        number = int(dict(request.query)["page"])
        events = [{**EVENT, "eventId": f"e{n}"} for n in pages[number - 1]]
        return {"events": events, "maxPages": 3}

    async def use(mautic: Any) -> list[str]:
        return [event.event_id async for event in mautic.contacts.iterate_activity(12)]

    found, server = run_with_answers({"GET contacts/12/activity": page}, use)
    assert found == ["e0", "e1", "e2", "e3"]
    assert len(server.requests) == 3


def test_notes_and_devices_name_their_contact_and_sort_by_their_own_table() -> None:
    async def use(mautic: Any) -> Any:
        notes = await mautic.contacts.notes(12, order_by="dateAdded", order_by_dir="desc", limit=5, start=2)
        devices = await mautic.contacts.devices(12, order_by="d.id")
        return notes, devices

    (notes, devices), server = run_with_answers(
        {
            "GET contacts/12/notes": {
                "total": 1,
                "notes": [{"id": 10, "text": "hello", "type": "general", "lead": {}}],
            },
            "GET contacts/12/devices": {"total": 2, "devices": [{"id": 11, "lead": {}, "clientInfo": []}, {"id": 10}]},
        },
        use,
    )
    assert notes.items == [m.Note(id=10, text="hello", type="general", contact=Contact(id=12))]
    assert [device.contact for device in devices.items] == [Contact(id=12)] * 2
    assert dict(server.requests[0].query) == {
        "orderBy": "n.dateAdded",
        "orderByDir": "desc",
        "limit": "5",
        "start": "2",
    }
    assert dict(server.requests[1].query) == {"orderBy": "d.id"}


def test_memberships_are_read_from_all_their_shapes() -> None:
    segment = {"id": 11, "name": "Members", "alias": "members", "dateAdded": "2026-11-21T03:28:49+00:00"}
    campaign = {"id": 1, "name": "C", "listMembership": [11], "manuallyAdded": True}
    company = {"company_id": "10", "date_associated": "2026-11-21 03:28:49", "is_primary": "1", "id": "10"}

    async def use(mautic: Any) -> Any:
        contacts = mautic.contacts
        return await contacts.segments(12), await contacts.campaigns(12), await contacts.companies(12)

    (segments, campaigns, companies), _ = run_with_answers(
        {
            "GET contacts/12/segments": {"total": 1, "lists": {"11": segment}},
            "GET contacts/12/campaigns": {"total": 1, "campaigns": {"1": campaign}},
            "GET contacts/12/companies": {
                "total": 1,
                "companies": [{**company, "companyname": "Lab Co", "score": "0"}],
            },
        },
        use,
    )
    assert (segments[0].id, segments[0].alias) == (11, "members")
    assert (campaigns[0].segment_ids, campaigns[0].manually_added) == ([11], True)
    assert (companies[0].id, companies[0].is_primary, companies[0].companyname, companies[0].score) == (
        10,
        True,
        "Lab Co",
        0,
    )


@pytest.mark.parametrize("empty", [[], {}])
def test_memberships_without_entries_are_an_empty_list(empty: Any) -> None:
    found, _ = run_with_answers(
        {"GET contacts/12/segments": {"total": 0, "lists": empty}}, lambda m: m.contacts.segments(12)
    )
    assert found == []


def test_do_not_contact_is_added_with_its_reason_and_removed() -> None:
    contact = {"id": 12, "doNotContact": [{"id": 1, "channel": "email", "reason": 1}], "fields": {"core": {}}}

    async def use(mautic: Any) -> Any:
        added = await mautic.contacts.add_dnc(12, reason=1, comments="asked", channel_id=7)
        return added, await mautic.contacts.remove_dnc(12, "sms"), await mautic.contacts.remove_dnc(12)

    (added, removed, again), server = run_with_answers(
        {
            "POST contacts/12/dnc/email/add": {"contact": contact},
            "POST contacts/12/dnc/sms/remove": {"recordFound": True, "contact": {"id": 12}},
            "POST contacts/12/dnc/email/remove": {"recordFound": False, "contact": {"id": 12}},
        },
        use,
    )
    assert [(entry.channel, entry.reason) for entry in added.do_not_contact] == [("email", 1)]
    assert (removed, again) == (True, False)
    assert server.requests[0].body == {"reason": 1, "comments": "asked", "channelId": 7}


def test_add_utm_sends_the_names_that_mautic_reads() -> None:
    tag = UtmTag(
        utm_source="news", query={"x": "1"}, user_agent="UA", last_active=datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
    )

    async def use(mautic: Any) -> Any:
        await mautic.contacts.add_utm(12, tag)
        await mautic.contacts.remove_utm(12, 3)

    _, server = run_with_answers(
        {"POST contacts/12/utm/add": {"contact": {"id": 12}}, "POST contacts/12/utm/3/remove": {"contact": {"id": 12}}},
        use,
    )
    assert server.requests[0].body == {
        "utm_source": "news",
        "query": {"x": "1"},
        "useragent": "UA",
        "lastActive": "2026-05-06T07:08:09+00:00",
    }


def test_add_utm_does_not_send_empty_tags() -> None:
    with pytest.raises(ConfigurationError, match="names nothing"):
        run_with_answers({}, lambda mautic: mautic.contacts.add_utm(12, UtmTag()))


def test_remove_utm_of_missing_tags_is_refused() -> None:
    with pytest.raises(Rejected, match="bad request"):
        run_with_answers(
            {"POST contacts/12/utm/9/remove": error_answer(400, "This is a bad request.")},
            lambda mautic: mautic.contacts.remove_utm(12, 9),
        )


@pytest.mark.parametrize(
    ("method", "operator"),
    [("add_points", "plus"), ("subtract_points", "minus"), ("multiply_points", "times"), ("divide_points", "divide")],
)
def test_points_are_changed_by_their_operator(method: str, operator: str) -> None:
    _, server = run_with_answers(
        {f"POST contacts/12/points/{operator}/3": {"success": 1}},
        lambda mautic: getattr(mautic.contacts, method)(12, 3, event="Lab", action="add"),
    )
    assert server.last.body == {"eventName": "Lab", "actionName": "add"}


@pytest.mark.parametrize("delta", [0, -3, 1.5, "3", True])
def test_points_refuse_values_that_mautic_would_misread(delta: Any) -> None:
    with pytest.raises(ConfigurationError, match="integer of at least 1"):
        run_with_answers({}, lambda mautic: mautic.contacts.add_points(12, delta))


def test_points_with_a_lost_response_are_not_repeated() -> None:
    with pytest.raises(OutcomeUnknown):
        run_with_answers(
            {"POST contacts/12/points/plus/3": ConnectionResetError()},
            lambda mautic: mautic.contacts.add_points(12, 3),
        )


def test_point_group_scores_are_read_and_changed() -> None:
    score = {"score": 7, "group": {"id": 11, "name": "PG"}}

    async def use(mautic: Any) -> Any:
        contacts = mautic.contacts
        return (
            await contacts.point_groups(12),
            await contacts.point_group(12, 11),
            await contacts.point_group(12, 9),
            await contacts.change_group_points(12, 11, "set", -5),
            await contacts.change_group_points(12, 11, "plus", 5),
        )

    (groups, one, none, *_), server = run_with_answers(
        {
            "GET contacts/12/points/groups": {"total": 1, "groupScores": [score]},
            "GET contacts/12/points/groups/11": {"groupScore": score},
            "GET contacts/12/points/groups/9": [],
            "POST contacts/12/points/groups/11/set/-5": {"groupScore": score},
            "POST contacts/12/points/groups/11/plus/5": {"groupScore": score},
        },
        use,
    )
    assert groups == [one] == [m.GroupScore(score=7, group=m.PointGroup(id=11, name="PG"))]
    assert none is None
    assert len(server.requests) == 5


@pytest.mark.parametrize(("operator", "value"), [("power", 3), ("plus", -3), ("set", 1.5)])
def test_point_group_scores_refuse_invalid_changes(operator: Any, value: Any) -> None:
    with pytest.raises(ConfigurationError):
        run_with_answers({}, lambda mautic: mautic.contacts.change_group_points(12, 11, operator, value))


def test_contact_choice_lists_are_read_without_an_envelope() -> None:
    async def use(mautic: Any) -> Any:
        contacts = mautic.contacts
        return await contacts.owners(search="A", limit=2), await contacts.fields(), await contacts.available_segments()

    (owners, fields, segments), server = run_with_answers(
        {
            "GET contacts/list/owners": [{"id": 1, "firstName": "Admin", "lastName": "Lab"}],
            "GET contacts/list/fields": {
                "44": {"id": 44, "alias": "lab", "object": "lead"},
                "45": {"id": 45, "alias": "companylab", "object": "company"},
            },
            "GET contacts/list/segments": {"10": {"id": 10, "name": "S", "alias": "s"}},
        },
        use,
    )
    assert [(user.id, user.last_name) for user in owners] == [(1, "Lab")]
    assert [field.alias for field in fields] == ["lab"], "the fields of companies come along"
    assert [(segment.id, segment.alias) for segment in segments] == [(10, "s")]
    assert dict(server.requests[0].query) == {"filter": "A", "limit": "2"}


def test_contact_methods_raise_not_found_for_a_missing_contact() -> None:
    with pytest.raises(NotFound, match="Item was not found"):
        run_with_answers({"GET contacts/9/notes": MISSING}, lambda mautic: mautic.contacts.notes(9))


def test_get_of_a_merged_contact_shows_the_new_id() -> None:
    found, _ = run_with_answers({"GET contacts/12": {"contact": {"id": 40}}}, lambda mautic: mautic.contacts.get(12))
    assert found.id == 40


@pytest.mark.parametrize(
    ("held", "wanted", "id"),
    [
        ([{"id": 3, "fields": {"all": {"email": "ADA@example.com"}}}], "ada@example.com ", 3),
        ([{"id": 3, "fields": {"all": {"email": "someone@else.com"}}}], "ada@example.com", None),
        ([], "ada@example.com", None),
    ],
)
def test_find_returns_the_contact_with_exactly_that_address(held: Any, wanted: str, id: int | None) -> None:
    found, server = run_with_answers(
        {"GET contacts": {"total": "1", "contacts": {str(row["id"]): row for row in held}}},
        lambda mautic: mautic.contacts.find(email=wanted),
    )
    assert (found.id if found else None) == id
    assert ("where[0][val]", "ada@example.com") in server.last.query
