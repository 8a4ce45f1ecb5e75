"""Forms: their fields and actions, and what was submitted."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php, query
from mautic_async.testing.replies import Crash, Refused, Said, missing
from mautic_async.testing.resources import _form_html, _parts
from mautic_async.testing.resources._base import Noun
from mautic_async.testing.resources._properties import ID, Prop, category, choice, plain, rich, schedule, switch
from mautic_async.testing.resources._standard import without_nulls

if TYPE_CHECKING:
    from mautic_async.testing.query import Column, Test
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.router import Routes
    from mautic_async.testing.search import Term
    from mautic_async.testing.store import Row

_LONGEST: Final = 10
"""Characters of a form's alias."""
_LONGEST_FIELD: Final = 25
_FIELD: Final[dict[str, Any]] = {
    "id": None,
    "label": None,
    "showLabel": True,
    "alias": None,
    "type": None,
    "defaultValue": None,
    "isRequired": False,
    "validationMessage": None,
    "helpMessage": None,
    "order": 0,
    "properties": [],
    "validation": [],
    "parent": None,
    "conditions": [],
    "labelAttributes": None,
    "inputAttributes": None,
    "containerAttributes": None,
    "leadField": None,
    "saveResult": True,
    "isAutoFill": False,
    "mappedObject": None,
    "mappedField": None,
}
_SWITCHES: Final = ("showLabel", "isRequired", "saveResult", "isAutoFill")
_ACTION: Final[dict[str, Any]] = {
    "id": None,
    "name": None,
    "description": None,
    "type": None,
    "order": 0,
    "properties": [],
}
_ASKED: Final = {"message": "Fill in a message to display.", "redirect": "Fill in a valid URL."}


