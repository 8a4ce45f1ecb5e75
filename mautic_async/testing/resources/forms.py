"""Forms: their fields and actions, and what was submitted."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any, ClassVar, Final

from mautic_async.testing import php, query
from mautic_async.testing.replies import ControllerError, Reply, UnhandledError, not_found
from mautic_async.testing.resources import _form_html, _parts
from mautic_async.testing.resources._base import FakeResource
from mautic_async.testing.resources._form_actions import bind_actions
from mautic_async.testing.resources._properties import (
    ID,
    Property,
    boolean,
    category,
    html,
    one_of,
    plain_text,
    schedule,
)
from mautic_async.testing.resources._standard import without_nulls

if TYPE_CHECKING:
    from mautic_async.testing.query import ColumnReader, Predicate
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.router import Router
    from mautic_async.testing.search import Term
    from mautic_async.testing.store import Row

_MAX_ALIAS: Final = 10
"""Characters of a form's alias."""
_MAX_FIELD_ALIAS: Final = 25
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
_FIELD_IN_7: Final = {"fieldWidth": "100%", "isReadOnly": False}
_SWITCHES: Final = ("showLabel", "isRequired", "saveResult", "isAutoFill")
_REQUIRED_PROPERTIES: Final = {"message": "Fill in a message to display.", "redirect": "Fill in a valid URL."}


