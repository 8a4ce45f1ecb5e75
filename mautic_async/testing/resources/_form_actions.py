"""The actions of forms: what each type takes as its properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mautic_async.testing import php
from mautic_async.testing.replies import ControllerError, UnhandledError
from mautic_async.testing.resources import _parts
from mautic_async.testing.resources._properties import InvalidValue, html, integer, one_of, plain_text
from mautic_async.testing.resources._subforms import Leaf, SubForm, SubFormError, list_of, switch

if TYPE_CHECKING:
    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.store import Row

_ACTION: Final[dict[str, Any]] = {
    "id": None,
    "name": None,
    "description": None,
    "type": None,
    "order": 0,
    "properties": [],
}


def _tag(value: Any, context: RequestContext) -> Any:
    tag = context.table("tags").get(php.to_int(value)) if php.is_numeric(value) else None
    if tag is None:
        raise InvalidValue
    return tag["tag"]


def _segment(value: Any, context: RequestContext) -> Any:
    id = php.to_int(value) if php.is_numeric(value) else 0
    if context.table("segments").get(id) is None:
        raise InvalidValue
    return id


_EMAIL: Final = Leaf(plain_text, required="Select the email to be sent.")
_PROPERTIES: Final = {
    "asset.download": SubForm({"asset": _parts.id_of("assets"), "category": _parts.id_of("categories")}),
    "email.send.lead": SubForm({"email": _EMAIL}),
    "email.send.user": SubForm(
        {"useremail": SubForm({"email": _EMAIL}), "user_id": Leaf(list_of(integer).parse, required=_parts.VALUE)}
    ),
    "form.email": SubForm(
        {
            "subject": plain_text,
            "message": html,
            "immediately": plain_text,
            **dict.fromkeys(("copy_lead", "set_replyto", "email_to_owner"), switch),
            "templates": Leaf(plain_text, empty=""),
            **dict.fromkeys(("to", "cc", "bcc"), plain_text),
        }
    ),
    "form.repost": SubForm(
        {
            "post_url": Leaf(plain_text, required=_parts.VALUE),
            "authorization_header": plain_text,
            "failure_email": plain_text,
        }
    ),
    "lead.pointschange": SubForm(
        {
            "operator": one_of("plus", "minus", "times", "divide"),
            "points": integer,
            "group": _parts.id_of("points/groups"),
        }
    ),
    "lead.changelist": SubForm({"addToLists": list_of(_segment), "removeFromLists": list_of(_segment)}),
    "lead.changetags": SubForm({"add_tags": list_of(_tag), "remove_tags": list_of(_tag)}),
    "lead.addutmtags": SubForm({}),
    "lead.scorecontactscompanies": SubForm({"score": integer}),
    "plugin.leadpush": SubForm({"integration": Leaf(plain_text, required=_parts.VALUE), "config": plain_text}),
}
"""The form of the properties, by type of action."""


def bind_actions(actions: list[Row], sent: Any, context: RequestContext) -> set[int]:
    """Change *actions* by those sent.

    Returns:
        The ids of the actions that were sent.

    Raises:
        ControllerError: 400; the form of an action refuses its properties.
        UnhandledError: An action has neither type nor name, or an id that does not exist.
    """
    ids: set[int] = set()
    for place, action in enumerate([one for one in php.array_values(sent) if isinstance(one, dict)], 1):
        id = 0 if php.to_string(action.get("id")).startswith("new") else php.to_int(action.get("id"))
        existing = next((each for each in actions if id and each["id"] == id), None)
        if existing is None:
            if id or not action.get("type") or not action.get("name"):
                raise UnhandledError
            existing = dict(_ACTION) | {"id": _parts.next_number(context, "form_actions")}
            actions.append(existing)
        kind = existing["type"] or php.to_string(action["type"])
        existing |= {name: plain_text(action[name], context) for name in ("name", "description") if name in action}
        existing |= {"type": kind, "order": place, "properties": _bind(kind, existing, action, context)}
        ids.add(existing["id"])
    return ids


def _bind(kind: str, existing: Row, action: Row, context: RequestContext) -> Any:
    patch = context.request.method == "PATCH"
    if patch and "properties" not in action:
        return existing["properties"]
    form = _PROPERTIES.get(kind)
    if form is None:
        raise ControllerError(400, "properties: This value is not valid.")
    try:
        return form.bind("properties", action.get("properties"), context, stored=existing["properties"], patch=patch)
    except SubFormError as why:
        raise ControllerError(400, ", ".join(f"{name}: {text}" for name, text in why.problems.items())) from None