class Forms(Noun):
    """Forms. Fields and actions live in the row; every edit that does not say ``postAction`` sets it to ``return``."""

    path = "forms"
    one, many = "form", "forms"
    permission = "form:forms"
    order = ("name",)
    searched = ("name", "description")
    commands = ("is", "category", "name", "has")
    born = ("dateModified", "modifiedByUser")
    audit = ("form", "form")
    props = (
        ID,
        Prop("name", required=_parts.NAME),
        Prop("alias", plain, blank="", writable=False),
        category(),
        Prop("description", rich, minimal=False),
        Prop("cachedHtml", writable=False, minimal=False),
        *schedule(),
        Prop("fields", default=list, writable=False, minimal=False),
        Prop("actions", default=list, writable=False, minimal=False),
        Prop("template", plain, minimal=False),
        Prop("inKioskMode", switch, default=False, minimal=False),
        Prop("renderStyle", switch, default=False, minimal=False),
        Prop("formType", plain, default="standalone", blank="standalone", minimal=False),
        Prop("postAction", choice(*_ASKED, "return"), default="return", blank="return", minimal=False),
        Prop("postActionProperty", rich, minimal=False),
        Prop("noIndex", switch, minimal=False),
        Prop("formAttributes", plain, minimal=False),
        Prop("language", plain, minimal=False),
    )

    def fresh(self, ask: Ask) -> Row:
        """Without fields and actions."""
        return super().fresh(ask) | {"fields": [], "actions": []}

    def check(self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], ask: Ask) -> None:
        """Some post actions need a property; the alias stays what it once was."""
        del ask
        if not params.get("postAction"):
            draft["postAction"] = "return"
        wanted = _ASKED.get(draft["postAction"])
        if wanted is not None and not draft["postActionProperty"]:
            problems["postActionProperty"] = wanted
        if row is None or not draft["alias"]:
            draft["alias"] = _parts.slug(params.get("alias") or draft["name"], "_", _LONGEST)

    def commit(self, draft: Row, row: Row | None, params: dict[str, Any], ask: Ask) -> Row:
        """With its fields and actions; one that is refused ends a single call with nothing changed."""
        fields, actions = [dict(one) for one in draft["fields"]], [dict(one) for one in draft["actions"]]
        try:
            listed = _fields(fields, params.get("fields"), ask)
            acted = _actions(actions, params.get("actions"), ask)
        except Refused:
            if not _parts.batch(ask):
                raise
            fields, actions = draft["fields"], draft["actions"]
        else:
            if row is not None and ask.request.method == "PUT":
                fields = [one for one in fields if one["id"] in listed]
                actions = [one for one in actions if one["id"] in acted]
        draft["fields"], draft["actions"] = fields, actions
        saved = super().commit(draft, row, params, ask)
        saved["cachedHtml"] = _form_html.render(saved, ask.fake.absolute("/form/submit"))
        return self.table(ask).save(saved)

    def gone(self, row: Row) -> Row:
        """Nothing in it has an id any more."""
        empty = {name: [one | {"id": None} for one in row[name]] for name in ("fields", "actions")}
        return row | {"id": None} | empty

    def delete(self, row: Row, ask: Ask) -> None:
        """With what was submitted."""
        super().delete(row, ask)
        submissions = ask.table("submissions")
        for id in [one["id"] for one in submissions.where(form=row["id"])]:
            submissions.remove(id)

    def commanded(self, term: Term, ask: Ask) -> Test | None:
        """By time, and by whether anybody submitted it."""
        now = ask.now
        if (term.command, term.value) == ("is", "expired"):
            return lambda row: row["publishDown"] is not None and row["publishDown"] <= now
        if (term.command, term.value) == ("is", "pending"):
            return lambda row: row["publishUp"] is not None and row["publishUp"] > now
        if term.command == "has":
            filled = {one["form"] for one in ask.table("submissions")}
            return (lambda row: row["id"] in filled) if term.value == "results" else None
        return super().commanded(term, ask)

    # --- routes ----------------------------------------------------------------------------------------------------

    def special(self, routes: Routes) -> None:
        """Submissions; taking fields and actions away."""
        base = "/api/forms/{formId}"
        routes.add("GET", base + "/submissions", self.submissions)
        routes.add("GET", base + "/submissions/contact/{contactId}", self.submissions)
        routes.add("GET", base + "/submissions/{submissionId}", self.submission)
        routes.add("DELETE", base + "/fields/delete", self.delete_fields)
        routes.add("DELETE", base + "/actions/delete", self.delete_actions)

    def _form(self, ask: Ask, verb: str) -> Row:
        row = self.get(ask.path["formId"], ask)
        if row is None:
            raise missing()
        ask.need(self.permission, verb, own=self.own(row, ask))
        return row

    async def delete_fields(self, ask: Ask) -> Any:
        """Take fields away."""
        return await self._take_away("fields", ask)

    async def delete_actions(self, ask: Ask) -> Any:
        """Take actions away."""
        return await self._take_away("actions", ask)

    async def _take_away(self, name: str, ask: Ask) -> Any:
        row = self._form(ask, "edit")
        ids = ask.param(name)
        if not isinstance(ids, (list, dict)):
            raise Refused(400, f"The {name} attribute must be array.")
        await ask.row()
        gone = {php.integer(id) for id in php.values(ids)}
        row[name] = [one for one in row[name] if one["id"] not in gone]
        self.table(ask).save(row)
        return Said({"form": without_nulls(self.show(row, ask))})

    async def submissions(self, ask: Ask) -> Any:
        """What was submitted, by anybody or by one contact."""
        form = self._form(ask, "view")
        rows = list(ask.table("submissions").where(form=form["id"]))
        contact = ask.path.get("contactId")
        if contact is not None:
            if ask.table("contacts").get(contact) is None:
                raise missing("Contact not found.")
            rows = [row for row in rows if row["lead"] == contact]
        if ask.query.get("where"):
            for test in query.where(ask.query["where"], _column):
                rows = [row for row in rows if test(row)]
        page = query.sort(rows, query.order(ask.query, (), _column))[query.window(ask.query)]
        shown = [_show(row, form, ask) for row in page]
        return Said({"total": str(len(rows)), "submissions": shown or {}})

    async def submission(self, ask: Ask) -> Any:
        """One of them; of which form, nobody looks."""
        self._form(ask, "view")
        row = ask.table("submissions").get(ask.path["submissionId"])
        if row is None:
            raise missing()
        form = ask.table("forms").get(row["form"])
        return Said({"submission": _show(row, form or {}, ask)})


