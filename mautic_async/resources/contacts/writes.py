"""Writes of single contacts: create, edit, replace and upsert.

Mautic: REST API, Contacts; Custom Objects plugin, contacts API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from mautic_async import codec
from mautic_async.errors import ConfigurationError, OutcomeUnknown, Problem
from mautic_async.models import Contact
from mautic_async.protocol import Effect, validate_id
from mautic_async.resources import _columns
from mautic_async.resources._base import Resource
from mautic_async.resources._company_link import CompanyLinks, company_name
from mautic_async.resources.contacts import bodies, item_identity, validation
from mautic_async.resources.contacts.bodies import BodyRules, Zeros
from mautic_async.resources.contacts.field_schema import Preflight

if TYPE_CHECKING:
    from mautic_async.protocol import Call
    from mautic_async.resources.contacts.item_identity import ItemMatching

B = TypeVar("B")
C = TypeVar("C", bound=Contact)

INCLUDE_ITEMS: Final = ("includeCustomObjects", "true")
"""The only safe value: Mautic takes any text for yes, ``false`` too."""


class ContactWrites(Resource[C]):
    """The verbs that write one contact. Mautic: REST API, Contacts."""

    async def create(self, entity: C, *, zeros: Zeros = "refuse") -> C:
        """Store a contact. One with a known e-mail is not new: Mautic updates the contact that holds it.

        Values of custom fields are checked by the contact fields of this Mautic, which are asked for once and kept.

        Args:
            entity: The contact.
            zeros: ``drop`` leaves zeros out of number fields; POST does not store them.

        Returns:
            The contact as Mautic stored it, custom items with their ids.

        Raises:
            ConfigurationError: It names nothing, or holds what Mautic would drop or fail on; nothing was sent.
            Rejected: Mautic refused a value.
            ValueNotKept: It is stored without the values that the error names.
            OutcomeUnknown: It may have been stored.

        Mautic: REST API, Create contact (POST /contacts/new).
        """
        body = await self._build("create", codec.encode(entity), lambda rules: rules.create_body(entity), zeros)
        call = self._build_call("POST", self._create_effect(entity), "new", body=body, query=_include_items(entity))
        return await self._write(call)

    async def edit(self, id: int, changes: C, *, zeros: Zeros = "refuse") -> C:
        """Change what *changes* names; None, ``""`` and ``[]`` clear a field.

        A contact that was read knows its values: only those that were changed since are sent, tags that were taken out
        of `Contact.tags` are removed, and without any change the contact is read again.

        Args:
            id: Of the contact; it must exist.
            changes: UNSET properties are not sent.
            zeros: ``drop`` leaves zeros out of number fields; PATCH does not store them.

        Returns:
            The contact as Mautic stored it, custom items with their ids.

        Raises:
            ConfigurationError: It names nothing, or a new zero, which Mautic would drop: see `replace` and
                `subtract_points`. Nothing was sent.
            NotFound: Nothing has this id.
            Rejected: Mautic refused a value; 422 where another contact holds a unique one.
            ValueNotKept: The edit was made without the values that the error names.
            OutcomeUnknown: The contact is stored; its link to the company it names may not be.

        Mautic: REST API, Edit contact (PATCH /contacts/ID/edit).
        """
        changes = self._for_id(id, changes)
        named = codec.encode_changes(changes)
        body = await self._build("edit", named, lambda rules: rules.edit_body(changes), zeros)
        if not body:
            return await self.get(id)
        query = _include_items(changes) if codec.CUSTOM_OBJECTS in body else ()
        call = self._build_call("PATCH", self._edit_effect(changes), id, "edit", body=body, query=query)
        payload = await self._send(call)
        stored = self._decode_one(payload)
        if payload.attempts > 1:
            # An earlier attempt may have stored the company's name without its link, which this one did not make then.
            await self._link_company(call, stored.id, company_name(body))
        return self._require_kept(call, stored)

    async def _link_company(self, call: Call, id: int, company: str) -> None:
        problem = await CompanyLinks(self._pipeline, background=False).ensure_linked(id, company)
        if problem is not None:
            raise OutcomeUnknown(
                f"{call}: the contact is stored, but {problem.message}", call=str(call), may_still_run=False
            )

    async def replace(self, id: int, entity: C) -> C:
        """Replace all fields: what *entity* does not name is wiped, the e-mail too; tags, owner and stage stay.

        This is the one way to store a 0 in a number field. Where nothing has this *id*, Mautic creates a contact with
        another id, so the call is never retried.

        Raises:
            ConfigurationError: It names nothing, or holds what Mautic would drop or fail on; nothing was sent.
            Rejected: Mautic refused a value.
            ValueNotKept: It is stored without the values that the error names.
            OutcomeUnknown: It may have been done.

        Mautic: REST API, Edit contact (PUT /contacts/ID/edit).
        """
        # Before the fields are asked for, so that a wrong id costs no request.
        validate_id(id)
        body = bodies.replace_body(entity)
        await self._check_fields("replace", body)
        effect, query = Effect.NON_IDEMPOTENT, _include_items(entity)
        return await self._write(self._build_call("PUT", effect, id, "edit", body=body, query=query))

    async def upsert(
        self,
        contact: C,
        *,
        unique: Sequence[str] = ("email",),
        match_items: ItemMatching = None,
        without_key: Literal["refuse", "create"] = "refuse",
        clear: Literal["refuse", "patch"] = "refuse",
        zeros: Zeros = "refuse",
    ) -> C:
        """Update the contact that has the same unique value, or create one.

        Never have two upserts of one contact in flight at once: Mautic looks, then inserts, and would make two.

        Args:
            contact: With a value for at least one unique field; with an `id` it is an edit of that contact.
            unique: Fields that this Mautic marks as unique identifiers.
            match_items: How new custom items are recognised; see `UniqueField` and `LookupField`.
            without_key: Treatment of a contact without any unique value.
            clear: Treatment of None and empty values: refuse them, or clear them by a second request.
            zeros: ``drop`` leaves zeros out of number fields; POST does not store them.

        Returns:
            The contact as Mautic stored it, custom items with their ids.

        Raises:
            ConfigurationError: It holds what Mautic would drop, wipe with, or fail on; nothing was sent.
            Rejected: Mautic refused a value; 422 where two contacts already share a unique one.
            ValueNotKept: It is stored without the values that the error names.
            OutcomeUnknown: It may have been stored: look with `find`, then decide.

        Mautic: REST API, Create contact (POST /contacts/new).
        """
        _require_contact(contact)
        if contact.id:
            validation.raise_for(item_identity.check_items(match_items, _items(contact)), "contacts.upsert")
            return await self.edit(contact.id, contact, zeros=zeros)
        problems = self.check(
            contact, unique=unique, match_items=match_items, without_key=without_key, clear=clear, zeros=zeros
        )
        validation.raise_for(problems, "contacts.upsert")
        named = codec.encode(contact)
        sent, cleared = await self._build("upsert", named, lambda rules: rules.upsert_bodies(contact), zeros)
        # Without a key or with new items, each attempt could create another contact or item.
        has_key = any(not validation.is_blank(sent.get(name)) for name in unique)
        safe = has_key and item_identity.is_idempotent(match_items, _items(contact))
        effect, query = Effect.UPSERT if safe else Effect.NON_IDEMPOTENT, _include_items(contact)
        stored = await self._write(self._build_call("POST", effect, "new", body=sent, query=query))
        if not cleared:
            return stored
        # In a request of its own: an upsert that may clear wipes every field that it does not name.
        return await self._write(
            self._build_call("PATCH", Effect.IDEMPOTENT, stored.id, "edit", body=cleared, query=query)
        )

    @staticmethod
    def check(
        contact: Contact,
        *,
        unique: Sequence[str] = ("email",),
        match_items: ItemMatching = None,
        without_key: Literal["refuse", "create"] = "refuse",
        clear: Literal["refuse", "patch"] = "refuse",
        zeros: Zeros = "refuse",
    ) -> Sequence[Problem]:
        """Return why an upsert of *contact* would be refused, as far as that is known without asking the server.

        Mautic: REST API, Create contact (POST /contacts/new).
        """
        try:
            body = codec.encode_changes(contact) if contact.id else codec.encode(contact)
        except ConfigurationError as error:
            return [Problem(str(error))]
        # Read and not changed since: nothing would be sent.
        if contact.id and not body and codec.as_read(contact) is not None:
            return []
        if zeros == "drop":
            body = validation.drop_zeros(body)
        by_id, keyless, clearing = bool(contact.id), without_key == "create", clear == "patch"
        problems = validation.check_upsert(body, tuple(unique), by_id=by_id, keyless=keyless, clearing=clearing)
        return problems + item_identity.check_items(match_items, _items(contact))

    # --- hooks -------------------------------------------------------------------------------------------------------

    @cached_property
    def _preflight(self) -> Preflight:
        return Preflight(self._pipeline)

    async def _check_columns(self, query: Mapping[str, Any]) -> None:
        kind: Any = self._model
        # Known columns first, so that the common case costs no request.
        known = _columns.of_record(kind)
        if not any(_columns.unknown_columns(query, known)):
            return
        # It may be a custom field, whose name is only known from the server.
        await self._preflight.load(background=False)
        _columns.check(query, known | (self._preflight.fields or {}).keys(), "contacts.list")

    async def _build(self, method: str, named: Mapping[str, Any], build: Callable[[BodyRules], B], zeros: Zeros) -> B:
        """Return the body of a write, after checking what it names by the contact fields of this Mautic.

        The body is built twice: first to refuse what needs no request, then with the types of the fields.
        """
        # The first build raises for what needs no request; the second knows the types of custom fields.
        build(BodyRules(zeros, self._preflight.types))
        await self._check_fields(method, named)
        return build(BodyRules(zeros, self._preflight.types))

    async def _check_fields(self, method: str, named: Mapping[str, Any]) -> None:
        validation.raise_for(await self._preflight.check_single(named), f"contacts.{method}")

    def _create_effect(self, entity: C) -> Effect:
        has_key = bool(entity.email)
        return Effect.UPSERT if has_key and item_identity.is_idempotent(None, _items(entity)) else Effect.NON_IDEMPOTENT

    def _edit_effect(self, changes: C) -> Effect:
        return Effect.IDEMPOTENT if item_identity.is_idempotent(None, _items(changes)) else Effect.NON_IDEMPOTENT

    def _retry_hazards(self, row: C) -> Sequence[Problem]:
        how = "new items could be doubled; bulk_upsert() takes rows with an id, and match_items= recognises items"
        return [] if self._edit_effect(row) is Effect.IDEMPOTENT else [Problem(how, "custom_items")]

    def _create_body(self, entity: C) -> dict[str, Any]:
        return BodyRules(field_types=self._preflight.types).create_body(entity)

    def _edit_body(self, entity: C) -> dict[str, Any]:
        return BodyRules(field_types=self._preflight.types).edit_body(entity)

    def _replace_body(self, entity: C) -> dict[str, Any]:
        return bodies.replace_body(entity)

    def _values_not_kept(self, body: Mapping[str, Any], stored: C) -> Sequence[Problem]:
        return bodies.values_not_kept(body, stored)


def _items(contact: Contact) -> Sequence[Any]:
    return contact.custom_items or ()


def _include_items(contact: Contact) -> tuple[tuple[str, str], ...]:
    return (INCLUDE_ITEMS,) if contact.custom_items else ()


def _require_contact(contact: object) -> None:
    if not isinstance(contact, Contact):
        raise ConfigurationError(
            f"contacts.upsert takes a Contact, not a {type(contact).__name__}:"
            ' upsert(Contact(email="ada@example.com", firstname="Ada"))'
        )
