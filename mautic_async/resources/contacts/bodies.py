"""Bodies of contact writes, built and checked without any request.

`BodyRules` and `replace_body` encode a contact for one kind of write and refuse what Mautic would drop or fail on.
`values_not_kept` compares such a body with the contact of the answer.

Mautic: REST API, Contacts, Create (POST /contacts/new) and Edit (PATCH and PUT /contacts/ID/edit).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

from attrs import frozen

from mautic_async import codec
from mautic_async.errors import ConfigurationError, Problem
from mautic_async.models import UNSET, Contact
from mautic_async.resources import _kept
from mautic_async.resources.contacts import validation
from mautic_async.resources.contacts.item_values import items_not_kept

Zeros: TypeAlias = Literal["refuse", "drop"]
"""Treatment of a zero in a number field, which POST and PATCH do not store: refuse the contact, or leave it out."""


@frozen
class BodyRules:
    """Settings for all bodies of a call.

    Attributes:
        zeros: Treatment of zeros.
        field_types: Known types of contact fields, by alias.
    """

    zeros: Zeros = "refuse"
    field_types: Mapping[str, str] = validation.FIELD_TYPES

    def create_body(self, contact: Contact) -> dict[str, Any]:
        """Return the body that creates *contact*.

        Raises:
            ConfigurationError: It names nothing, or holds what Mautic would drop or fail on.
        """
        body = _require_any(self._encode(codec.encode(contact)))
        self._check("contacts.create", body, new=True)
        # A new contact has no tags that None could clear.
        return {key: value for key, value in body.items() if not (key == "tags" and value is None)}

    def edit_body(self, contact: Contact) -> dict[str, Any]:
        """Return the body that makes the changes that *contact* names; empty if it was read and not changed since.

        Raises:
            ConfigurationError: It names nothing, or holds what Mautic would drop or fail on.
        """
        body = self._encode(changes_of(contact))
        if codec.as_read(contact) is None:
            _require_any(body)
        self._check("contacts.edit", body, new=False)
        if any(validation.is_blank(value) for _, value in validation.iter_fields(body)):
            body["overwriteWithBlank"] = True  # without it Mautic answers 200 and keeps the old value
        return body

    def upsert_bodies(self, contact: Contact) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the body of an upsert, and that of the edit that then clears fields; empty if none is to be cleared.

        An upsert cannot clear: without ``overwriteWithBlank`` Mautic ignores a blank, and with it a single upsert wipes
        every field that the body does not name.
        """
        body = self._encode(codec.encode(contact))
        blank = {key: value for key, value in validation.iter_fields(body) if validation.is_blank(value)}
        sent = {key: value for key, value in body.items() if key not in blank}
        return sent, {**blank, "overwriteWithBlank": True} if blank else {}

    def _encode(self, body: dict[str, Any]) -> dict[str, Any]:
        return validation.drop_zeros(body, self.field_types) if self.zeros == "drop" else body

    def _check(self, method: str, body: Mapping[str, Any], *, new: bool) -> None:
        problems = validation.check_zeros(body, self.field_types, new=new)
        problems += validation.check_crashers(body, new=new) + validation.check_email(body)
        validation.raise_for(problems, method)


def replace_body(contact: Contact) -> dict[str, Any]:
    """Return the body that replaces a contact; the one kind of write that stores a zero.

    Raises:
        ConfigurationError: It names nothing, or holds what Mautic would fail on or drop from the address.
    """
    # Zeros are not checked: PUT stores them.
    body = _require_any(codec.encode(contact))
    validation.raise_for(validation.check_crashers(body, new=False) + validation.check_email(body), "contacts.replace")
    return body


def changes_of(contact: Contact) -> dict[str, Any]:
    """Return what an edit by *contact* names: of a contact that was read, only its changes, removed tags included."""
    body = codec.encode_changes(contact)
    original = codec.as_read(contact)
    # Mautic adds the tags of a request to the stored ones, so removed tags must be named.
    if original is not None and "tags" in body:
        body["tags"] = _tag_changes(original.tags or (), contact.tags or ())
    return body


