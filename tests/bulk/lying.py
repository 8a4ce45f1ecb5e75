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
from typing import TYPE_CHECKING, Any

from attrs import Factory, define, evolve

from mautic_async.bulk import Delivery, Packed, Receipt
from mautic_async.errors import (
    MauticError,
    Problem,
    RateLimited,
    ServerError,
    TransportError,
    UnexpectedResponse,
)
from mautic_async.retry import verdict_of
from mautic_async.wire import Effect

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mautic_async.bulk import Budget, Parcel
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


@define
class Stored:
    """A contact as the server has it."""

    id: int
    email: str
    number: str
    version: int
    made_at: float
    items: list[int] = Factory(list)


@define
class Item:
    """A custom item as the server has it."""

    id: int
    name: str
    version: int
    touched: float


class Fault(Exception):
    """An uncaught exception in the server: the whole request is a bare 500."""


class Site:
    """The server's database and the requests that work on it."""

    def __init__(self, clock: Clock, *, each: float = 0.02, unique_items: bool = True, limit: int = 200) -> None:
        self.clock = clock
        self.each = each
        self.unique_items = unique_items
        self.limit = limit
        self.contacts: dict[int, Stored] = {}
        self.items: dict[int, Item] = {}
        self.by_email: dict[str, list[int]] = {}
        self.by_number: dict[str, list[int]] = {}
        self.by_hash: dict[str, int] = {}
        self.requests = 0
        self.writes = 0
        self.rows_written = 0
        self.under_way: Counter[str] = Counter()
        self.overlaps = 0
        self.names: Counter[str] = Counter()
        """Tags and companies; a name that two rows bring at once is there twice."""

    def find(self, email: str, number: str) -> set[int]:
        """Ids of the contacts that hold either value, as the database compares."""
        found: set[int] = set()
        if email:
            found.update(self.by_email.get(email.strip().casefold(), ()))
        if number:
            found.update(self.by_number.get(number.casefold(), ()))
        return found

    async def write_row(self, row: Row, known: dict[str, Any], speed: float) -> dict[str, Any]:
        """One row of a batch: look, then insert or update, then its items; each step is committed at once."""
        if row.trait == "poison":
            raise Fault
        if row.trait == "refused":
            return {"code": 400, "message": "email: nope"}
        found = self.find(row.email, row.number)
        missing = [name for name in names_of(row) if name not in self.names]
        await self.clock.sleep(self.each * speed * (0.6 + 0.4 * self.clock.random()))  # between SELECT and INSERT
        if len(found) > 1:
            return {"code": 422, "message": "email: This field must be unique."}
        self.rows_written += 1
        self.names.update(missing)
        if found:
            stored, status = self.contacts[found.pop()], 200
            stored.version = row.version
        else:
            number = len(self.contacts) + 1
            stored = self.contacts[number] = Stored(number, "", "", row.version, self.clock.wall())
            status = 201
        if row.email and not stored.email:
            stored.email = row.email.strip().casefold()
            self.by_email.setdefault(stored.email, []).append(stored.id)
        if row.number and not stored.number:
            stored.number = row.number.casefold()
            self.by_number.setdefault(stored.number, []).append(stored.id)
        for name in row.items:
            await self.clock.sleep(0.002 * speed)
            if row.trait == "bad item":
                return {"code": 0, "message": "not a URL"}
            error = self._item(stored, row, name, known)
            if error:
                return error
        return {"status": status, "id": stored.id, "items": {self.items[it].name: it for it in stored.items}}

    def _item(self, stored: Stored, row: Row, name: str, known: dict[str, Any]) -> dict[str, Any] | None:
        now = self.clock.wall()
        number = known.get(name) or (self.by_hash.get(name) if self.unique_items else None)
        if number is not None and not known.get(name) and int(self.items[number].touched) == int(now):
            return {"code": 404, "message": "Custom Item with ID = 0 was not found", "id": stored.id}
        if number is None:
            number = len(self.items) + 1
            self.items[number] = Item(number, name, row.version, now)
            if self.unique_items:
                self.by_hash[name] = number
        self.items[number].version = row.version
        self.items[number].touched = now
        if number not in stored.items:
            stored.items.append(number)
        return None

    async def batch(
        self, rows: Sequence[tuple[Row, dict[str, Any]]], *, speed: float = 1.0, die: int = -1
    ) -> list[Any]:
        """A whole request; *die*: the worker dies before that row."""
        keys = {key for row, _ in rows for key in keys_of(row, items=False)}
        for key in keys:
            self.under_way[key] += 1
            self.overlaps += self.under_way[key] > 1
        self.writes += 1
        try:
            answers = []
            for number, (row, known) in enumerate(rows):
                if number == die:
                    raise Fault
                answers.append(await self.write_row(row, known, speed))
            return answers
        finally:
            for key in keys:
                self.under_way[key] -= 1


