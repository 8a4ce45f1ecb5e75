"""A Mautic that commits row by row, goes on when the client has left, and answers what the fault plan says.

For the engine alone, on virtual time. It knows no HTTP: the courier calls it directly and raises what the pipeline
would raise. It shares nothing with FakeMautic.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import Factory, define, evolve

from mautic_async.bulk import BatchResult, EncodedRow, Pending, RowResult
from mautic_async.errors import (
    MauticError,
    Problem,
    RateLimited,
    ServerError,
    TransportError,
    UnexpectedResponse,
)
from mautic_async.protocol import Effect
from mautic_async.retry.policy import verdict_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mautic_async.bulk import RateLimitStatus, WorkItem
    from mautic_async.clock import Clock

Strategy = str
"""``unique``, ``marker`` or ``none``: how a new custom item is found again."""


@define
class Row:
    """A contact as the caller has it: a key, a version that must win if it is the last, and its items."""

    email: str
    version: int
    number: str = ""
    items: tuple[str, ...] = ()
    trait: str = ""
    company: str = ""
    id: int = 0


@define
class StoredContact:
    """A contact as the server has it."""

    id: int
    email: str
    number: str
    version: int
    created_at: float
    changed_at: float = 0.0
    company: str = ""
    linked_company: str = ""
    """The company that it belongs to, which is a row of its own, written last."""
    items: list[int] = Factory(list)


@define
class StoredItem:
    """A custom item as the server has it."""

    id: int
    name: str
    version: int
    changed_at: float


class Fault(Exception):
    """An uncaught exception in the server: the whole request is a bare 500."""


class ModelServer:
    """The server's database and the requests that work on it."""

    def __init__(self, clock: Clock, *, each: float = 0.02, unique_items: bool = True, limit: int = 200) -> None:
        self.clock = clock
        self.seconds_per_row = each
        self.unique_items = unique_items
        self.max_rows = limit
        self.contacts: dict[int, StoredContact] = {}
        self.items: dict[int, StoredItem] = {}
        self.by_email: dict[str, list[int]] = {}
        self.by_number: dict[str, list[int]] = {}
        self.by_hash: dict[str, int] = {}
        self.requests = 0
        self.writes = 0
        self.rows_written = 0
        self.rows_in_flight: Counter[str] = Counter()
        self.overlaps = 0
        self.names: Counter[str] = Counter()
        """Tags and companies; a name that two rows bring at once is there twice."""

    def find(self, email: str, number: str) -> set[int]:
        """Ids of the contacts that hold either value, as the database compares."""
        ids: set[int] = set()
        if email:
            ids.update(self.by_email.get(email.strip().casefold(), ()))
        if number:
            ids.update(self.by_number.get(number.casefold(), ()))
        return ids

    async def write_row(
        self, row: Row, known_item_ids: dict[str, Any], speed: float, *, columns_only: bool = False
    ) -> dict[str, Any]:
        """One row of a batch: look, then insert or update, then its company's link, then its items.

        Each step is committed at once. *columns_only*: the database gives up after the contact's own columns.
        """
        if row.trait == "poison":
            raise Fault
        if row.trait == "refused":
            return {"code": 400, "message": "email: nope"}
        contact_ids = {row.id} if row.id else self.find(row.email, row.number)
        new_names = [name for name in tag_and_company_names(row) if name not in self.names]
        known_company = self.contacts[min(contact_ids)].company if contact_ids else ""
        await self.clock.sleep(
            self.seconds_per_row * speed * (0.6 + 0.4 * self.clock.random())
        )  # between SELECT and INSERT
        if len(contact_ids) > 1:
            return {"code": 422, "message": "email: This field must be unique."}
        self.rows_written += 1
        self.names.update(new_names)
        now = self.clock.wall_time()
        if contact_ids:
            stored, status = self.contacts[contact_ids.pop()], 200
            if stored.version != row.version or (row.company and row.company != stored.company):
                stored.changed_at = now
            stored.version = row.version
        else:
            number = len(self.contacts) + 1
            stored = self.contacts[number] = StoredContact(number, "", "", row.version, now, now)
            status = 201
        if row.company:
            stored.company = row.company
        if row.email and not stored.email:
            stored.email = row.email.strip().casefold()
            self.by_email.setdefault(stored.email, []).append(stored.id)
        if row.number and not stored.number:
            stored.number = row.number.casefold()
            self.by_number.setdefault(stored.number, []).append(stored.id)
        if columns_only:
            return {"code": 1205, "message": "SQLSTATE[HY000]: Lock wait timeout exceeded"}
        if row.company and row.company != known_company:  # a text that does not change never links
            stored.linked_company = row.company
        for name in row.items:
            await self.clock.sleep(0.002 * speed)
            if row.trait == "bad item":
                return {"code": 0, "message": "not a URL"}
            error = self._item(stored, row, name, known_item_ids)
            if error:
                return error
        return {
            "status": status,
            "id": stored.id,
            "items": {self.items[item_id].name: item_id for item_id in stored.items},
        }

    def _item(
        self, stored: StoredContact, row: Row, name: str, known_item_ids: dict[str, Any]
    ) -> dict[str, Any] | None:
        now = self.clock.wall_time()
        number = known_item_ids.get(name) or (self.by_hash.get(name) if self.unique_items else None)
        if number is not None and not known_item_ids.get(name) and int(self.items[number].changed_at) == int(now):
            return {"code": 404, "message": "Custom Item with ID = 0 was not found", "id": stored.id}
        if number is None:
            number = len(self.items) + 1
            self.items[number] = StoredItem(number, name, row.version, now)
            if self.unique_items:
                self.by_hash[name] = number
        self.items[number].version = row.version
        self.items[number].changed_at = now
        if number not in stored.items:
            stored.items.append(number)
        return None

    async def batch(
        self,
        rows: Sequence[tuple[Row, dict[str, Any]]],
        fault: str = "",
        *,
        speed: float = 1.0,
        faulty_row: int = -1,
        repeated: frozenset[int] = frozenset(),
    ) -> list[Any]:
        """A whole request; at the *faulty_row* row the worker dies, or the database fails it half-way, as *fault* says.

        *repeated*: places of rows that repeat another row's values, for a contact that is there: they may overlap with
        it.
        """
        keys = {
            key
            for position, (row, _) in enumerate(rows)
            if position not in repeated
            for key in ordering_keys(row, items=False)
        }
        for key in keys:
            self.rows_in_flight[key] += 1
            self.overlaps += self.rows_in_flight[key] > 1
        self.writes += 1
        try:
            answers = []
            if fault == "stall":  # somebody makes a contact field: ALTER TABLE and the writers wait for each other
                await self.clock.sleep(100.0 * speed)
            for number, (row, known_item_ids) in enumerate(rows):
                columns_only = number == faulty_row and fault in {"half 500", "lock row", "gone rows"}
                if number == faulty_row and fault in {"500 prefix", "502"}:
                    raise Fault
                if fault == "gone rows" and 0 <= faulty_row < number:
                    answers.append({"code": 2006, "message": "MySQL server has gone away"})
                    continue
                if fault == "422 again" and number == faulty_row:
                    answers.append({"code": 422, "message": "email: This field must be unique."})
                    continue
                answers.append(
                    await self.write_row(
                        row, known_item_ids, speed if fault != "stall" else 1.0, columns_only=columns_only
                    )
                )
                if columns_only and fault == "half 500":
                    raise Fault
            return answers
        finally:
            for key in keys:
                self.rows_in_flight[key] -= 1