def _require_any(body: dict[str, Any]) -> dict[str, Any]:
    if not body:
        raise ConfigurationError(
            "contacts: the Contact names nothing, and Mautic would take it as an empty one; set at least one property"
        )
    return body


def _tag_changes(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Return the tags to send for a change of the list: Mautic adds tags, and removes those led by a ``-``."""
    added = [tag for tag in after if tag not in before]
    removed = [f"-{tag}" for tag in before if tag not in after]
    return added + [tag for tag in removed if tag not in added]


def values_not_kept(body: Mapping[str, Any], stored: Contact) -> list[Problem]:
    """Return the values of *body* that the *stored* contact does not hold, though Mautic answered with a success."""
    shown = codec.encode(stored)
    # Tags and items are compared below, by rules of their own.
    sent = {key: value for key, value in body.items() if key not in {"id", "tags", codec.CUSTOM_OBJECTS}}
    if sent.get("doNotContact"):
        sent["doNotContact"] = [entry for entry in sent["doNotContact"] if entry.get("reason") != 0]  # 0 removes one
    if validation.collation_key(sent.get("company")) == validation.collation_key(shown.get("company")):
        sent.pop("company", None)  # Mautic takes the stored name of a company that its database finds equal
    problems = _kept.values_not_kept(sent, shown)
    if stored.fields is not UNSET:  # otherwise the answer shows no fields at all
        problems += [Problem(_NO_SUCH_FIELD, key) for key, _ in validation.iter_fields(sent) if key not in shown]
    if body.get("tags") and stored.tags is not UNSET:
        problems += _tag_problems(body["tags"], stored.tags or ())
    if body.get(codec.CUSTOM_OBJECTS):
        # The answer groups items by object; as models both sides have one shape.
        items = codec.decode_request(Contact, {codec.CUSTOM_OBJECTS: body[codec.CUSTOM_OBJECTS]}).custom_items
        problems += items_not_kept(None, items or (), stored.custom_items or ())
    return problems


def row_values_not_kept(body: Mapping[str, Any], answer: Mapping[str, Any], model: type[Contact]) -> list[Problem]:
    """Return the same as `values_not_kept` for one row of a batch, from the contact as JSON.

    Most values are stored as they were sent. Only for the others the contact is decoded, which takes 0.1 ms.
    """
    groups = answer.get("fields")
    fields = groups.get("all") if isinstance(groups, Mapping) else None
    if not isinstance(fields, Mapping):
        return []
    # A cheap comparison first: decoding every contact of a batch would cost more than all other work on it.
    doubtful = {
        key: value
        for key, value in body.items()
        if value != fields.get(key, UNSET) and not _is_shown(key, value, answer, fields)
    }
    return values_not_kept(doubtful, codec.decode(model, answer)) if doubtful else []


def _is_shown(key: str, value: Any, answer: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    stored = answer.get(key)
    if key in fields and key != "points":
        return not _kept.values_not_kept({key: value}, fields)
    if key == "tags" and isinstance(stored, list):
        return not _tag_problems(value, [str(tag.get("tag")) for tag in stored if isinstance(tag, Mapping)])
    if isinstance(stored, Mapping):  # owner and stage
        stored = stored.get("id")
    return key in {"id", "overwriteWithBlank"} or value == stored


_NO_SUCH_FIELD: Final = "this Mautic has no such contact field, and ignored the value"


def _tag_problems(sent: str | Sequence[str], stored: Sequence[str]) -> list[Problem]:
    present = set(map(validation.collation_key, stored))
    missing = removed = False
    for tag in sent.split(",") if isinstance(sent, str) else sent:
        if tag.startswith("-"):
            removed |= validation.collation_key(tag[1:]) in present
        else:
            missing |= validation.collation_key(tag) not in present
    return [Problem("Mautic did not add all of them", "tags")] * missing + [
        Problem("Mautic did not remove all of them: a tag is removed only as it is spelled there", "tags")
    ] * removed
