"""What a real server answered and took, and which class each part of it belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from mautic_async import models as m
from tests.support.recordings import Version, load_conversation, load_exchanges

MODELS: Mapping[str, type] = {
    "contact": m.Contact,
    "contacts": m.Contact,
    "company": m.Company,
    "companies": m.Company,
    "list": m.Segment,
    "lists": m.Segment,
    "campaign": m.Campaign,
    "campaigns": m.Campaign,
    "event": m.CampaignEvent,
    "events": m.CampaignEvent,
    "membership": m.CampaignMembership,
    "email": m.Email,
    "emails": m.Email,
    "form": m.Form,
    "forms": m.Form,
    "submission": m.Submission,
    "submissions": m.Submission,
    "page": m.Page,
    "pages": m.Page,
    "asset": m.Asset,
    "assets": m.Asset,
    "category": m.Category,
    "categories": m.Category,
    "dynamicContent": m.DynamicContent,
    "dynamicContents": m.DynamicContent,
    "message": m.Message,
    "messages": m.Message,
    "note": m.Note,
    "notes": m.Note,
    "notification": m.Notification,
    "notifications": m.Notification,
    "point": m.Point,
    "points": m.Point,
    "pointGroup": m.PointGroup,
    "pointGroups": m.PointGroup,
    "groupScore": m.GroupScore,
    "groupScores": m.GroupScore,
    "trigger": m.Trigger,
    "triggers": m.Trigger,
    "report": m.Report,
    "reports": m.Report,
    "role": m.Role,
    "roles": m.Role,
    "user": m.User,
    "users": m.User,
    "sms": m.Sms,
    "smses": m.Sms,
    "stage": m.Stage,
    "stages": m.Stage,
    "tag": m.Tag,
    "tags": m.Tag,
    "field": m.Field,
    "fields": m.Field,
    "device": m.Device,
    "devices": m.Device,
    "hook": m.Webhook,
    "hooks": m.Webhook,
    "focus": m.Focus,
    "tweet": m.Tweet,
    "tweets": m.Tweet,
    "file": m.UploadedFile,
    "themes": m.Theme,
}
"""By the key of the envelope."""

SPECIAL: Sequence[tuple[str, str, type]] = [
    (r"contacts/\d+/segments", "lists", m.ContactSegment),
    (r"contacts/\d+/campaigns", "campaigns", m.ContactCampaign),
    (r"contacts/\d+/companies", "companies", m.ContactCompany),
    (r"campaigns/\d+/contacts", "contacts", m.CampaignContact),
    (r"hooks/triggers", "triggers", m.WebhookTrigger),
]
"""Where the key means something else: path, key, class."""

WITHOUT_ENVELOPE: Sequence[tuple[str, type]] = [
    (r"contacts(/\d+)?/activity", m.Timeline),
    (r"contacts/list/owners", m.User),
    (r"contacts/list/fields", m.Field),
    (r"contacts/list/segments", m.Segment),
    (r"users/list/roles", m.Role),
    (r"users/self", m.User),
    (r"reports/\d+", m.ReportResult),
    (r"data/.+", m.Widget),
]
"""Answers without an envelope: path, class."""

ENVELOPE = {"total", "statusCodes", "errors", "success", "recordFound", "details", "sentCount", "failedRecipients"}
"""Keys of envelopes that hold no entity."""

PLAIN_MAPS = {"availableTables", "tableColumns", "stats", "types", "pointActionTypes", "eventTypes", "files"}
"""Keys whose maps stay maps: rows of tables, names by key, names of files."""


class Part(NamedTuple):
    """One entity of an answer, or the body of a request."""

    source: str
    model: type
    value: Mapping[str, Any]


@cache
def exchanges(version: Version = 5) -> Sequence[tuple[str, str, Any, Any]]:
    """Of every recorded success: its name, the path below ``/api/``, the request's body, the answer's body."""
    successes = []
    for name, exchange in load_exchanges(version).items():
        path = exchange["request"]["path"].partition("/api/")[2]
        answer = exchange["response"]
        if path and 200 <= answer["status"] < 300:
            successes.append((name, path, exchange["request"].get("body"), answer.get("body")))
    return successes


def conversation(version: Version) -> Iterator[tuple[str, str, Any, Any]]:
    """Yield the successes of the conversation in the form of `exchanges`, without the bodies of requests."""
    for number, exchange in enumerate(load_conversation(version)):
        path = exchange["request"]["path"].partition("/api/")[2].partition("?")[0]
        body = exchange["response"]["body"]
        if path and exchange["response"]["status"] < 300 and isinstance(body, Mapping):
            yield f"conversation {number}", path, None, body.get("json")


def rows(value: Any) -> list[Mapping[str, Any]]:
    """One entity, a list of them, or a map of them, as a list."""
    if isinstance(value, list):
        return [row for row in value if isinstance(row, Mapping)]
    if isinstance(value, Mapping) and value and all(isinstance(row, Mapping) for row in value.values()):
        return list(value.values())
    return [value] if isinstance(value, Mapping) and value else []


def answered_parts(successes: Iterable[tuple[str, str, Any, Any]] | None = None) -> Iterator[Part]:
    """Yield the entities of answers to the API v1, those of Mautic 5 if *successes* are not given."""
    for source, path, _, body in exchanges() if successes is None else successes:
        if path.startswith("v2/"):
            continue
        bare = next((model for pattern, model in WITHOUT_ENVELOPE if re.fullmatch(pattern, path)), None)
        if bare is not None:
            yield from (Part(source, bare, row) for row in rows(body))
        elif isinstance(body, Mapping) and "availableTables" in body:
            yield Part(source, m.StatTables, body)
        elif isinstance(body, Mapping):
            special = {key: model for pattern, key, model in SPECIAL if re.fullmatch(pattern, path)}
            for key, value in body.items():
                model = special.get(key) or MODELS.get(key)
                if model is not None:
                    yield from (Part(source, model, row) for row in rows(value))


def unknown_keys() -> set[str]:
    """Keys of envelopes that this module says nothing of."""
    return {
        f"{source}: {key}"
        for source, path, _, body in exchanges()
        if isinstance(body, Mapping) and not any(re.fullmatch(pattern, path) for pattern, _ in WITHOUT_ENVELOPE)
        for key in body
        if key not in MODELS and key not in ENVELOPE and key not in PLAIN_MAPS and ":" not in key
    }


def sent_parts() -> Iterator[Part]:
    """Bodies of creations and edits, batches row by row."""
    for source, path, body, answer in exchanges():
        if re.fullmatch(r".+/(new|\d+/edit|batch/new|batch/edit)", path) and isinstance(answer, Mapping):
            model = next((MODELS[key] for key in answer if key in MODELS), None)
            if model is not None and model is not m.UploadedFile:
                for row in rows(body) if "batch" in path else [body]:
                    if isinstance(row, Mapping):
                        yield Part(source, model, row)