def names_of(row: Row) -> tuple[str, ...]:
    """Tags and companies that the server makes for the row, if they are not there: some are common, some are rare."""
    number = int(re.sub(r"\D", "", row.email.partition("@")[0] or row.number) or "0")
    return (f"tag {number % 40}", f"company {number // 9}") if number % 3 == 0 else ()


def keys_of(row: Row, *, items: bool = True) -> tuple[str, ...]:
    """The lane keys of a row."""
    keys = ["e:" + row.email.strip().casefold()] if row.email else []
    if row.number:
        keys.append("n:" + row.number.casefold())
    if items:
        keys += ["i:" + name for name in row.items]
    return tuple(keys)


def raised(error: MauticError, effect: Effect = Effect.UPSERT) -> MauticError:
    """*error* as the pipeline would raise it."""
    error.verdict = verdict_of(error, effect)
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
)


class Faults:
    """What goes wrong with which request; from a seed, so that a run can be repeated."""

    def __init__(self, seed: int, rate: float, kinds: Sequence[str] = FAULTS) -> None:
        self._random = random.Random(seed)
        self.rate = rate
        self.kinds = kinds
        self.injected: Counter[str] = Counter()

    def draw(self) -> tuple[str, float]:
        """The fault of the next request, or "", and a number in [0, 1) to shape it."""
        shape = self._random.random()
        if self._random.random() >= self.rate:
            return "", shape
        return self._random.choice(self.kinds), shape


