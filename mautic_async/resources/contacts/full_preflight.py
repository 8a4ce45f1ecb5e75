"""The full preflight: beside the contact fields also stages, owners, tags and custom objects of one Mautic.

An unknown stage makes Mautic fail for the rest of a batch. A wrong value of a custom item leaves the contact stored
without it. A tag is removed only if it is spelled as it is stored. Custom objects are known only where the server has
``/api/v2`` and takes this client's credentials there.

Mautic: REST API, Stages, List; Contacts, List available owners; Tags, List; Custom Objects plugin, API v2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import define, field

from mautic_async import protocol
from mautic_async.errors import AuthenticationError, MauticError, NotFound, PermissionDenied, Problem, sanitize
from mautic_async.protocol import Call
from mautic_async.resources.contacts import validation
from mautic_async.resources.contacts.field_schema import PAGE_SIZE, Preflight, php_objects

_INTEGER_TYPES: Final = frozenset({"int"})


@define(eq=False)
class FullPreflight(Preflight):
    """The fields, stages, owners, tags and custom objects of one Mautic, asked for once and kept for the client's life.

    Attributes:
        stages: Ids; None where they are not known, as for `owners`.
        owners: Ids of users who may own contacts.
        tag_spellings: Tags as they are stored, by the form in which the database compares them.
        object_schemas: Types of the fields of a custom object by alias, by the object's alias and by its id as text.
    """

    checked_properties: frozenset[str] = frozenset({"stage", "owner", "tags"})
    stages: frozenset[int] | None = None
    owners: frozenset[int] | None = None
    tag_spellings: Mapping[str, frozenset[str]] = field(factory=dict)
    object_schemas: dict[str, dict[str, str]] | None = None

    async def load(self, *, background: bool = True, max_age: float | None = None) -> None:
        """Ask for everything, one request each; what the role may not see stays unchecked."""
        # Kept for the life of the client: max_age is for single writes, which use the plain preflight.
        if self._loaded_at is not None:
            return
        await super().load(background=background, max_age=max_age)
        self.stages = await self._load_ids("stages", "stages")
        self.owners = await self._load_ids("contacts/list/owners", "")
        self.tag_spellings = await self._load_tag_spellings()
        self.existing_tags = frozenset(self.tag_spellings)
        self.object_schemas = await self._load_object_schemas()

    async def _load_tag_spellings(self) -> dict[str, frozenset[str]]:
        """Return the tags that one page of 500 shows."""
        body = await self._fetch_body(
            Call("GET", "tags", query=protocol.encode_query({"limit": PAGE_SIZE}), background=True)
        )
        rows = php_objects(body.get("tags")) if isinstance(body, Mapping) else []
        found: dict[str, frozenset[str]] = {}
        for name in (str(row["tag"]) for row in rows if row.get("tag")):
            # Several stored tags may differ in case or accents alone.
            key = validation.collation_key(name)
            found[key] = found.get(key, frozenset()) | {name}
        return found

    async def _load_ids(self, path: str, key: str) -> frozenset[int] | None:
        body = await self._fetch_body(
            Call("GET", path, query=protocol.encode_query({"limit": PAGE_SIZE}), background=True)
        )
        rows = body.get(key) if key and isinstance(body, Mapping) else body
        rows = list(rows.values()) if isinstance(rows, Mapping) else rows
        if not isinstance(rows, list) or not rows or len(rows) >= PAGE_SIZE:
            return None  # none is visible, or there is more than one page: unknown ids cannot be told from known ones
        return frozenset(int(row["id"]) for row in rows if isinstance(row, Mapping) and "id" in row)

    async def _load_object_schemas(self) -> dict[str, dict[str, str]] | None:
        objects = await self._load_members("v2/custom_objects")
        if not objects:
            return None
        fields = await self._load_members("v2/custom_fields") or []
        found: dict[str, dict[str, str]] = {}
        for custom_object in objects:
            types = {
                str(field.get("alias")): str(field.get("type"))
                for field in fields
                if str(field.get("customObject", "")).rpartition("/")[2] == str(custom_object.get("id"))
            }
            # Rows name an object by its alias or by its id.
            found[str(custom_object.get("alias"))] = found[str(custom_object.get("id"))] = types
        return found

    async def _load_members(self, path: str) -> list[Mapping[str, Any]] | None:
        body = await self._fetch_body(Call("GET", path, background=True, jsonld=True))
        if not isinstance(body, Mapping):
            return None
        # Both spellings: API Platform has dropped the prefix.
        members = body.get("hydra:member", body.get("member"))
        total = body.get("hydra:totalItems", body.get("totalItems"))
        # With a second page, an object that is not on this one may still exist.
        if not isinstance(members, list) or (isinstance(total, int) and total > len(members)):
            return None
        return [member for member in members if isinstance(member, Mapping)]

    async def _fetch_body(self, call: Call) -> Any:
        try:
            return (await self.pipeline.send(call)).body
        except (NotFound, PermissionDenied):
            return None
        except AuthenticationError as error:
            if any(problem.type == protocol.NO_TOKENS for problem in error.problems):
                return None  # Mautic 7.0 takes no OAuth2 token below /api/v2
            raise
        except MauticError as error:
            if error.verdict is not None and error.verdict.kind in {"undecodable-body", "not-mautic", "refused"}:
                return None  # this server has no such route
            raise

    def check(self, body: Mapping[str, Any]) -> list[Problem]:
        """Return why Mautic would refuse *body*, store a part of it, or fail on it."""
        found = super().check(body)
        for key, valid_ids, effect in (
            ("stage", self.stages, "and fails for the whole request, the rows before it stored"),
            ("owner", self.owners, "and refuses the row"),
        ):
            value = body.get(key)
            # None stands for ids that the role may not see, and then nothing is refused.
            if valid_ids is not None and value is not None and value not in valid_ids:
                found.append(Problem(f"this Mautic knows no {key} {value!r}, {effect}", key))
        found += [
            Problem(f"this Mautic spells the tag {sanitize(min(spellings))}, and takes it away only so", "tags")
            for tag in body.get("tags") or ()
            if isinstance(tag, str) and tag[:1] == "-"
            if (spellings := self.tag_spellings.get(validation.collation_key(tag[1:])))
            and tag[1:].strip() not in spellings
        ]
        if self.object_schemas is not None and body.get("customObjects"):
            for group in body["customObjects"].get("data", ()):
                found += self._group_problems(group)
        return found

    def _group_problems(self, group: Mapping[str, Any]) -> list[Problem]:
        name = str(group.get("alias") or group.get("id"))
        types = (self.object_schemas or {}).get(name)
        if types is None:
            return [Problem(f"this Mautic has no custom object {name!r}", "custom_items")]
        # The object exists, but its fields could not be read.
        if not types:
            return []
        found = []
        for item in group.get("data", ()):
            for alias, value in item.get("attributes", {}).items():
                kind = types.get(alias)
                if kind is None:
                    found.append(Problem(f"{name} has no such field", alias))
                elif kind in _INTEGER_TYPES and not _is_integer(value):
                    found.append(Problem(f"{value!r} is not a whole number, and would be stored as another", alias))
        return found


def _is_integer(value: Any) -> bool:
    if value is None or isinstance(value, int):
        return True
    return isinstance(value, str) and value.strip().lstrip("+-").isdecimal()