def tag_and_company_names(row: Row) -> tuple[str, ...]:
    """Tags and companies that the server makes for the row, if they are not there: some are common, some are rare."""
    number = int(re.sub(r"\D", "", row.email.partition("@")[0] or row.number) or "0")
    return (f"tag {number % 40}", row.company) if row.company else ()


def ordering_keys(row: Row, *, items: bool = True) -> tuple[str, ...]:
    """The lane keys of a row."""
    keys = ["e:" + row.email.strip().casefold()] if row.email else []
    if row.id:
        keys.append(f"id:{row.id}")
    if row.number:
        keys.append("n:" + row.number.casefold())
    if items:
        keys += ["i:" + name for name in row.items]
    return tuple(keys)


def with_verdict(error: MauticError, effect: Effect = Effect.UPSERT) -> MauticError:
    """*error* as the pipeline would raise it; a 502, 503 or 504 is a proxy's."""
    if isinstance(error, ServerError) and error.status in {502, 503, 504}:
        error.by_proxy = True
    error.verdict = verdict_for(error, effect)
    error.attempts = 1
    return error


FAULTS = (
    "connect",
    "write",
    "timeout",
    "reset",
    "502",
    "503",
    "504",
    "500 prefix",
    "429",
    "unreadable",
    "login page",
    "row missing",
    "deadlock row",
    "item id 0",
    "look fails",
    "look 500",
    "502 live",
    "503 live",
    "429 live",
    "page live",
    "half 500",
    "lock row",
    "gone rows",
    "422 again",
    "stall",
)