class Forms(FakeResource):
    """Forms. Fields and actions live in the row; every edit that does not say ``postAction`` sets it to ``return``."""

    path: ClassVar[str] = "forms"
    singular: ClassVar[str] = "form"
    plural: ClassVar[str] = "forms"
    permission = "form:forms"
    default_order: ClassVar[tuple[str, ...]] = ("name",)
    searched_columns: ClassVar[tuple[str, ...]] = ("name", "description")
    search_commands: ClassVar[tuple[str, ...]] = ("is", "category", "name", "has")
    set_on_create: ClassVar[tuple[str, ...]] = ("dateModified", "modifiedByUser")
    audit_name: ClassVar[tuple[str, str]] = ("form", "form")
    audits_creation_as = "update"
    properties: ClassVar[tuple[Property, ...]] = (
        ID,
        Property("name", required=_parts.NAME),
        Property("alias", plain_text, value_on_put="", writable=False),
        category(),
        Property("description", html, minimal=False),
        Property("cachedHtml", writable=False, minimal=False),
        *schedule(),
        Property("fields", default=list, writable=False, minimal=False),
        Property("actions", default=list, writable=False, minimal=False),
        Property("template", plain_text, minimal=False),
        Property("inKioskMode", boolean, default=False, minimal=False),
        Property("renderStyle", boolean, default=False, minimal=False),
        Property("formType", plain_text, default="standalone", value_on_put="standalone", minimal=False),
        Property(
            "postAction",
            one_of(*_REQUIRED_PROPERTIES, "return"),
            default="return",
            value_on_put="return",
            minimal=False,
        ),
        Property("postActionProperty", html, minimal=False),
        Property("noIndex", boolean, minimal=False),
        Property("formAttributes", plain_text, minimal=False),
        Property("language", plain_text, minimal=False),
        _parts.projects(),
    )

    def new_row(self, context: RequestContext) -> Row:
        """Return a new form without fields and actions."""
        return super().new_row(context) | {"fields": [], "actions": []}

    def check_row(
        self, draft: Row, row: Row | None, params: dict[str, Any], problems: dict[str, str], context: RequestContext
    ) -> None:
        """Check that a post action has the property it needs, and set the alias, which never changes."""
        del context
        if not params.get("postAction"):
            draft["postAction"] = "return"
        wanted = _REQUIRED_PROPERTIES.get(draft["postAction"])
        if wanted is not None and not draft["postActionProperty"]:
            problems["postActionProperty"] = wanted
        if row is None or not draft["alias"]:
            draft["alias"] = _parts.slugify(params.get("alias") or draft["name"], "_", _MAX_ALIAS)

    def save(self, draft: Row, row: Row | None, params: dict[str, Any], context: RequestContext) -> Row:
        """Store the form with its fields and actions; if one is refused, a single call changes nothing."""
        fields, actions = [dict(part) for part in draft["fields"]], [dict(part) for part in draft["actions"]]
        try:
            field_ids = _fields(fields, params.get("fields"), context)
            action_ids = bind_actions(actions, params.get("actions"), context)
        except ControllerError:
            if not _parts.is_batch(context):
                raise
            fields, actions = draft["fields"], draft["actions"]
        else:
            if row is not None and context.request.method == "PUT":
                fields = [part for part in fields if part["id"] in field_ids]
                actions = [part for part in actions if part["id"] in action_ids]
        draft["fields"], draft["actions"] = fields, actions
        saved = super().save(draft, row, params, context)
        saved["cachedHtml"] = _form_html.render(saved, context.state.absolute_url("/form/submit"))
        return self.table(context).save(saved)

    def deleted_view(self, row: Row) -> Row:
        """Return the form without any id in it."""
        empty = {name: [one | {"id": None} for one in row[name]] for name in ("fields", "actions")}
        return row | {"id": None} | empty

    def delete(self, row: Row, context: RequestContext) -> None:
        """Delete the form with its submissions."""
        super().delete(row, context)
        submissions = context.table("submissions")
        for id in [one["id"] for one in submissions.where(form=row["id"])]:
            submissions.remove(id)

    def search_command(self, term: Term, context: RequestContext) -> Predicate | None:
        """Return the test of a search by publication time or by the presence of submissions."""
        now = context.now
        if (term.command, term.value) == ("is", "expired"):
            return lambda row: row["publishDown"] is not None and row["publishDown"] <= now
        if (term.command, term.value) == ("is", "pending"):
            return lambda row: row["publishUp"] is not None and row["publishUp"] > now
        if term.command == "has":
            filled = {one["form"] for one in context.table("submissions")}
            return (lambda row: row["id"] in filled) if term.value == "results" else None
        return super().search_command(term, context)

    # --- routes ----------------------------------------------------------------------------------------------------

    def extra_routes(self, routes: Router) -> None:
        """Submissions; taking fields and actions away."""
        base = "/api/forms/{formId}"
        routes.add("GET", base + "/submissions", self.submissions)
        routes.add("GET", base + "/submissions/contact/{contactId}", self.submissions)
        routes.add("GET", base + "/submissions/{submissionId}", self.submission)
        routes.add("DELETE", base + "/fields/delete", self.delete_fields)
        routes.add("DELETE", base + "/actions/delete", self.delete_actions)

    def _form(self, context: RequestContext, verb: str) -> Row:
        row = self.get(context.path["formId"], context)
        if row is None:
            raise not_found()
        context.require(self.permission, verb, own=self.is_owned_by(row, context))
        return row

    async def delete_fields(self, context: RequestContext) -> Any:
        """Take fields away."""
        return await self._remove_parts("fields", context)

    async def delete_actions(self, context: RequestContext) -> Any:
        """Take actions away."""
        return await self._remove_parts("actions", context)

    async def _remove_parts(self, name: str, context: RequestContext) -> Any:
        row = self._form(context, "edit")
        ids = context.param(name)
        if not isinstance(ids, (list, dict)):
            raise ControllerError(400, f"The {name} attribute must be array.")
        await context.charge_row()
        removed = {php.to_int(id) for id in php.array_values(ids)}
        row[name] = [part for part in row[name] if part["id"] not in removed]
        row["modifiedBy"], row["modifiedByUser"] = context.user.id, context.user.name
        self.table(context).save(row)
        return Reply({"form": without_nulls(self.serialize(row, context))})

    async def submissions(self, context: RequestContext) -> Any:
        """Answer with the submissions of all contacts or of one."""
        form = self._form(context, "view")
        rows = list(context.table("submissions").where(form=form["id"]))
        contact = context.path.get("contactId")
        if contact is not None:
            if context.table("contacts").get(contact) is None:
                raise not_found("Contact not found.")
            rows = [row for row in rows if row["lead"] == contact]
        if context.query.get("where"):
            for test in query.parse_where(context.query["where"], _column):
                rows = [row for row in rows if test(row)]
        page = query.sort(rows, query.sort_keys(context.query, (), _column))[query.slice_of(context.query)]
        entities = [_serialize_submission(row, form, context) for row in page]
        return Reply({"total": str(len(rows)), "submissions": entities or {}})

    async def submission(self, context: RequestContext) -> Any:
        """Answer with one submission, even one of another form."""
        self._form(context, "view")
        row = context.table("submissions").get(context.path["submissionId"])
        if row is None:
            raise not_found()
        form = context.table("forms").get(row["form"])
        return Reply({"submission": _serialize_submission(row, form or {}, context)})


