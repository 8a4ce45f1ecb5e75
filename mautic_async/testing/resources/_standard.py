"""The ten routes every noun has: list, one, new, edit, delete, and the four batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mautic_async.testing import php, query, search
from mautic_async.testing.replies import DENIED, NOT_FOUND, Crash, Refused, RowRefused, Said, denied, missing

if TYPE_CHECKING:
    from mautic_async.testing.request_context import Ask
    from mautic_async.testing.resources._base import Noun
    from mautic_async.testing.router import Routes
    from mautic_async.testing.store import Row

_NO_ID = "mautic.api.call.id_missing"


class Standard:
    """The ten routes over one `Noun`."""

    def __init__(self, noun: Noun) -> None:
        self.noun = noun

    def add_to(self, routes: Routes) -> None:
        """Route the ten, and what the noun adds."""
        base = f"/api/{self.noun.route or self.noun.path}"
        routes.add("GET", base, self.list)
        routes.add("GET", base + "/{id}", self.get)
        routes.add("POST", base + "/new", self.new)
        routes.add("POST", base + "/batch/new", self.batch_new)
        routes.add("PUT|PATCH", base + "/batch/edit", self.batch_edit)
        routes.add("PUT|PATCH", base + "/{id}/edit", self.edit)
        routes.add("DELETE", base + "/batch/delete", self.batch_delete)
        routes.add("DELETE", base + "/{id}/delete", self.delete)
        self.noun.special(routes)

    # --- reading ---------------------------------------------------------------------------------------------------

    async def list(self, ask: Ask) -> Any:
        """Page of entities, and how many there are."""
        noun = self.noun
        total, rows = select(noun, ask)
        minimal = php.truthy(ask.query.get("minimal"))
        names = selected(ask)
        if names and noun.partial:
            shown = [part(noun, row, names, ask) for row in rows]
        else:
            shown = [noun.show(row, ask, minimal=minimal) for row in rows]
        return Said({"total": total, noun.many: contained(noun, rows, shown)})

    async def get(self, ask: Ask) -> Any:
        """One entity."""
        noun = self.noun
        row = noun.get(ask.path["id"], ask)
        if row is None:
            raise missing()
        ask.need(noun.permission, "view", own=noun.own(row, ask))
        names = selected(ask)
        return Said({noun.one: part(noun, row, names, ask) if names and noun.partial else noun.show(row, ask)})

    # --- writing one -----------------------------------------------------------------------------------------------

    async def new(self, ask: Ask) -> Any:
        """Create, or change what the create finds."""
        noun, params = self.noun, ask.body if isinstance(ask.body, dict) else {}
        row = noun.existing(params, ask)
        self._may(row, ask)
        saved = await self._write(row, params, "POST", ask)
        if row is not None:
            return Said({noun.one: noun.show(saved, ask)})
        return self._created(saved, ask)

    async def edit(self, ask: Ask) -> Any:
        """PATCH changes, PUT replaces or creates."""
        noun, method = self.noun, ask.request.method
        row = noun.get(ask.path["id"], ask)
        if row is None and method == "PATCH":
            raise missing()
        self._may(row, ask)
        params = ask.body if isinstance(ask.body, dict) else {}
        saved = await self._write(row, params, method, ask)
        return Said({noun.one: noun.show(saved, ask)}) if row is not None else self._created(saved, ask)

    def _may(self, row: Row | None, ask: Ask) -> None:
        noun = self.noun
        if row is None:
            ask.need(noun.permission, "create")
        else:
            ask.need(noun.permission, "edit", own=noun.own(row, ask))

    def _created(self, saved: Row, ask: Ask) -> Said:
        noun = self.noun
        shown = noun.show(saved, ask, fresh=True)
        return Said({noun.one: shown}, 201, location=f"/api/{noun.base(ask)}/{saved['id']}")

    async def _write(self, row: Row | None, params: dict[str, Any], method: str, ask: Ask) -> Row:
        before = None if row is None else dict(row)
        draft = self.noun.bind(row, params, method, ask)
        await self.noun.ready(params, ask)
        if row is not None and before is not None and row != before:
            draft = merged(row, before, draft)
        return await self.noun.store_row(draft, row, params, ask)

    async def delete(self, ask: Ask) -> Any:
        """Remove one; the answer shows it without its id."""
        noun = self.noun
        row = noun.get(ask.path["id"], ask)
        if row is None:
            raise missing()
        ask.need(noun.permission, "delete", own=noun.own(row, ask))
        gone = noun.gone(row)
        shown = noun.show(gone, ask)
        noun.delete(row, ask)
        return Said({noun.one: shown})

    # --- batches ---------------------------------------------------------------------------------------------------

    def _batch(self, ask: Ask) -> dict[Any, Any]:
        params = php.entries(ask.body or {})
        if len(params) > ask.fake.batch_limit:
            raise Refused(500, f"A max of {ask.fake.batch_limit} entities are supported at a time.")
        return params

    async def batch_new(self, ask: Ask) -> Any:
        """Create several, one after another, each stored before the next is looked at."""
        noun = self.noun
        shown: dict[Any, Any] = {}
        codes: dict[Any, int] = {}
        errors: dict[Any, Any] = {}
        batch = self._batch(ask)
        ask.need(noun.permission, "create")
        for ask.place, (key, item) in enumerate(batch.items()):
            if not isinstance(item, (dict, list)):
                raise Crash
            params = item if isinstance(item, dict) else {}
            try:
                row = noun.existing(params, ask)
                if not ask.actor.may(noun.permission, "create" if row is None else "edit", own=_own(noun, row, ask)):
                    raise RowRefused(403, DENIED)
                saved = await self._write(row, params, "POST", ask)
            except Refused as why:
                errors[key] = why.row()
                codes[key] = why.status
                continue
            shown[key] = noun.show(saved, ask, fresh=row is None)
            codes[key] = 201 if row is None else 200
        noun.finish(shown, ask)
        return Said(self._report(shown, codes, errors), 201)

    def _report(self, shown: dict[Any, Any], codes: dict[Any, int], errors: dict[Any, Any]) -> dict[str, Any]:
        body = {self.noun.many: php.array(shown), "statusCodes": php.array(codes)}
        if errors:
            body["errors"] = php.array(errors)
        return body

    async def batch_edit(self, ask: Ask) -> Any:
        """Change or replace several, one after another.

        Ids are matched to rows by place among the rows that have one, so a row without an id shifts all later ones; an
        id that comes twice is one entity in two places, and the second time it is inserted anew.
        """
        noun, method, params = self.noun, ask.request.method, self._batch(ask)
        errors: dict[Any, Any] = {}
        codes: dict[Any, int] = {}
        entities = self._found(params, errors, ask)
        detached: set[int] = set()
        for ask.place, (key, item) in enumerate(params.items()):
            live = entities.get(key)
            try:
                codes[key] = 200 if live is not None else 201
                entities[key] = await self._edit_row(live, item, method, detached, ask)
                codes[key] = errors[key]["code"] if key in errors else codes[key]
            except Refused as why:
                errors[key], codes[key] = why.row(), why.status
                if isinstance(why, RowRefused):
                    entities.pop(key, None)
                elif live is not None and why.draft is not None:
                    live.update(why.draft)
        shown = {key: noun.show(live, ask, fresh=live.get("_fresh", False)) for key, live in entities.items()}
        return Said(self._report(shown, codes, errors))

    async def _edit_row(self, live: Row | None, item: Any, method: str, detached: set[int], ask: Ask) -> Row:
        noun = self.noun
        if live is None and method == "PATCH":
            raise RowRefused(404, NOT_FOUND)
        verb = "create" if live is None else "edit"
        if not ask.actor.may(noun.permission, verb, own=_own(noun, live, ask)):
            raise RowRefused(403, DENIED)
        if not isinstance(item, dict):
            raise Crash
        if live is None:
            return await self._write(None, item, method, ask) | {"_fresh": True}
        if id(live) in detached:
            draft = noun.attach_again(noun.bind(live, item, method, ask))
            await noun.ready(item, ask)
            live.update(await noun.store_row(draft, None, item, ask))
            return live
        row = noun.get(live["id"], ask)
        live.update(await self._write(row if row is not None else live, item, method, ask))
        detached.add(id(live))
        return live

    def _found(self, params: dict[Any, Any], errors: dict[Any, Any], ask: Ask) -> dict[Any, Row]:
        noun, keys = self.noun, list(params)
        ids = [item["id"] for item in params.values() if isinstance(item, dict) and item.get("id") is not None]
        if not ids:
            return {}
        for key, item in params.items():
            if not isinstance(item, dict) or item.get("id") is None:
                errors[key] = RowRefused(400, _NO_ID).row()
        live: dict[int, Row] = {}
        found: dict[Any, Row] = {}
        for key, id in zip(keys, ids, strict=False):
            row = noun.get(php.integer(id), ask)
            if row is not None:
                found[key] = live.setdefault(row["id"], dict(row))
        return found

    async def batch_delete(self, ask: Ask) -> Any:
        """Remove several by the ``ids`` of the query; what is not there, and what is not allowed, goes unmentioned."""
        noun, raw = self.noun, ask.query.get("ids", "")
        listed = raw.split(",") if isinstance(raw, str) else php.values(raw)
        shown = []
        for ask.place, id in enumerate(dict.fromkeys(php.integer(one) for one in listed)):
            row = noun.get(id, ask)
            if row is None:
                continue
            shown.append(noun.show(row, ask))
            if ask.actor.may(noun.permission, "delete", own=noun.own(row, ask)):
                await ask.row()
                noun.delete(row, ask)
        return Said({noun.many: shown})


def _own(noun: Noun, row: Row | None, ask: Ask) -> bool | None:
    return None if row is None else noun.own(row, ask)


def selected(ask: Ask) -> set[str]:
    """The columns named by ``select[]``."""
    listed = php.values(ask.query.get("select"))
    return {name.strip().rpartition(".")[2] for one in listed for name in php.text(one).split(",")} - {""}


def part(noun: Noun, row: Row, names: set[str], ask: Ask) -> Any:
    """An entity of which only some columns were loaded: the others are as in a new one, and nulls are not shown."""
    kept = {name: value for name, value in row.items() if name in names or name == "id"}
    return without_nulls(noun.show(noun.fresh(ask) | kept, ask))


def without_nulls(value: Any) -> Any:
    """JSON without the null properties; a PHP array that held nothing else is left empty."""
    if isinstance(value, dict):
        kept = {name: without_nulls(one) for name, one in value.items() if one is not None}
        return kept if kept or not value else []
    return [without_nulls(one) for one in value] if isinstance(value, list) else value


def merged(row: Row, before: Row, draft: Row) -> Row:
    """A draft on top of what somebody else wrote meanwhile: only what it changed is written.

    Args:
        row: As it is stored now.
        before: As it was when the draft was begun.
        draft: With the changes.
    """
    made = dict(row)
    for name, value in draft.items():
        was, there = before.get(name), row.get(name)
        if value == was:
            continue
        if isinstance(value, dict) and isinstance(was, dict) and isinstance(there, dict):
            made[name] = merged(there, was, value)
        else:
            made[name] = value
    for name in before.keys() - draft.keys():
        made.pop(name, None)
    return made


def contained(noun: Noun, rows: list[Row], shown: list[Any]) -> Any:
    """Entities in the container of their noun."""
    if not noun.mapped:
        return shown
    if not rows:
        return noun.empty
    return {str(row["id"]): one for row, one in zip(rows, shown, strict=True)}


def select(noun: Noun, ask: Ask) -> tuple[Any, list[Row]]:
    """The total and the page of a list request.

    A ``where`` of the caller's switches off what the server would filter by itself: ``published``, and a limited user's
    restriction to what is their own.
    """
    sent = ask.query
    tests = []
    if sent.get("where"):
        tests += query.where(sent["where"], noun.where_column)
    else:
        tests += noun.forced(ask)
        if noun.published_filters and php.truthy(sent.get("published")):
            published = noun.column("isPublished")
            tests.append(lambda row: bool(published(row)))
        if not ask.actor.may(noun.permission, "view", own=False):
            if not ask.actor.may(noun.permission, "view", own=True):
                raise denied()
            tests.append(lambda row: noun.own(row, ask))
    text = sent.get("search")
    if isinstance(text, str) and text.strip():
        found = search.parse(text, lambda term: noun.term(term, ask))
        if found is not None:
            tests.append(found)
    keys = query.order(sent, noun.order, noun.column)
    page = query.window(sent)
    rows = list(noun.rows(ask))
    for test in tests:
        rows = [row for row in rows if test(row)]
    return noun.total(len(rows)), query.sort(rows, keys)[page]