ROW_FAULTS = frozenset({"row missing", "deadlock row", "item id 0"})
"""Faults of one row among others."""

LOOKUP_FAULTS = frozenset({"look fails", "look 500"})
"""Faults of a look."""

PROXY_FAULTS: dict[str, Callable[[], MauticError]] = {
    "502 live": lambda: ServerError("502", status=502),
    "503 live": lambda: ServerError("503", status=503),
    "429 live": lambda: RateLimited("429", status=429, retry_after=1.0, by_proxy=True),
    "page live": lambda: UnexpectedResponse("?", kind="not-mautic"),
}
"""What a proxy answers while the server goes on."""

LINK = "link"
"""The step that sees to it that a contact belongs to its company."""


class Faults:
    """What goes wrong with which request; from a seed, so that a run can be repeated."""

    def __init__(self, seed: int, rate: float, kinds: Sequence[str] = FAULTS) -> None:
        self._random = random.Random(seed)
        self.probability = rate
        self.fault_kinds = kinds
        self.injected: Counter[str] = Counter()

    def next_fault(self) -> tuple[str, float]:
        """The fault of the next request, or "", and a number in [0, 1) to shape it."""
        shape = self._random.random()
        if self._random.random() >= self.probability:
            return "", shape
        return self._random.choice(self.fault_kinds), shape