def _column(name: str) -> ColumnReader:
    table, _, key = name.rpartition(".")
    if table == "r":
        return lambda row: row["results"].get(key)
    plain_ = {"id": "id", "date_submitted": "date", "dateSubmitted": "date", "lead_id": "lead", "form_id": "form"}
    if key not in plain_:
        raise UnhandledError
    return lambda row: row[plain_[key]]


def _serialize_submission(row: Row, form: Row, context: RequestContext) -> dict[str, Any]:
    contact = context.table("contacts").get(row["lead"])
    form_entity = {name: form.get(name) for name in ("id", "name", "alias")} | {"category": None}
    lead = None
    if contact is not None:
        lead = {"id": contact["id"], "points": contact["points"], "color": None}
        lead |= {name: contact["fields"].get(name) for name in _form_html.CONTACT}
    return {
        "id": row["id"],
        "ipAddress": {"ipAddress": "127.0.0.1"},
        "form": form_entity,
        "lead": lead,
        "trackingId": row.get("tracking"),
        "dateSubmitted": php.iso_datetime(row["date"]),
        "referer": row.get("referer", ""),
        "page": None,
        "results": row["results"],
    }


def _fields(fields: list[Row], fields_sent: Any, context: RequestContext) -> set[int]:
    """Change *fields* by those sent; give the ids of the latter."""
    sent = [field_row for field_row in php.array_values(fields_sent) if isinstance(field_row, dict)]
    aliases = {field_row["alias"] for field_row in fields}
    aliases_used = [_field(field_row, fields, aliases, context) for field_row in sent]
    existing = {field_row["id"]: field_row for field_row in fields}
    ids: set[int] = set()
    for place, (field_row, alias) in enumerate(zip(sent, aliases_used, strict=True), 1):
        field = existing.get(php.to_int(field_row.get("id")))
        if field is None:
            field = (
                dict(_FIELD)
                | (_FIELD_IN_7 if context.is_7 else {})
                | {"id": _parts.next_number(context, "form_fields")}
            )
            fields.append(field)
        _fill(field, field_row, alias, place)
        ids.add(field["id"])
    return ids


def _field(sent: Row, fields: list[Row], aliases: set[str], context: RequestContext) -> str:
    existing = None
    if sent.get("id") and not php.to_string(sent["id"]).startswith("new"):
        id = php.to_int(sent["id"])
        existing = next((field_row for field_row in fields if field_row["id"] == id), None)
        if existing is None:
            raise not_found(f"Field ID {php.to_string(sent['id'])} not found")
    if not php.to_string(sent.get("label", existing and existing["label"])).strip():
        raise ControllerError(400, "label: Label is required.")
    if existing is None and not sent.get("type"):
        raise ControllerError(400, f"type: {_parts.VALUE}")
    requested = _parts.slugify(sent.get("alias") or "", "_", _MAX_FIELD_ALIAS)
    if existing is not None:
        return requested or str(existing["alias"])
    if not requested or requested in aliases:
        requested = _random(context)
    aliases.add(requested)
    return requested


def _random(context: RequestContext) -> str:
    """Return a random alias, for a field whose alias is missing or taken."""
    number = int(context.state.new_token()[-12:], 16)
    return "".join(string.ascii_lowercase[number // 26**place % 26] for place in range(5))


def _fill(field: Row, sent: Row, alias: str, place: int) -> None:
    for name, value in sent.items():
        if name in field and name not in ("id", "order", "alias"):
            field[name] = php.form_bool(value) if name in _SWITCHES else value
    field["alias"], field["order"] = alias, place
    field["label"] = php.strip_text(field["label"])
    if "mappedField" in sent or "mappedObject" in sent:
        field["leadField"] = field["mappedField"] if field["mappedObject"] == "contact" else None
    elif sent.get("leadField"):
        field["mappedObject"], field["mappedField"] = "contact", sent["leadField"]
