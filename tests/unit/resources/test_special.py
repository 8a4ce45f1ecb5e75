"""What single namespaces can do beside the standard verbs, and where Mautic's answers lie."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from mautic_async import (
    Company,
    ConfigurationError,
    MauticError,
    NotFound,
    OutcomeUnknown,
    PermissionDenied,
    Rejected,
    UnexpectedResponse,
    ValueNotKept,
    where,
)
from mautic_async import models as m
from tests.support.canned_client import MISSING, error_answer, run_with_answers

# --- campaigns -------------------------------------------------------------------------------------------------------


def test_campaigns_clone_reads_the_redirect_that_carries_the_copy() -> None:
    found, server = run_with_answers(
        {"POST campaigns/clone/1": (302, {"campaign": {"id": 3, "name": "C", "events": []}})},
        lambda mautic: mautic.campaigns.clone(1),
    )
    assert (found.id, found.name) == (3, "C")
    assert len(server.requests) == 1


@pytest.mark.parametrize("verb", ["create", "edit", "replace"])
def test_campaigns_create_refuses_events_without_canvas_settings(verb: str) -> None:
    campaign = m.Campaign(name="C", segments=[1], events=[m.CampaignEvent(key="new_1", name="E")])
    with pytest.raises(ConfigurationError, match="canvas_settings"):
        run_with_answers(
            {},
            lambda mautic: (
                mautic.campaigns.create(campaign) if verb == "create" else getattr(mautic.campaigns, verb)(1, campaign)
            ),
        )


def test_campaigns_contacts_reads_rows_of_texts_as_numbers() -> None:
    row = {"campaign_id": "1", "lead_id": "12", "date_added": "2026-11-21 03:28:52", "manually_added": "1"}
    found, server = run_with_answers(
        {"GET campaigns/1/contacts": {"total": "1", "contacts": [row]}},
        lambda mautic: mautic.campaigns.contacts(1, where=where.gt("lead_id", 3), order=[("lead_id", "ASC")], limit=5),
    )
    assert (found.total, found.items[0].contact_id, found.items[0].manually_added) == (1, 12, True)
    assert found.items[0].date_added == datetime(2026, 11, 21, 3, 28, 52, tzinfo=UTC)
    assert dict(server.last.query) == {
        "start": "0",
        "limit": "5",
        "where[0][col]": "lead_id",
        "where[0][expr]": "gt",
        "where[0][val]": "3",
        "order[0][col]": "lead_id",
        "order[0][dir]": "asc",
    }


def test_campaigns_iterate_contacts_pages_by_offset_where_conditions_are_refused() -> None:
    ids = list(range(1, 251))

    def page(request: Any) -> Any:
        query = dict(request.query)
        if any(key.startswith(("where", "order")) for key in query):
            return error_answer(400, 'Input value "where" contains a non-scalar value.')
        start, limit = int(query.get("start", 0)), int(query["limit"])
        return {"total": "250", "contacts": [{"lead_id": str(id)} for id in ids[start : start + limit]]}

    async def use(mautic: Any) -> Any:
        return [row.contact_id async for row in mautic.campaigns.iterate_contacts(1)]

    found, server = run_with_answers({"GET campaigns/1/contacts": page}, use)
    assert found == ids
    assert len(server.requests) == 4


def test_campaigns_iterate_contacts_walks_by_id() -> None:
    def page(request: Any) -> Any:
        after = int(dict(request.query)["where[0][val]"])
        return {"total": "150", "contacts": [{"lead_id": str(n)} for n in range(after + 1, min(after + 101, 151))]}

    async def use(mautic: Any) -> list[int]:
        return [row.contact_id async for row in mautic.campaigns.iterate_contacts(1)]

    found, server = run_with_answers({"GET campaigns/1/contacts": page}, use)
    assert found == list(range(1, 151))
    assert len(server.requests) == 2


def test_campaigns_contacts_raises_a_bad_column_answered_with_200() -> None:
    answer = {"errors": [{"message": "Unknown column 'cl.x'", "code": 1054}]}
    with pytest.raises(Rejected, match=r"although with status 200.*Unknown column"):
        run_with_answers({"GET campaigns/1/contacts": answer}, lambda m: m.campaigns.contacts(1, order=[("x", "asc")]))


def test_campaigns_contact_events_include_the_membership() -> None:
    answer = {
        "total": 1,
        "events": [{"id": 1, "name": "Add points", "contactLog": []}],
        "campaign": {"id": 1, "name": "C"},
        "membership": [{"dateAdded": "2026-11-21T03:28:52+00:00", "rotation": 1}],
    }
    found, _ = run_with_answers(
        {"GET campaigns/1/events/contact/12": answer}, lambda m: m.campaigns.contact_events(1, 12)
    )
    assert (found.events[0].name, found.campaign.name, found.membership[0].rotation) == ("Add points", "C", 1)


def test_campaigns_contact_events_raise_conflict_outside_the_campaign() -> None:
    with pytest.raises(Rejected, match="409"):
        run_with_answers(
            {"GET campaigns/1/events/contact/12": error_answer(409, "The contact is not in the campaign.")},
            lambda mautic: mautic.campaigns.contact_events(1, 12),
        )


def test_campaigns_event_logs_are_listed_and_edited() -> None:
    moment = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    log = {"event": {"id": 5}, "campaign": {"id": 1, "name": "C"}, "isScheduled": True, "triggerDate": None}

    async def use(mautic: Any) -> Any:
        logs = await mautic.campaign_events.logs(12, limit=5)
        return logs, await mautic.campaign_events.edit_log(5, 12, m.CampaignEventLog(trigger_date=moment))

    (logs, event), server = run_with_answers(
        {
            "GET campaigns/events/contact/12": {"total": 1, "events": [log]},
            "PUT campaigns/events/5/contact/12/edit": {"event": {"id": 5, "contactLog": [log]}},
        },
        use,
    )
    assert (logs.items[0].event.id, logs.items[0].is_scheduled) == (5, True)
    assert event.contact_log[0].is_scheduled
    assert server.last.body == {"triggerDate": "2026-01-02T03:04:00+00:00"}


def test_campaigns_event_log_batch_is_read_by_event_and_index() -> None:
    moment = datetime(2026, 1, 2, tzinfo=UTC)
    logs = [m.CampaignEventLog(event_id=id, contact_id=12, date_triggered=moment) for id in (5, 6, 7)]
    answer = {"events": {"5": {"id": 5}}, "errors": {"1": '{"code": 409}'}}
    found, server = run_with_answers(
        {"PUT campaigns/events/batch/edit": answer}, lambda mautic: mautic.campaign_events.edit_logs(logs)
    )
    assert [outcome.status for outcome in found] == ["updated", "rejected", "unknown"]
    assert [sent["eventId"] for sent in server.last.body] == [5, 6, 7]


@pytest.mark.parametrize(
    "log",
    [m.CampaignEventLog(), m.CampaignEventLog(trigger_date=datetime(2026, 1, 2, tzinfo=UTC), channel_id=7)],
)
def test_campaigns_event_log_that_mautic_would_store_wrongly_is_refused(log: m.CampaignEventLog) -> None:
    with pytest.raises(ConfigurationError):
        run_with_answers({}, lambda mautic: mautic.campaign_events.edit_log(5, 12, log))
    with pytest.raises(ConfigurationError, match="row 0"):
        run_with_answers({}, lambda mautic: mautic.campaign_events.edit_logs([log]))


# --- segments, companies ---------------------------------------------------------------------------------------------


def test_segments_add_contacts_reports_missing_contacts() -> None:
    details = {"12": {"success": True}, "13": {"success": True}, "99999": {"success": False}}
    found, server = run_with_answers(
        {"POST segments/11/contacts/add": {"success": 1, "details": details}},
        lambda mautic: mautic.segments.add_contacts(11, [12, 99999, 13, 14]),
    )
    assert [(outcome.index, outcome.id, outcome.status) for outcome in found] == [
        (0, 12, "updated"),
        (1, 99999, "rejected"),
        (2, 13, "updated"),
        (3, 14, "unknown"),
    ]
    assert server.last.body == {"ids": [12, 99999, 13, 14]}


def test_segments_add_contacts_of_an_empty_list_sends_no_request() -> None:
    found, server = run_with_answers({}, lambda mautic: mautic.segments.add_contacts(11, []))
    assert (found, server.requests) == ([], [])


def test_companies_create_refuses_a_known_name_and_names_the_alternative() -> None:
    known = {"id": 4, "fields": {"all": {"companyname": "ACME"}}}
    with pytest.raises(ConfigurationError, match=r"'Acme' is company 4, .* wipe .*edit\(4, ...\), or upsert\(\)"):
        run_with_answers(
            {"GET companies": {"total": "1", "companies": {"4": known}}},
            lambda mautic: mautic.companies.create(Company(companyname="Acme")),
        )


def test_companies_upsert_edits_a_known_company_and_creates_an_unknown_one() -> None:
    known = {"id": 4, "fields": {"all": {"companyname": "Acme"}}}
    company = Company(companyname="Acme", companycity=None, companynumber_of_employees=0)
    for held, way in (({"4": known}, "PATCH companies/4/edit"), ({}, "POST companies/new")):
        stored, server = run_with_answers(
            {"GET companies": {"total": "1", "companies": held}, way: {"company": {"id": 4}}},
            lambda mautic: mautic.companies.upsert(company),
        )
        assert stored.id == 4
        assert server.calls == ["GET companies", way]
        assert server.last.body == {"companyname": "Acme", "companycity": None, "companynumber_of_employees": 0}


@pytest.mark.parametrize("company", [Company(), Company(companyname=" "), Company(companycity="London")])
def test_companies_upsert_refuses_a_company_without_a_name(company: Company) -> None:
    with pytest.raises(ConfigurationError, match="companyname"):
        run_with_answers({}, lambda mautic: mautic.companies.upsert(company))


def test_companies_upsert_with_an_id_is_an_edit() -> None:
    _, server = run_with_answers(
        {"PATCH companies/4/edit": {"company": {"id": 4}}},
        lambda mautic: mautic.companies.upsert(Company(id=4, companycity="London")),
    )
    assert server.calls == ["PATCH companies/4/edit"]


def test_companies_accept_a_user_class() -> None:
    class Account(Company):
        pass

    found, _ = run_with_answers(
        {"GET companies/4": {"company": {"id": 4}}}, lambda mautic: mautic.companies.of(Account).get(4)
    )
    assert type(found) is Account


def test_companies_find_accepts_any_field() -> None:
    rows = {"4": {"id": 4, "fields": {"all": {"vat": "X1"}}}}
    found, _ = run_with_answers({"GET companies": {"companies": rows}}, lambda mautic: mautic.companies.find(vat="x1"))
    assert found.id == 4
    for wrong in ({}, {"vat": ""}, {"vat": "1", "companyname": "2"}):
        with pytest.raises(ConfigurationError, match="one field"):
            run_with_answers({}, lambda mautic, given: mautic.companies.find(**given), wrong)


# --- e-mails and text messages -----------------------------------------------------------------------------------------


def test_emails_send_to_segments_returns_counts() -> None:
    found, server = run_with_answers(
        {"POST emails/10/send": {"success": 1, "sentCount": 3, "failedRecipients": 1}},
        lambda mautic: mautic.emails.send(10, limit=100),
    )
    assert found == m.SegmentSend(sent_count=3, failed_recipients=1, extra={"success": 1})
    assert server.last.body == {"limit": 100}


def test_emails_send_wraps_tokens_in_braces() -> None:
    _, server = run_with_answers(
        {"POST emails/10/contact/12/send": {"success": True}},
        lambda mautic: mautic.emails.send_to_contact(10, 12, tokens={"name": "Ada", "{city}": "London"}, assets=[4]),
    )
    assert server.last.body == {"tokens": {"{name}": "Ada", "{city}": "London"}, "assetAttachments": [4]}


@pytest.mark.parametrize(
    "answer", [{"success": False}, {"success": False, "failed": "bounced"}, {"success": False, "failed": ["bounced"]}]
)
def test_emails_send_raises_an_unsent_email_answered_with_200(answer: Any) -> None:
    with pytest.raises(Rejected, match="although with status 200"):
        run_with_answers(
            {"POST emails/10/contact/12/send": answer}, lambda mautic: mautic.emails.send_to_contact(10, 12)
        )


def test_send_methods_are_never_retried() -> None:
    for call, use in (
        ("POST emails/10/contact/12/send", lambda mautic: mautic.emails.send_to_contact(10, 12)),
        ("POST emails/10/send", lambda mautic: mautic.emails.send(10)),
        ("GET smses/10/contact/12/send", lambda mautic: mautic.smses.send(10, 12)),
    ):
        for failure in (ConnectionResetError(), (500, b"Interval server error"), (502, b"")):
            seen: list[int] = []

            def answer(_: Any, failure: Any = failure, seen: list[int] = seen) -> Any:
                seen.append(1)
                return failure

            with pytest.raises(OutcomeUnknown):
                run_with_answers({call: answer}, use)
            assert seen == [1]


def test_emails_reply_is_recorded_by_its_tracking_hash() -> None:
    _, server = run_with_answers(
        {"POST emails/reply/abc123": (201, {"success": True})}, lambda m: m.emails.reply("abc123")
    )
    assert server.calls == ["POST emails/reply/abc123"]


@pytest.mark.parametrize(
    "answer",
    [
        '{"error":{"message":"SMS transport is disabled.","code":417}}',
        {"success": False, "status": "failed", "result": {"sent": False}, "errors": [{"message": "no number"}]},
    ],
)
def test_smses_send_raises_an_unsent_message_answered_with_200(answer: Any) -> None:
    with pytest.raises(Rejected, match="although with status 200"):
        run_with_answers({"GET smses/10/contact/12/send": answer}, lambda mautic: mautic.smses.send(10, 12))


def test_smses_send_returns_the_result_of_the_contact() -> None:
    answer = {
        "success": True,
        "status": "Delivered",
        "result": {"sent": True, "id": 10, "content": "Hi", "statId": "4"},
    }
    found, _ = run_with_answers({"GET smses/10/contact/12/send": answer}, lambda mautic: mautic.smses.send(10, 12))
    assert (found.sent, found.content, found.stat_id) == (True, "Hi", 4)


def test_smses_send_raises_permission_denied() -> None:
    with pytest.raises(PermissionDenied):
        run_with_answers(
            {"GET smses/10/contact/9/send": error_answer(403, "no")}, lambda mautic: mautic.smses.send(10, 9)
        )


# --- forms -------------------------------------------------------------------------------------------------------------


def test_forms_edit_sends_the_stored_post_action() -> None:
    form = {"id": 7, "name": "F", "postAction": "redirect", "postActionProperty": "https://example.com"}
    _, server = run_with_answers(
        {"GET forms/7": {"form": form}, "PATCH forms/7/edit": {"form": form}},
        lambda mautic: mautic.forms.edit(7, m.Form(description="x")),
    )
    assert server.last.body == {
        "description": "x",
        "postAction": "redirect",
        "postActionProperty": "https://example.com",
    }


def test_forms_edit_with_a_post_action_needs_no_look_up() -> None:
    _, server = run_with_answers(
        {"PATCH forms/7/edit": {"form": {"id": 7}}},
        lambda mautic: mautic.forms.edit(7, m.Form(post_action="message", post_action_property="Thanks")),
    )
    assert server.calls == ["PATCH forms/7/edit"]


def test_forms_edit_many_looks_up_once() -> None:
    held = [{"id": 7, "postAction": "message", "postActionProperty": "Thanks"}, {"id": 8, "postAction": "return"}]
    _, server = run_with_answers(
        {
            "GET forms": {"total": 2, "forms": held},
            "PATCH forms/batch/edit": {"forms": [{"id": 7}, {"id": 8}], "statusCodes": [200, 200]},
        },
        lambda mautic: mautic.forms.edit_many([m.Form(id=7, name="A"), m.Form(id=8, name="B")]),
    )
    assert server.calls == ["GET forms", "PATCH forms/batch/edit"]
    assert server.last.body == [
        {"id": 7, "name": "A", "postAction": "message", "postActionProperty": "Thanks"},
        {"id": 8, "name": "B", "postAction": "return"},
    ]


def test_forms_delete_fields_and_actions_by_the_query() -> None:
    async def use(mautic: Any) -> Any:
        return await mautic.forms.delete_fields(7, [3, 4]), await mautic.forms.delete_actions(7, [5])

    (form, _), server = run_with_answers(
        {"DELETE forms/7/fields/delete": {"form": {"id": 7}}, "DELETE forms/7/actions/delete": {"form": {"id": 7}}}, use
    )
    assert form.id == 7
    assert [request.query for request in server.requests] == [
        [("fields[0]", "3"), ("fields[1]", "4")],
        [("actions[0]", "5")],
    ]
    for wrong in (lambda mautic: mautic.forms.delete_fields(7, []), lambda m_: m_.point_triggers.delete_events(7, [])):
        with pytest.raises(ConfigurationError, match="to delete are named"):
            run_with_answers({}, wrong)


def test_forms_submissions_are_read_from_table_rows() -> None:
    submission = {
        "id": 3,
        "dateSubmitted": "2026-01-02T03:04:05+00:00",
        "ipAddress": {"ipAddress": "127.0.0.1"},
        "form": {"id": 7, "name": "F", "alias": "f", "category": None},
        "lead": {"id": 12, "points": 0, "firstname": "Ada", "email": "ada@example.com"},
        "results": {"my_field": "x"},
    }

    async def use(mautic: Any) -> Any:
        forms = mautic.forms
        return (
            await forms.submissions(7, order_by="s.date_submitted"),
            await forms.submission(7, 3),
            await forms.contact_submissions(7, 12),
            [found async for found in forms.iterate_submissions(7)],
        )

    (page, one, of_contact, walked), server = run_with_answers(
        {
            "GET forms/7/submissions": {"total": "1", "submissions": {"3": submission}},
            "GET forms/7/submissions/3": {"submission": submission},
            "GET forms/7/submissions/contact/12": {"total": "0", "submissions": {}},
        },
        use,
    )
    assert page.total == 1
    assert page.items == walked == [one]
    assert (one.results, one.contact.id, one.form.name) == ({"my_field": "x"}, 12, "F")
    assert of_contact.items == []
    assert ("orderBy", "s.id") in server.last.query


def test_forms_contact_submissions_refuses_conditions() -> None:
    with pytest.raises(ConfigurationError, match="condition"):
        run_with_answers({}, lambda mautic: mautic.forms.contact_submissions(7, 12, where=where.gt("s.id", 1)))


# --- points, reports, stats, widgets ---------------------------------------------------------------------------------


def test_point_types_are_names_by_key() -> None:
    async def use(mautic: Any) -> Any:
        return (
            await mautic.points.action_types(),
            await mautic.point_triggers.event_types(),
            await mautic.webhooks.triggers(),
            await mautic.data.types(),
        )

    (actions, events, triggers, widgets), _ = run_with_answers(
        {
            "GET points/actions/types": {"pointActionTypes": {"page.hit": "Visits"}},
            "GET points/triggers/events/types": {"eventTypes": {"email.send": "Send"}},
            "GET hooks/triggers": {"triggers": {"mautic.x": {"label": "X", "description": "D"}}},
            "GET data": {"success": 1, "types": []},
        },
        use,
    )
    assert (actions, events, widgets) == ({"page.hit": "Visits"}, {"email.send": "Send"}, {})
    assert triggers == {"mautic.x": m.WebhookTrigger(label="X", description="D")}


TRIGGER = {"id": 7, "name": "T", "points": 5, "events": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]}


def test_triggers_delete_events_uses_the_api_v2_of_mautic_7() -> None:
    left = TRIGGER | {"events": [{"id": 2, "name": "b"}]}
    found, server = run_with_answers(
        {
            "GET points/triggers/7": [(200, {"trigger": TRIGGER}), (200, {"trigger": left})],
            "DELETE v2/trigger_events/1": (204, None),
        },
        lambda mautic: mautic.point_triggers.delete_events(7, [1]),
    )
    assert [event.id for event in found.events] == [2]
    assert server.calls == ["GET points/triggers/7", "DELETE v2/trigger_events/1", "GET points/triggers/7"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (
            (404, {"errors": [{"message": "Requested URL not found: /api/v2/x", "code": 404, "type": None}]}),
            "does not have",
        ),
        ((401, {"message": "Invalid credentials."}), "refuses this client's token"),
    ],
)
def test_triggers_delete_events_raises_where_mautic_has_no_way(answer: Any, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        run_with_answers(
            {"GET points/triggers/7": {"trigger": TRIGGER}, "DELETE v2/trigger_events/1": answer},
            lambda mautic: mautic.point_triggers.delete_events(7, [1]),
        )


def test_triggers_delete_events_refuses_events_of_another_trigger() -> None:
    with pytest.raises(ConfigurationError, match=r"has no events \[3\]"):
        run_with_answers(
            {"GET points/triggers/7": {"trigger": TRIGGER}},
            lambda mautic: mautic.point_triggers.delete_events(7, [1, 3]),
        )


def test_triggers_replace_needs_points_and_existing_contacts() -> None:
    with pytest.raises(ConfigurationError, match="needs points, triggerExistingLeads"):
        run_with_answers({}, lambda mautic: mautic.point_triggers.replace(7, m.Trigger(name="T")))


def test_triggers_replace_reads_the_events_that_the_answer_leaves_out() -> None:
    event = m.TriggerEvent(name="a", type="lead.changetags", order=1)
    trigger = m.Trigger(name="T", points=5, trigger_existing_contacts=False, events=[event])
    found, _ = run_with_answers(
        {
            "PUT points/triggers/7/edit": {"trigger": TRIGGER | {"events": []}},
            "GET points/triggers/7": {"trigger": TRIGGER},
        },
        lambda mautic: mautic.point_triggers.replace(7, trigger),
    )
    assert [event.name for event in found.events] == ["a", "b"]
    with pytest.raises(ValueNotKept, match="events: Mautic did not clear"):
        run_with_answers(
            {
                "PUT points/triggers/7/edit": {"trigger": TRIGGER | {"events": []}},
                "GET points/triggers/7": {"trigger": TRIGGER},
            },
            lambda mautic: mautic.point_triggers.replace(7, evolve(trigger, events=[])),
        )


def test_points_create_sends_properties_by_a_second_request() -> None:
    properties = {"page_url": "https://example.com"}
    stored, server = run_with_answers(
        {
            "POST points/new": {"point": {"id": 3, "name": "P", "properties": []}},
            "PATCH points/3/edit": {"point": {"id": 3, "name": "P", "properties": properties}},
        },
        lambda mautic: mautic.points.create(m.Point(name="P", type="url.hit", delta=1, properties=properties)),
    )
    assert stored.properties == properties
    assert "properties" not in server.requests[0].body
    assert server.last.body == {"properties": properties}


def test_points_create_many_sends_properties_by_a_second_batch() -> None:
    rows = [m.Point(name="A", properties={"a": 1}), m.Point(name="B"), m.Point(name="C", properties={"c": 1})]
    created = [{"id": 3, "name": "A"}, {"id": 4, "name": "B"}, {"id": 5, "name": "C"}]
    outcomes, server = run_with_answers(
        {
            "POST points/batch/new": {"points": created, "statusCodes": [201, 201, 201]},
            "PATCH points/batch/edit": {
                "points": [{"id": 3, "properties": {"a": "1"}}, {"id": 5, "properties": []}],
                "statusCodes": [200, 200],
            },
        },
        lambda mautic: mautic.points.create_many(rows),
    )
    assert [outcome.status for outcome in outcomes] == ["created", "created", "partial"]
    assert [row["id"] for row in server.last.body] == [3, 5]


def test_reports_get_pages_between_dates() -> None:
    answer = {
        "totalResults": 19,
        "data": [{"id": "1", "email": "ada@example.com"}],
        "dataColumns": {"id": "l.id"},
        "limit": 2,
        "page": 1,
        "dateFrom": "2026-01-01T00:00:00+00:00",
        "report": {"id": 6, "name": "R"},
    }
    found, server = run_with_answers(
        {"GET reports/6": answer},
        lambda m: m.reports.data(6, date_from=date(2026, 1, 1), date_to=datetime(2026, 2, 1, tzinfo=UTC), limit=2),
    )
    assert (found.total_results, found.rows, found.report.name) == (19, [{"id": "1", "email": "ada@example.com"}], "R")
    assert dict(server.last.query) == {
        "limit": "2",
        "page": "1",
        "dateFrom": "2026-01-01",
        "dateTo": "2026-02-01T00:00:00+00:00",
    }


def test_reports_iterate_rows_page_by_page() -> None:
    def page(request: Any) -> Any:
        number = int(dict(request.query)["page"])
        return {"data": [{"id": str(n)} for n in range(5)][2 * number - 2 : 2 * number]}

    async def use(mautic: Any) -> Any:
        return [row["id"] async for row in mautic.reports.iterate_data(6, limit=2)]

    found, server = run_with_answers({"GET reports/6": page}, use)
    assert found == ["0", "1", "2", "3", "4"]
    assert len(server.requests) == 3


def test_reports_get_definition_reads_one_row() -> None:
    found, server = run_with_answers(
        {"GET reports/6": {"data": [], "report": {"id": 6, "name": "R"}}}, lambda mautic: mautic.reports.get(6)
    )
    assert (found.id, found.name) == (6, "R")
    assert dict(server.last.query) == {"page": "1", "limit": "1"}


def test_stats_list_accepts_conditions_and_order() -> None:
    found, server = run_with_answers(
        {"GET stats/email_stats": {"total": "3", "stats": [{"id": "1"}]}},
        lambda m: m.stats.list("email_stats", where=where.eq("lead_id", 12), order=[("id", "desc")], start=2, limit=1),
    )
    assert (found.total, found.items, found.start) == (3, [{"id": "1"}], 2)
    assert ("order[0][dir]", "desc") in server.last.query


def test_stats_iterate_walks_all_rows_by_id() -> None:
    def page(request: Any) -> Any:
        after = int(dict(request.query).get("where[1][val]", 0))
        return {"total": "150", "stats": [{"id": str(n)} for n in range(after + 1, min(after + 101, 151))]}

    async def use(mautic: Any) -> Any:
        return [row["id"] async for row in mautic.stats.iterate("page_hits", where=where.gt("code", 0))]

    found, server = run_with_answers({"GET stats/page_hits": page}, use)
    assert len(found) == 150
    assert len(server.requests) == 2


def test_stats_list_raises_not_found_for_a_table_answered_with_200() -> None:
    with pytest.raises(NotFound, match="the tables are audit_log, email_stats"):
        run_with_answers(
            {"GET stats/leads": {"availableTables": ["audit_log", "email_stats"], "tableColumns": {}}},
            lambda mautic: mautic.stats.list("leads"),
        )


def test_widgets_get_returns_a_chart_or_values() -> None:
    answer = {"success": 1, "cached": False, "execution_time": 0.1, "data": {"chartType": "line"}}
    found, server = run_with_answers(
        {"GET data/created.leads.in.time": answer},
        lambda mautic: mautic.data.get(
            "created.leads.in.time",
            date_from=date(2026, 11, 1),
            unit="d",
            format="raw",
            filter={"campaignId": 3},
            dataset=["a"],
            more={"height": 200},
        ),
    )
    assert (found.content, found.cached) == ({"chartType": "line"}, False)
    assert dict(server.last.query) == {
        "dateFrom": "2026-11-01",
        "timeUnit": "d",
        "dataFormat": "raw",
        "filter[campaignId]": "3",
        "dataset[0]": "a",
        "height": "200",
    }


def test_tables_check_columns_and_directions() -> None:
    for order in ([("id; DROP", "asc")], [("id", "up")]):
        with pytest.raises(ConfigurationError):
            run_with_answers({}, lambda mautic, given: mautic.stats.list("page_hits", order=given), order)


@pytest.mark.parametrize("body", ["text", {"stats": 5}, {"stats": ["row"]}, {"total": 1}])
def test_stats_list_raises_for_another_table(body: Any) -> None:
    with pytest.raises(UnexpectedResponse):
        run_with_answers({"GET stats/page_hits": body}, lambda mautic: mautic.stats.list("page_hits"))


# --- files and themes --------------------------------------------------------------------------------------------------


def test_files_list_reads_a_list_with_gaps() -> None:
    for answer, names in (({"files": {"3": "a.txt", "4": "sub"}}, ["a.txt", "sub"]), ({"files": []}, [])):
        found, server = run_with_answers(
            {"GET files/images": answer}, lambda m: m.files.list("images", subfolder="a/b")
        )
        assert found == names
        assert server.last.query == [("subdir", "a/b")]


def test_files_upload_sends_a_multipart_form(tmp_path: Path) -> None:
    file = tmp_path / "hello.txt"
    file.write_text("hello lab")
    for source, name in ((file, ""), (b"hello lab", "hello.txt")):
        found, server = run_with_answers(
            {"POST files/media/new": {"file": {"name": "abc.txt"}}},
            lambda mautic, given, named: mautic.files.upload("media", given, name=named),
            source,
            name,
        )
        assert found.name == "abc.txt"
        assert server.last.headers["content-type"].startswith("multipart/form-data; boundary=")
        assert (
            b'name="file"; filename="hello.txt"\r\nContent-Type: text/plain\r\n\r\nhello lab\r\n' in server.last.content
        )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [({"file": []}, "not stored"), ({"file": {"name": "abc.txt"}}, "stored as abc.txt: .* the extension .php")],
)
def test_files_upload_raises_another_result_answered_with_200(answer: Any, reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        run_with_answers(
            {"POST files/images/new": answer}, lambda mautic: mautic.files.upload("images", b"x", name="x.php")
        )


def test_files_upload_refuses_unreadable_files(tmp_path: Path) -> None:
    for source in (b"x", tmp_path / "missing.txt"):
        with pytest.raises(ConfigurationError):
            run_with_answers({}, lambda mautic, given: mautic.files.upload("media", given), source)


def test_files_list_raises_rejected_for_an_unknown_folder() -> None:
    with pytest.raises(Rejected, match="406"):
        run_with_answers(
            {"GET files/assets": error_answer(406, "assets not found. Only media or images options are possible.")},
            lambda mautic: mautic.files.list("assets"),
        )


def test_files_delete_quotes_a_name_inside_its_folder() -> None:
    _, server = run_with_answers(
        {"DELETE files/images/..%2F..%2Fconfig/delete": {"success": True}},
        lambda mautic: mautic.files.delete("images", "../../config"),
    )
    assert server.calls == ["DELETE files/images/..%2F..%2Fconfig/delete"]
    with pytest.raises(ConfigurationError):
        run_with_answers({}, lambda mautic: mautic.files.delete("images", ".."))


def test_themes_download_saves_the_bytes_unchanged(tmp_path: Path) -> None:
    saved, _ = run_with_answers(
        {"GET themes/blank": (200, b"PK\x03\x04zip")},
        lambda mautic: mautic.themes.download("blank", tmp_path / "b.zip"),
    )
    assert saved == tmp_path / "b.zip"
    assert saved.read_bytes() == b"PK\x03\x04zip"
    assert [file.name for file in tmp_path.iterdir()] == ["b.zip"]


@pytest.mark.parametrize(
    "answer", [(200, b"<html>log in</html>"), error_answer(500, "no such theme"), ConnectionResetError()]
)
def test_themes_download_leaves_no_file_of_an_invalid_theme(answer: Any, tmp_path: Path) -> None:
    old = tmp_path / "b.zip"
    old.write_bytes(b"PKold")
    with pytest.raises(MauticError):
        run_with_answers({"GET themes/blank": answer}, lambda mautic: mautic.themes.download("blank", old))
    assert old.read_bytes() == b"PKold"
    assert [file.name for file in tmp_path.iterdir()] == ["b.zip"]


def test_themes_upload_requires_a_zip_file() -> None:
    with pytest.raises(ConfigurationError, match="zip"):
        run_with_answers({}, lambda mautic: mautic.themes.upload(b"PK", name="mine.tar"))
    _, server = run_with_answers(
        {"POST themes/new": {"success": True}}, lambda mautic: mautic.themes.upload(b"PK", name="mine.zip")
    )
    assert b'name="file"; filename="mine.zip"' in server.last.content


def test_themes_list_returns_names_and_settings() -> None:
    theme = {"name": "Blank", "key": "blank", "config": {"features": ["page"]}, "visibility": {"hidden": False}}
    found, _ = run_with_answers({"GET themes": {"themes": {"blank": theme}}}, lambda mautic: mautic.themes.list())
    assert (found[0].key, found[0].config.features, found[0].visibility.hidden) == ("blank", ["page"], False)


# --- users, webhooks, tags, fields, focus ----------------------------------------------------------------------------


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
    with pytest.raises(ConfigurationError, match="plainPassword"):
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


def test_webhooks_replace_refuses_a_missing_secret() -> None:
    hook = m.Webhook(name="H", webhook_url="https://example.com")
    with pytest.raises(ConfigurationError, match="secret"):
        run_with_answers({}, lambda mautic: mautic.webhooks.replace(1, hook))
    hook.secret = None
    _, server = run_with_answers(
        {"PUT hooks/1/edit": {"hook": {"id": 1}}}, lambda mautic: mautic.webhooks.replace(1, hook)
    )
    assert server.last.body["secret"] is None


def test_tags_find_matches_the_whole_name() -> None:
    rows = {"3": {"id": 3, "tag": "VIP"}}
    found, server = run_with_answers({"GET tags": {"total": 1, "tags": rows}}, lambda mautic: mautic.tags.find("vip"))
    assert found.id == 3
    assert ("where[0][expr]", "in") in server.last.query
    found, _ = run_with_answers({"GET tags": {"total": 1, "tags": rows}}, lambda mautic: mautic.tags.find("vip2"))
    assert found is None


def test_tags_create_raises_for_a_dropped_description() -> None:
    answer = {"tag": {"id": 33, "tag": "t", "description": None}}
    for way, use in (
        ("POST tags/new", lambda mautic: mautic.tags.create(m.Tag(tag="t", description="d"))),
        ("PATCH tags/33/edit", lambda mautic: mautic.tags.edit(33, m.Tag(description="d"))),
    ):
        with pytest.raises(ValueNotKept, match=r"Tag 33 is stored, but not as sent: description"):
            run_with_answers({way: answer}, use)
    stored, _ = run_with_answers(
        {"POST tags/new": answer}, lambda mautic: mautic.tags.create(m.Tag(tag="t", description=None))
    )
    assert stored.id == 33


def test_fields_create_reports_a_pending_column() -> None:
    async def use(mautic: Any) -> Any:
        one = await mautic.contact_fields.create(m.Field(label="L"))
        return one, await mautic.contact_fields.create_many([m.Field(label="L")] * 2)

    (one, several), _ = run_with_answers(
        {
            "POST fields/contact/new": (202, {"field": {"id": 4, "label": "L"}}),
            "POST fields/contact/batch/new": {"fields": [{"id": 5}, {"id": 6}], "statusCodes": [201, 202]},
        },
        use,
    )
    assert one.pending
    assert [(found.status, found.entity.pending) for found in several] == [("created", False), ("created", True)]


@pytest.mark.parametrize(
    ("name", "entity", "lacking"),
    [
        ("emails", m.Email(name="E", subject="S"), "language"),
        ("points", m.Point(name="P", type="page.hit", delta=1), "repeatable"),
        ("roles", m.Role(name="R"), "isAdmin"),
        ("contact_fields", m.Field(label="L"), "isIndex, charLengthLimit"),
        ("messages", m.Message(name="M"), "channels"),
    ],
)
def test_replace_refuses_values_that_mautic_answers_with_a_bare_500(name: str, entity: Any, lacking: str) -> None:
    with pytest.raises(ConfigurationError, match=f"replace.* needs {lacking}"):
        run_with_answers({}, lambda mautic: getattr(mautic, name).replace(1, entity))


@pytest.mark.parametrize(
    ("name", "entity", "lacking"),
    [
        ("tags", m.Tag(description="d"), "tag"),
        ("notes", m.Note(text="t"), "lead"),
        ("devices", m.Device(device="desktop"), "lead"),
    ],
)
def test_create_many_refuses_a_row_that_would_break_its_batch(name: str, entity: Any, lacking: str) -> None:
    with pytest.raises(ConfigurationError, match=f"needs {lacking}"):
        run_with_answers({}, lambda mautic: getattr(mautic, name).create_many([entity]))


def test_focus_script_is_read() -> None:
    found, _ = run_with_answers({"POST focus/3/js": {"js": "alert(1)"}}, lambda mautic: mautic.focus.js(3))
    assert found == "alert(1)"


def test_messages_delete_many_looks_up_messages_one_by_one() -> None:
    found, server = run_with_answers(
        {
            "GET messages/7": [(200, {"message": {"id": 7}}), MISSING],
            "GET messages/8": MISSING,
            "DELETE messages/batch/delete": {"messages": []},
        },
        lambda mautic: mautic.messages.delete_many([7, 8]),
    )
    assert [outcome.status for outcome in found] == ["updated", "rejected"]
    assert "GET messages" not in server.calls