def _column(name: str) -> Column:
    table, _, key = name.rpartition(".")
    if table == "r":
        return lambda row: row["results"].get(key)
    plain_ = {"id": "id", "date_submitted": "date", "dateSubmitted": "date", "lead_id": "lead", "form_id": "form"}
    if key not in plain_:
        raise Crash
    return lambda row: row[plain_[key]]


def _show(row: Row, form: Row, ask: Ask) -> dict[str, Any]:
    contact = ask.table("contacts").get(row["lead"])
    shown_form = {name: form.get(name) for name in ("id", "name", "alias")} | {"category": None}
    lead = None
    if contact is not None:
        lead = {"id": contact["id"], "points": contact["points"], "color": None}
        lead |= {name: contact["fields"].get(name) for name in _form_html.CONTACT}
    return {
        "id": row["id"],
        "ipAddress": {"ipAddress": "127.0.0.1"},
        "form": shown_form,
        "lead": lead,
        "trackingId": row.get("tracking"),
        "dateSubmitted": php.iso(row["date"]),
        "referer": row.get("referer", ""),
        "page": None,
        "results": row["results"],
    }


def _fields(fields: list[Row], given: Any, ask: Ask) -> set[int]:
    """Change *fields* by those sent; give the ids of the latter."""
    sent = [one for one in php.values(given) if isinstance(one, dict)]
    aliases = {one["alias"] for one in fields}
    chosen = [_field(one, fields, aliases, ask) for one in sent]
    held = {one["id"]: one for one in fields}
    listed: set[int] = set()
    for place, (one, alias) in enumerate(zip(sent, chosen, strict=True), 1):
        field = held.get(php.integer(one.get("id")))
        if field is None:
            field = dict(_FIELD) | {"id": _parts.number(ask, "form_fields")}
            fields.append(field)
        _fill(field, one, alias, place)
        listed.add(field["id"])
    return listed


def _field(sent: Row, fields: list[Row], aliases: set[str], ask: Ask) -> str:
    held = None
    if sent.get("id") and not php.text(sent["id"]).startswith("new"):
        id = php.integer(sent["id"])
        held = next((one for one in fields if one["id"] == id), None)
        if held is None:
            raise missing(f"Field ID {php.text(sent['id'])} not found")
    if not php.text(sent.get("label", held and held["label"])).strip():
        raise Refused(400, "label: Label is required.")
    if held is None and not sent.get("type"):
        raise Refused(400, f"type: {_parts.VALUE}")
    wanted = _parts.slug(sent.get("alias") or "", "_", _LONGEST_FIELD)
    if held is not None:
        return wanted or str(held["alias"])
    if not wanted or wanted in aliases:
        wanted = _random(ask)
    aliases.add(wanted)
    return wanted


def _random(ask: Ask) -> str:
    """What the server calls a field whose alias is missing or taken."""
    number = int(ask.fake.secret()[-12:], 16)
    return "".join(string.ascii_lowercase[number // 26**place % 26] for place in range(5))


def _fill(field: Row, sent: Row, alias: str, place: int) -> None:
    for name, value in sent.items():
        if name in _FIELD and name not in ("id", "order", "alias"):
            field[name] = php.yes(value) if name in _SWITCHES else value
    field["alias"], field["order"] = alias, place
    field["label"] = php.clean(field["label"])
    if "mappedField" in sent or "mappedObject" in sent:
        field["leadField"] = field["mappedField"] if field["mappedObject"] == "contact" else None
    elif sent.get("leadField"):
        field["mappedObject"], field["mappedField"] = "contact", sent["leadField"]


def _actions(actions: list[Row], given: Any, ask: Ask) -> set[int]:
    """Change *actions* by those sent; give the ids of the latter."""
    listed: set[int] = set()
    for place, one in enumerate([one for one in php.values(given) if isinstance(one, dict)], 1):
        id = 0 if php.text(one.get("id")).startswith("new") else php.integer(one.get("id"))
        held = next((each for each in actions if id and each["id"] == id), None)
        if held is None:
            if id or not one.get("type"):
                raise Crash
            held = dict(_ACTION) | {"id": _parts.number(ask, "form_actions")}
            actions.append(held)
        held |= {name: one[name] for name in _ACTION if name in one and name not in ("id", "order")}
        held["order"] = place
        listed.add(held["id"])
    return listed
