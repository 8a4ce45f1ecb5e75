"""The ten routes every noun has: list, one, new, edit, delete, and the four batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing import php, query, search
from mautic_async.testing.replies import (
    FORBIDDEN,
    NOT_FOUND,
    BatchRowError,
    ControllerError,
    Reply,
    UnhandledError,
    forbidden,
    not_found,
)

if TYPE_CHECKING:
    from collections.abc import Sized

    from mautic_async.testing.request_context import RequestContext
    from mautic_async.testing.resources._base import FakeResource
    from mautic_async.testing.router import Router
    from mautic_async.testing.store import Row

_NO_ID = "mautic.api.call.id_missing"


_DETACHING = frozenset({"points", "points/triggers", "campaigns", "emails", "pages"})
"""Resources whose batches fail at a row whose category, not named, an earlier row has: Doctrine has detached it."""


def _category_id(row: Row | None) -> Any:
    category = row.get("category") if row is not None else None
    return category.get("id") if isinstance(category, dict) else category


class CrudRoutes:
    """The ten routes over one `FakeResource`."""

    def __init__(self, resource: FakeResource) -> None:
        self.resource = resource

    def add_to(self, routes: Router) -> None:
        """Route the ten, and what the noun adds."""
        base = f"/api/{self.resource.route or self.resource.path}"
        routes.add("GET", base, self.list)
        routes.add("GET", base + "/{id}", self.get)
        routes.add("POST", base + "/new", self.new)
        routes.add("POST", base + "/batch/new", self.batch_new)
        routes.add("PUT|PATCH", base + "/batch/edit", self.batch_edit)
        routes.add("PUT|PATCH", base + "/{id}/edit", self.edit)
        routes.add("DELETE", base + "/batch/delete", self.batch_delete)
        routes.add("DELETE", base + "/{id}/delete", self.delete)
        self.resource.extra_routes(routes)

    # --- reading ---------------------------------------------------------------------------------------------------

    async def list(self, context: RequestContext) -> Any:
        """Page of entities, and how many there are."""
        resource = self.resource
        total, rows = query_page(resource, context)
        minimal = php.is_truthy(context.query.get("minimal"))
        names = selected_columns(context)
        if names and resource.supports_select:
            entities = [partial_view(resource, row, names, context) for row in rows]
        else:
            entities = [resource.serialize(row, context, minimal=minimal) for row in rows]
        return Reply({"total": total, resource.plural: as_container(resource, rows, entities)})

    async def get(self, context: RequestContext) -> Any:
        """Answer with one entity."""
        resource = self.resource
        row = resource.get(context.path["id"], context)
        if row is None:
            raise not_found()
        context.require(resource.permission, "view", own=resource.is_owned_by(row, context))
        names = selected_columns(context)
        return Reply(
            {
                resource.singular: partial_view(resource, row, names, context)
                if names and resource.supports_select
                else resource.serialize(row, context)
            }
        )

    # --- writing one -----------------------------------------------------------------------------------------------

    async def new(self, context: RequestContext) -> Any:
        """Create, or change what the create finds."""
        resource, params = self.resource, context.body if isinstance(context.body, dict) else {}
        row = resource.find_existing(params, context)
        self._authorize(row, context)
        saved = await self._validate(row, params, "POST", context)
        if row is not None:
            return Reply({resource.singular: resource.serialize(saved, context)})
        return self._created_reply(saved, context)

    async def edit(self, context: RequestContext) -> Any:
        """PATCH changes, PUT replaces or creates."""
        resource, method = self.resource, context.request.method
        row = resource.get(context.path["id"], context)
        if row is None and method == "PATCH":
            raise not_found()
        self._authorize(row, context)
        params = context.body if isinstance(context.body, dict) else {}
        saved = await self._validate(row, params, method, context)
        return (
            Reply({resource.singular: resource.serialize(saved, context)})
            if row is not None
            else self._created_reply(saved, context)
        )

    def _authorize(self, row: Row | None, context: RequestContext) -> None:
        resource = self.resource
        if row is None:
            context.require(resource.permission, "create")
            if context.request.method == "PUT":
                # A PUT that creates needs the right to edit as well; the new entity has no owner yet.
                context.require(resource.permission, "edit", own=False)
        else:
            context.require(resource.permission, "edit", own=resource.is_owned_by(row, context))

    def _created_reply(self, saved: Row, context: RequestContext) -> Reply:
        resource = self.resource
        entity = resource.serialize(saved, context, just_created=True)
        return Reply({resource.singular: entity}, 201, location=f"/api/{resource.base(context)}/{saved['id']}")

    async def _validate(self, row: Row | None, params: dict[str, Any], method: str, context: RequestContext) -> Row:
        before = None if row is None else dict(row)
        draft = self.resource.validate(row, params, method, context)
        await self.resource.before_save(params, context)
        # Another request may have written the row while this one spent its time: PHP saves changed columns only.
        if row is not None and before is not None and row != before:
            draft = three_way_merge(row, before, draft)
        return await self.resource.store_row(draft, row, params, context)

    async def delete(self, context: RequestContext) -> Any:
        """Remove one; the answer shows it without its id."""
        resource = self.resource
        row = resource.get(context.path["id"], context)
        if row is None:
            raise not_found()
        context.require(resource.permission, "delete", own=resource.is_owned_by(row, context))
        deleted = resource.deleted_view(row)
        entity = resource.serialize(deleted, context)
        resource.delete(row, context)
        return Reply({resource.singular: entity})

    # --- batches ---------------------------------------------------------------------------------------------------

    def _batch_params(self, context: RequestContext) -> dict[Any, Any]:
        params = php.from_json_array(context.body or {})
        if len(params) > context.state.settings.batch_limit:
            raise ControllerError(
                500, f"A max of {context.state.settings.batch_limit} entities are supported at a time."
            )
        return params

    async def batch_new(self, context: RequestContext) -> Any:
        """Create several, one after another, each stored before the next is looked at."""
        resource = self.resource
        entities: dict[Any, Any] = {}
        codes: dict[Any, int] = {}
        errors: dict[Any, Any] = {}
        batch = self._batch_params(context)
        context.require(resource.permission, "create")
        for context.row_index, (key, item) in enumerate(batch.items()):
            if not isinstance(item, (dict, list)):
                raise UnhandledError
            params = item if isinstance(item, dict) else {}
            try:
                row = resource.find_existing(params, context)
                if not context.user.may(
                    resource.permission, "create" if row is None else "edit", own=_is_own(resource, row, context)
                ):
                    raise BatchRowError(403, FORBIDDEN)
                saved = await self._validate(row, params, "POST", context)
            except ControllerError as why:
                errors[key] = why.to_row_error()
                codes[key] = why.status
                continue
            entities[key] = resource.serialize(saved, context, just_created=row is None)
            codes[key] = 201 if row is None else 200
        resource.complete_batch(entities, context)
        return Reply(self._batch_body(entities, codes, errors), 201)

    def _batch_body(self, entities: dict[Any, Any], codes: dict[Any, int], errors: dict[Any, Any]) -> dict[str, Any]:
        body = {self.resource.plural: php.to_json_array(entities), "statusCodes": php.to_json_array(codes)}
        if errors:
            body["errors"] = php.to_json_array(errors)
        return body

    async def batch_edit(self, context: RequestContext) -> Any:
        """Change or replace several, one after another.

        Ids are matched to rows by place among the rows that have one, so a row without an id shifts all later ones; an
        id that comes twice is one entity in two places, and the second time it is inserted anew.
        """
        resource, method, params = self.resource, context.request.method, self._batch_params(context)
        errors: dict[Any, Any] = {}
        codes: dict[Any, int] = {}
        entities = self._load_rows(params, errors, context)
        ids = [item["id"] for item in params.values() if isinstance(item, dict) and item.get("id") is not None]
        self._refuse_missing([key for key in ids if resource.get(php.to_int(key), context) is None], ids, context)
        detached: set[int] = set()
        detached_categories: set[Any] = set()
        for context.row_index, (key, item) in enumerate(params.items()):
            loaded = entities.get(key)
            try:
                # Detaching an entity detaches its category; the next PATCH that keeps this category breaks the server.
                if method == "PATCH" and resource.path in _DETACHING and loaded is not None and "category" not in item:
                    category = _category_id(resource.get(loaded["id"], context))
                    if category in detached_categories:
                        raise UnhandledError
                codes[key] = 200 if loaded is not None else 201
                entities[key] = await self._edit_row(loaded, item, method, detached, context)
                detached_categories |= {_category_id(entities[key])} - {None}
                codes[key] = errors[key]["code"] if key in errors else codes[key]
            except ControllerError as why:
                errors[key], codes[key] = why.to_row_error(), why.status
                if isinstance(why, BatchRowError):
                    entities.pop(key, None)
                elif loaded is not None and why.draft is not None:
                    loaded.update(why.draft)
        shown_entities = {
            key: resource.serialize(loaded, context, just_created=loaded.get("_fresh", False))
            for key, loaded in entities.items()
        }
        return Reply(self._batch_body(shown_entities, codes, errors))

    def _refuse_missing(self, missing: Sized, ids: Sized, context: RequestContext) -> None:
        """Fail as Mautic 7 does where some of the ids of a batch do not exist, but not all."""
        if context.is_7 and self.resource.fails_on_missing_ids and 0 < len(missing) < len(ids):
            raise UnhandledError

    async def _edit_row(
        self, loaded: Row | None, item: Any, method: str, detached: set[int], context: RequestContext
    ) -> Row:
        resource = self.resource
        if loaded is None and method == "PATCH":
            raise BatchRowError(404, NOT_FOUND)
        verb = "create" if loaded is None else "edit"
        if not context.user.may(resource.permission, verb, own=_is_own(resource, loaded, context)):
            raise BatchRowError(403, FORBIDDEN)
        if not isinstance(item, dict):
            raise UnhandledError
        if loaded is None:
            return await self._validate(None, item, method, context) | {"_fresh": True}
        # Mautic 5 detaches an entity after its save, so the same entity a second time is inserted as a new one.
        if id(loaded) in detached and not (context.is_7 and resource.edits_twice_in_7):
            draft = resource.detach_copy(resource.validate(loaded, item, method, context))
            await resource.before_save(item, context)
            loaded.update(await resource.store_row(draft, None, item, context))
            return loaded
        row = resource.get(loaded["id"], context)
        loaded.update(await self._validate(row if row is not None else loaded, item, method, context))
        detached.add(id(loaded))
        return loaded

    def _load_rows(self, params: dict[Any, Any], errors: dict[Any, Any], context: RequestContext) -> dict[Any, Row]:
        resource, keys = self.resource, list(params)
        ids = [item["id"] for item in params.values() if isinstance(item, dict) and item.get("id") is not None]
        if not ids:
            return {}
        for key, item in params.items():
            if not isinstance(item, dict) or item.get("id") is None:
                errors[key] = BatchRowError(400, _NO_ID).to_row_error()
        loaded: dict[int, Row] = {}
        rows: dict[Any, Row] = {}
        # Mautic pairs ids and rows by place, so a row without an id shifts all later ones; `zip` does the same.
        for key, id in zip(keys, ids, strict=False):
            row = resource.get(php.to_int(id), context)
            if row is not None:
                rows[key] = loaded.setdefault(row["id"], dict(row))
        return rows

    async def batch_delete(self, context: RequestContext) -> Any:
        """Remove several by the ``ids`` of the query; what is not there, and what is not allowed, goes unmentioned."""
        resource, raw = self.resource, context.query.get("ids", "")
        ids_sent = raw.split(",") if isinstance(raw, str) else php.array_values(raw)
        wanted = list(dict.fromkeys(php.to_int(one) for one in ids_sent))
        self._refuse_missing([one for one in wanted if resource.get(one, context) is None], wanted, context)
        entities = []
        for context.row_index, id in enumerate(dict.fromkeys(php.to_int(row_id) for row_id in ids_sent)):
            row = resource.get(id, context)
            # The answer names rows that exist even where the role may not delete them.
            if row is None:
                continue
            entities.append(resource.serialize(row, context))
            if context.user.may(resource.permission, "delete", own=resource.is_owned_by(row, context)):
                await context.charge_row()
                resource.delete(row, context)
        return Reply({resource.plural: entities})


def _is_own(resource: FakeResource, row: Row | None, context: RequestContext) -> bool | None:
    return None if row is None else resource.is_owned_by(row, context)


def selected_columns(context: RequestContext) -> set[str]:
    """Return the columns named by ``select[]``."""
    columns = php.array_values(context.query.get("select"))
    return {name.strip().rpartition(".")[2] for column in columns for name in php.to_string(column).split(",")} - {""}


def partial_view(resource: FakeResource, row: Row, names: set[str], context: RequestContext) -> Any:
    """Return an entity of which only some columns were loaded: the others are as in a new one, and nulls are hidden."""
    values = {name: value for name, value in row.items() if name in names or name == "id"}
    return without_nulls(resource.serialize(resource.new_row(context) | values, context))


def without_nulls(value: Any) -> Any:
    """JSON without the null properties; a PHP array that held nothing else is left empty."""
    if isinstance(value, dict):
        result = {name: without_nulls(item) for name, item in value.items() if item is not None}
        return result if result or not value else []
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def three_way_merge(row: Row, before: Row, draft: Row) -> Row:
    """Return a draft on top of a concurrent write: only the values that the draft changed are written.

    Args:
        row: As it is stored now.
        before: As it was when the draft was begun.
        draft: With the changes.
    """
    result = dict(row)
    for name, value in draft.items():
        old, current = before.get(name), row.get(name)
        if value == old:
            continue
        if isinstance(value, dict) and isinstance(old, dict) and isinstance(current, dict):
            result[name] = three_way_merge(current, old, value)
        else:
            result[name] = value
    for name in before.keys() - draft.keys():
        result.pop(name, None)
    return result


def as_container(resource: FakeResource, rows: list[Row], entities: list[Any]) -> Any:
    """Return entities in the container of their noun."""
    if not resource.list_is_map:
        return entities
    if not rows:
        return resource.empty_list
    return {str(row["id"]): one for row, one in zip(rows, entities, strict=True)}


def query_page(resource: FakeResource, context: RequestContext) -> tuple[Any, list[Row]]:
    """Return the total and the page of a list request.

    A ``where`` of the caller's switches off what the server would filter by itself: ``published``, and a limited user's
    restriction to what is their own.
    """
    query_filters = context.query
    predicates = []
    if query_filters.get("where"):
        predicates += query.parse_where(query_filters["where"], resource.where_column)
    else:
        predicates += resource.default_filters(context)
        if resource.published_filters and php.is_truthy(query_filters.get("published")):
            published = resource.column("isPublished")
            predicates.append(lambda row: bool(published(row)))
        if not context.user.may(resource.permission, "view", own=False):
            if not context.user.may(resource.permission, "view", own=True):
                raise forbidden()
            predicates.append(lambda row: resource.is_owned_by(row, context))
    text = query_filters.get("search")
    if isinstance(text, str) and text.strip():
        matching = search.parse(text, lambda term: resource.search_term(term, context))
        if matching is not None:
            predicates.append(matching)
    keys = query.sort_keys(query_filters, resource.default_order, resource.column)
    page = query.slice_of(query_filters)
    rows = list(resource.rows(context))
    for test in predicates:
        rows = [row for row in rows if test(row)]
    return resource.format_total(len(rows)), query.sort(rows, keys)[page]