class Post:
    """A courier between the engine and a `Site`, losing letters by plan."""

    guarantee = "of the model"
    needed: int | None = None

    def __init__(
        self,
        site: Site,
        faults: Faults,
        *,
        strategy: Strategy = "unique",
        timeout: float = 30.0,
        lanes: bool = True,
        names: bool = False,
        longest: float = 110.0,
    ) -> None:
        self.limit = site.limit
        self.site = site
        self.faults = faults
        self.strategy = strategy
        self.timeout = timeout
        self.lanes = lanes
        self.names = names
        self.longest = longest
        self.zombies: set[asyncio.Task[Any]] = set()
        self.sent: list[tuple[float, tuple[int, ...]]] = []
        self.before: Callable[[str, Sequence[Parcel[Row]]], None] = lambda *_: None

    async def prepare(self, job: str) -> None:
        self.job = job

    def pack(self, row: Row, index: int) -> Packed:
        body = json.dumps([row.email, row.version, row.number, row.items, row.trait]).encode()
        problems = () if row.email or row.number else (Problem("no unique value"),)
        linger = 1.1 if row.items and self.strategy == "unique" else 0.0
        memory = keys_of(row)[0] if row.items and self.strategy != "unique" else ""
        return Packed(body, keys_of(row) if self.lanes else (), problems, None, linger, memory, self._firsts(row))

    def _firsts(self, row: Row) -> tuple[str, ...]:
        return names_of(row) if self.lanes and self.names else ()

    def unpack(self, body: bytes) -> Row:
        email, version, number, items, trait = json.loads(body)
        return Row(email, version, number, tuple(items), trait)

    def join(self, earlier: Row, later: Row) -> Row | None:
        """The later version, and what is bad of either; items that only the earlier one has keep the rows apart."""
        same = (earlier.email, earlier.number) == (later.email, later.number)
        safe = self.strategy == "unique" or not (earlier.items or later.items)
        if not (same and safe and set(earlier.items) <= set(later.items)):
            return None
        return evolve(later, trait=earlier.trait or later.trait)

    def budget(self) -> Budget | None:
        return None

    async def deliver(self, step: str, parcels: Sequence[Parcel[Row]]) -> Delivery[Stored]:
        assert not step
        self.before("deliver", parcels)
        site = self.site
        site.requests += 1
        self.sent.append((site.clock.time(), tuple(parcel.index for parcel in parcels)))
        fault, shape = self.faults.draw()
        if fault in {"row missing", "deadlock row", "item id 0", "look fails"} and (
            len(parcels) < 2 or fault == "look fails"
        ):
            fault = ""
        if fault:
            self.faults.injected[fault] += 1
        if len(parcels) > site.limit:
            error = ServerError("A max of N", status=500, refusal=True)
            error.batch_limit = site.limit
            raise raised(error)
        await site.clock.sleep(0.02)
        return await self._fly(parcels, fault, shape)

    async def _fly(self, parcels: Sequence[Parcel[Row]], fault: str, shape: float) -> Delivery[Stored]:
        site = self.site
        rows = [(parcel.row, facts(parcel)) for parcel in parcels]
        if fault == "connect":
            raise raised(TransportError("refused", event="connect"))
        if fault == "write":
            raise raised(TransportError("cut", event="write"))
        if fault == "503":
            raise raised(ServerError("down", status=503))
        if fault == "429":
            raise raised(RateLimited("slow", status=429, retry_after=1 + 60 * shape, refusal=True))
        speed = 1.0
        die = -1
        if fault in {"timeout", "504"}:
            # As long as the worst request of this server may take, whatever the batch; the client has left by then.
            speed = shape * self.longest / sum(site.each + 0.002 * len(row.items) for row, _ in rows)
        if fault in {"500 prefix", "502"}:
            die = int(shape * len(rows))
        work = asyncio.get_running_loop().create_task(site.batch(rows, speed=max(speed, 1.0), die=die))
        self.zombies.add(work)
        work.add_done_callback(self._buried)
        patience = {"timeout": min(self.timeout, self.longest / 3), "504": 10.0, "reset": shape}.get(fault, 1e9)
        done, _ = await asyncio.wait({work}, timeout=patience)
        if fault == "reset":
            raise raised(TransportError("reset", event="disconnected"))
        if not done:
            error = ServerError("504", status=504) if fault == "504" else TransportError("slow", event="read-timeout")
            raise raised(error)
        if fault == "502":
            raise raised(ServerError("502", status=502))
        try:
            answers = work.result()
        except Fault:
            raise raised(ServerError("error #500", status=500)) from None
        if fault in {"unreadable", "login page"}:
            raise raised(UnexpectedResponse("?", event="unreadable" if fault == "unreadable" else "not-mautic"))
        receipts = [self._receipt(parcel, answer) for parcel, answer in zip(parcels, answers, strict=True)]
        odd = int(shape * len(receipts))
        if fault == "row missing":
            receipts[odd] = Receipt("look")
        elif fault == "deadlock row" and receipts[odd].state in {"created", "updated"}:
            safe = self.strategy == "unique" or not parcels[odd].row.items
            receipts[odd] = Receipt("again", pause=2.0, load=True) if safe else Receipt("look", load=True)
        elif fault == "item id 0" and receipts[odd].state in {"created", "updated"}:
            safe = self.strategy == "unique" or not parcels[odd].row.items
            receipts[odd] = Receipt("again", pause=1.2, so_far="partial") if safe else Receipt("look")
        return Delivery(receipts)

    def _buried(self, task: asyncio.Task[Any]) -> None:
        self.zombies.discard(task)
        if not task.cancelled():
            task.exception()

    def _receipt(self, parcel: Parcel[Row], answer: dict[str, Any]) -> Receipt[Stored]:
        code = answer.get("code")
        if code is None:
            known = {"items": answer["items"]} if self.strategy != "unique" and parcel.row.items else None
            return Receipt("created" if answer["status"] == 201 else "updated", answer["id"], known=known)
        problems = (Problem(answer["message"], code=code),)
        if code == 404:
            return Receipt("again", answer["id"], problems, pause=1.2, so_far="partial")
        return Receipt("rejected" if code else "partial", 0, problems)

    async def read_back(self, step: str, parcels: Sequence[Parcel[Row]]) -> Delivery[Stored]:
        site = self.site
        site.requests += 1
        fault, _ = self.faults.draw()
        if fault == "look fails":
            self.faults.injected[fault] += 1
            raise raised(ServerError("503", status=503), Effect.READ)
        await site.clock.sleep(0.05)
        return Delivery([self._seen(parcel) for parcel in parcels])

    def _seen(self, parcel: Parcel[Row]) -> Receipt[Stored]:
        row, site = parcel.row, self.site
        found = site.find(row.email, row.number)
        if len(found) != 1:
            return Receipt("again")
        stored = site.contacts[found.pop()]
        own = stored.made_at >= parcel.since > 0
        fresh = own and stored.made_at >= parcel.sent_at
        items = {site.items[it].name: it for it in stored.items}
        known = {"items": items} if self.strategy == "marker" and row.items else None
        whole = all(name in items and site.items[items[name]].version == row.version for name in row.items)
        whole = whole and (not row.number or stored.number == row.number.casefold())
        whole = whole and (not row.email or stored.email == row.email.strip().casefold())
        if stored.version == row.version and whole and not row.trait:
            return Receipt("created" if own else "updated", stored.id, known=known, fresh=fresh)
        if self.strategy == "none" and any(name not in facts(parcel) for name in row.items):
            return Receipt("unknown", stored.id, (Problem("its items may be stored"),))
        return Receipt("again", stored.id, known=known)

    async def rest(self) -> None:
        """Wait until the server is at rest."""
        while self.zombies:
            await asyncio.wait(set(self.zombies))


def facts(parcel: Parcel[Row]) -> dict[str, Any]:
    """Ids of its items, by name."""
    known = parcel.known.get("items")
    return dict(known) if isinstance(known, dict) else {}