class ModelAdapter:
    """A courier between the engine and a `ModelServer`, losing letters by plan."""

    guarantee = "of the model"
    requests_left: int | None = None

    def __init__(
        self,
        server: ModelServer,
        faults: Faults,
        *,
        strategy: Strategy = "unique",
        timeout: float = 30.0,
        lanes: bool = True,
        names: bool = False,
        longest: float = 110.0,
        broken: str = "",
    ) -> None:
        self.max_rows = server.max_rows
        self.server = server
        self.faults = faults
        self.strategy = strategy
        self.timeout = timeout
        self.orders_by_key = lanes
        self.creates_names = names
        self.longest_request = longest
        self.disabled_safeguard = broken
        """What is left out on purpose, to show that a checker finds it: see `history`."""
        self.alone: Counter[int] = Counter()
        """How often a row was struck by a bare 500 in a request of its own."""
        self.abandoned_requests: set[asyncio.Task[Any]] = set()
        self.batches_sent: list[tuple[float, tuple[int, ...]]] = []
        self.on_call: Callable[[str, Sequence[WorkItem[Row]]], None] = lambda *_: None

    async def prepare(self, job: str) -> None:
        self.job = job

    def encode(self, row: Row, index: int) -> EncodedRow:
        fields = [row.email, row.version, row.number, row.items, row.trait, row.company, row.id]
        body = json.dumps(fields).encode()
        problems = () if row.email or row.number or row.id else (Problem("no unique value"),)
        hold_keys_seconds = 1.1 if row.items and self.strategy == "unique" else 0.0
        facts_key = ordering_keys(row)[0] if row.items and self.strategy != "unique" else ""
        return EncodedRow(
            body,
            ordering_keys(row) if self.orders_by_key else (),
            problems,
            None,
            hold_keys_seconds,
            facts_key,
            self._created_names(row),
        )

    def _created_names(self, row: Row) -> tuple[str, ...]:
        return tag_and_company_names(row) if self.orders_by_key and self.creates_names else ()

    def decode(self, body: bytes) -> Row:
        email, version, number, items, trait, company, id = json.loads(body)
        return Row(email, version, number, tuple(items), trait, company, id)

    def idempotent_part(self, row: Row) -> Row:
        return row if self.strategy == "unique" or not row.items else evolve(row, items=())

    def rate_limit(self) -> RateLimitStatus | None:
        return None

    async def send(self, step: str, batch: Sequence[WorkItem[Row]]) -> BatchResult[StoredContact]:
        self.on_call("deliver", batch)
        if step == LINK:
            return await self._link(batch)
        assert not step
        server = self.server
        server.requests += 1
        self.batches_sent.append((server.clock.monotonic(), tuple(item.index for item in batch)))
        fault, shape = self.faults.next_fault()
        faulty_row = int(shape * len(batch))
        if fault == "422 again":
            faulty_row = next((position for position, item in enumerate(batch) if self._is_stored(item)), -1)
        if fault in LOOKUP_FAULTS or (fault in ROW_FAULTS and len(batch) < 2) or faulty_row < 0:
            fault = ""
        if fault:
            self.faults.injected[fault] += 1
        if len(batch) > server.max_rows:
            error = ServerError("A max of N", status=500, deliberate=True)
            error.batch_limit = server.max_rows
            raise with_verdict(error)
        await server.clock.sleep(0.02)
        return await self._run_request(batch, fault, shape, faulty_row)

    def _is_stored(self, item: WorkItem[Row]) -> bool:
        """Whether an earlier sending of the row has stored it."""
        row, server = item.row, self.server
        if row.trait != "cleaned" or item.sends.total < 2 or row.items or row.company:
            return False
        contact_ids = {row.id} if row.id else server.find(row.email, row.number)
        if len(contact_ids) != 1:
            return False
        stored = server.contacts[min(contact_ids)]
        return stored.version == row.version and all(
            not sent_value or sent_value == stored_value
            for sent_value, stored_value in (
                (row.email.strip().casefold(), stored.email),
                (row.number.casefold(), stored.number),
            )
        )

    async def _link(self, batch: Sequence[WorkItem[Row]]) -> BatchResult[StoredContact]:
        """See that contacts belong to the company that they name; a request each."""
        for item in batch:
            await self._look_up_request()
            stored = self.server.contacts[item.id]
            if stored.linked_company != item.row.company:
                stored.linked_company = item.row.company
        return BatchResult([RowResult("updated", item.id) for item in batch], len(batch))

    async def _run_request(
        self, batch: Sequence[WorkItem[Row]], fault: str, shape: float, faulty_row: int
    ) -> BatchResult[StoredContact]:
        server = self.server
        rows = [(item.row, item_ids(item)) for item in batch]
        if fault == "connect":
            raise with_verdict(TransportError("refused", kind="connect"))
        if fault == "write":
            raise with_verdict(TransportError("cut", kind="write"))
        if fault == "503":
            raise with_verdict(ServerError("down", status=503))
        if fault == "429":
            raise with_verdict(RateLimited("slow", status=429, retry_after=1 + 60 * shape, deliberate=True))
        speed = 1.0
        if fault in {"timeout", "504", *PROXY_FAULTS}:
            # As long as the worst request of this server may take, whatever the batch; the client has left by then.
            speed = (
                shape * self.longest_request / sum(server.seconds_per_row + 0.002 * len(row.items) for row, _ in rows)
            )
        if fault == "stall":
            speed = shape
        repeated = frozenset(
            position
            for position, item in enumerate(batch)
            if item.resend is not None and item.resend.newest is not item
        )
        request = server.batch(rows, fault, speed=max(speed, 0.01), faulty_row=faulty_row, repeated=repeated)
        work = asyncio.get_running_loop().create_task(request)
        self.abandoned_requests.add(work)
        work.add_done_callback(self._on_request_done)
        client_timeouts = {
            "timeout": min(self.timeout, self.longest_request / 3),
            "504": 10.0,
            "reset": shape,
            "stall": self.timeout,
        }
        done, _ = await asyncio.wait(
            {work}, timeout=client_timeouts.get(fault, 3 * shape if fault in PROXY_FAULTS else 1e9)
        )
        if fault == "reset":
            raise with_verdict(TransportError("reset", kind="disconnected"))
        if fault in PROXY_FAULTS:
            raise self._as_proxy_error(PROXY_FAULTS[fault]())
        if not done:
            timeout_error = TransportError("slow", kind="read-timeout")
            raise with_verdict(ServerError("504", status=504) if fault == "504" else timeout_error)
        if fault == "502":
            raise with_verdict(ServerError("502", status=502))
        try:
            answers = work.result()
        except Fault:
            if len(batch) == 1 and batch[0].row.trait != "poison":
                self.alone[batch[0].index] += 1
            raise with_verdict(ServerError("error #500", status=500)) from None
        if fault in {"unreadable", "login page"}:
            raise with_verdict(
                UnexpectedResponse("?", kind="undecodable-body" if fault == "unreadable" else "not-mautic")
            )
        if self.disabled_safeguard == "refusal":
            for item in batch:
                item.sends.had_unknown_outcome = False
        results = [self._row_result(item, answer) for item, answer in zip(batch, answers, strict=True)]
        if fault == "row missing":
            results[faulty_row] = RowResult(Pending.LOOK_UP)
        elif fault == "deadlock row" and results[faulty_row].state in {"created", "updated"}:
            results[faulty_row] = RowResult(Pending.LOOK_UP, retry_after=2.0, overload=True)
        elif fault == "item id 0" and results[faulty_row].state in {"created", "updated"}:
            safe = self.strategy == "unique" or not batch[faulty_row].row.items
            results[faulty_row] = (
                RowResult(Pending.RETRY, retry_after=1.2, status_if_given_up="partial")
                if safe
                else RowResult(Pending.LOOK_UP)
            )
        return BatchResult(results)

    def _as_proxy_error(self, error: MauticError) -> MauticError:
        """A proxy's answer; broken, it is taken for the end of the request."""
        with_verdict(error)
        if self.disabled_safeguard == "proxy" and error.verdict is not None:
            error.verdict = evolve(error.verdict, may_still_run=False)
        return error

    def _on_request_done(self, task: asyncio.Task[Any]) -> None:
        self.abandoned_requests.discard(task)
        if not task.cancelled():
            task.exception()

    def _row_result(self, item: WorkItem[Row], answer: dict[str, Any]) -> RowResult[StoredContact]:
        code = answer.get("code")
        if code is None:
            facts = {"items": answer["items"]} if self.strategy != "unique" and item.row.items else None
            created_here = item.sends.had_unknown_outcome and self._may_have_created(
                self.server.contacts[answer["id"]], item
            )
            status: Any = "created" if answer["status"] == 201 or created_here else "updated"
            return self._stored_result(item, RowResult(status, answer["id"], facts=facts))
        problems = (Problem(answer["message"], code=code),)
        if code == 404:
            return RowResult(Pending.RETRY, answer["id"], problems, retry_after=1.2, status_if_given_up="partial")
        if code in {1205, 2006}:
            return RowResult(Pending.LOOK_UP, problems=problems, retry_after=5.0, overload=True)
        return RowResult("rejected" if code else "partial", 0, problems)

    def _stored_result(self, item: WorkItem[Row], result: RowResult[StoredContact]) -> RowResult[StoredContact]:
        """A row that is stored; after a sending of unknown fate it is seen to that its company is linked."""
        if not item.row.company or not item.sends.had_unknown_outcome or self.disabled_safeguard == "link":
            return result
        status: Any = result.state
        return evolve(result, state=Pending.NEXT_STEP, next_step=LINK, status_if_given_up=status)

    def _may_have_created(self, stored: StoredContact, item: WorkItem[Row]) -> bool:
        """Whether the row may have made the contact, whose date of creation is in whole seconds."""
        return int(stored.created_at) + 1 > item.sends.first_at > 0

    async def look_up(self, step: str, batch: Sequence[WorkItem[Row]]) -> BatchResult[StoredContact]:
        await self._look_up_request()
        if step == LINK:
            return BatchResult([RowResult(Pending.RETRY, item.id) for item in batch])
        return BatchResult([self._lookup_result(item) for item in batch])

    async def _look_up_request(self) -> None:
        self.server.requests += 1
        fault, _ = self.faults.next_fault()
        if fault in LOOKUP_FAULTS:
            self.faults.injected[fault] += 1
            status = 503 if fault == "look fails" else 500
            raise with_verdict(ServerError(str(status), status=status), Effect.READ)
        await self.server.clock.sleep(0.05)

    def _lookup_result(self, item: WorkItem[Row]) -> RowResult[StoredContact]:
        row, server = item.row, self.server
        contact_ids = {row.id} if row.id else server.find(row.email, row.number)
        if len(contact_ids) != 1:
            return RowResult(Pending.RETRY)
        stored = server.contacts[contact_ids.pop()]
        created_here = self._may_have_created(stored, item)
        by_last_request = int(stored.created_at) >= item.sends.last_at > 0
        was_changed = int(stored.changed_at) + 1 > item.sends.first_at
        items = {server.items[item_id].name: item_id for item_id in stored.items}
        learned_facts = {"items": items} if self.strategy == "marker" and row.items else None
        is_complete = all(name in items and server.items[items[name]].version == row.version for name in row.items)
        is_complete = is_complete and (not row.number or stored.number == row.number.casefold())
        is_complete = is_complete and (not row.email or stored.email == row.email.strip().casefold())
        is_complete = is_complete and (not row.company or stored.company == row.company)
        if stored.version == row.version and is_complete and not row.trait:
            done: RowResult[StoredContact] = RowResult(
                "created" if created_here else "updated",
                stored.id,
                facts=learned_facts,
                proves_request_ended=by_last_request,
            )
            return self._stored_result(item, done)
        has_recent_items = any(
            int(server.items[item_id].changed_at) + 1 > item.sends.first_at for item_id in stored.items
        )
        if self.strategy == "none" and has_recent_items and any(name not in item_ids(item) for name in row.items):
            return RowResult("unknown", stored.id, (Problem("its items may be stored"),))
        so_far: Any = "partial" if created_here else None if was_changed else "rejected"
        return RowResult(Pending.RETRY, stored.id, facts=learned_facts, status_if_given_up=so_far)

    async def wait_until_idle(self) -> None:
        """Wait until the server is at rest."""
        while self.abandoned_requests:
            await asyncio.wait(set(self.abandoned_requests))


def item_ids(item: WorkItem[Row]) -> dict[str, Any]:
    """Ids of its items, by name."""
    stored = item.facts.get("items")
    return dict(stored) if isinstance(stored, dict) else {}
