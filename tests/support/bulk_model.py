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

from mautic_async.bulk import Delivery, Packed, Receipt
from mautic_async.errors import (
    MauticError,
    Problem,
    RateLimited,
    ServerError,
    TransportError,
    UnexpectedResponse,
)
from mautic_async.protocol import Effect
from mautic_async.retry.policy import verdict_of

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    company: str = ""
    id: int = 0


@define
class Stored:
    """A contact as the server has it."""

    id: int
    email: str
    number: str
    version: int
    made_at: float
    touched: float = 0.0
    company: str = ""
    link: str = ""
    """The company that it belongs to, which is a row of its own, written last."""
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

    async def write_row(self, row: Row, known: dict[str, Any], speed: float, *, half: bool = False) -> dict[str, Any]:
        """One row of a batch: look, then insert or update, then its company's link, then its items.

        Each step is committed at once. *half*: the database gives up after the contact's own columns.
        """
        if row.trait == "poison":
            raise Fault
        if row.trait == "refused":
            return {"code": 400, "message": "email: nope"}
        found = {row.id} if row.id else self.find(row.email, row.number)
        missing = [name for name in names_of(row) if name not in self.names]
        known_company = self.contacts[min(found)].company if found else ""
        await self.clock.sleep(self.each * speed * (0.6 + 0.4 * self.clock.random()))  # between SELECT and INSERT
        if len(found) > 1:
            return {"code": 422, "message": "email: This field must be unique."}
        self.rows_written += 1
        self.names.update(missing)
        now = self.clock.wall()
        if found:
            stored, status = self.contacts[found.pop()], 200
            if stored.version != row.version or (row.company and row.company != stored.company):
                stored.touched = now
            stored.version = row.version
        else:
            number = len(self.contacts) + 1
            stored = self.contacts[number] = Stored(number, "", "", row.version, now, now)
            status = 201
        if row.company:
            stored.company = row.company
        if row.email and not stored.email:
            stored.email = row.email.strip().casefold()
            self.by_email.setdefault(stored.email, []).append(stored.id)
        if row.number and not stored.number:
            stored.number = row.number.casefold()
            self.by_number.setdefault(stored.number, []).append(stored.id)
        if half:
            return {"code": 1205, "message": "SQLSTATE[HY000]: Lock wait timeout exceeded"}
        if row.company and row.company != known_company:  # a text that does not change never links
            stored.link = row.company
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
        self,
        rows: Sequence[tuple[Row, dict[str, Any]]],
        fault: str = "",
        *,
        speed: float = 1.0,
        odd: int = -1,
        free: frozenset[int] = frozenset(),
    ) -> list[Any]:
        """A whole request; at the *odd* row the worker dies, or the database fails it half-way, as *fault* says.

        *free*: places of rows that repeat another row's values, for a contact that is there: they may overlap with it.
        """
        keys = {key for place, (row, _) in enumerate(rows) if place not in free for key in keys_of(row, items=False)}
        for key in keys:
            self.under_way[key] += 1
            self.overlaps += self.under_way[key] > 1
        self.writes += 1
        try:
            answers = []
            if fault == "stall":  # somebody makes a contact field: ALTER TABLE and the writers wait for each other
                await self.clock.sleep(100.0 * speed)
            for number, (row, known) in enumerate(rows):
                half = number == odd and fault in {"half 500", "lock row", "gone rows"}
                if number == odd and fault in {"500 prefix", "502"}:
                    raise Fault
                if fault == "gone rows" and 0 <= odd < number:
                    answers.append({"code": 2006, "message": "MySQL server has gone away"})
                    continue
                if fault == "422 again" and number == odd:
                    answers.append({"code": 422, "message": "email: This field must be unique."})
                    continue
                answers.append(await self.write_row(row, known, speed if fault != "stall" else 1.0, half=half))
                if half and fault == "half 500":
                    raise Fault
            return answers
        finally:
            for key in keys:
                self.under_way[key] -= 1


def names_of(row: Row) -> tuple[str, ...]:
    """Tags and companies that the server makes for the row, if they are not there: some are common, some are rare."""
    number = int(re.sub(r"\D", "", row.email.partition("@")[0] or row.number) or "0")
    return (f"tag {number % 40}", row.company) if row.company else ()


def keys_of(row: Row, *, items: bool = True) -> tuple[str, ...]:
    """The lane keys of a row."""
    keys = ["e:" + row.email.strip().casefold()] if row.email else []
    if row.id:
        keys.append(f"id:{row.id}")
    if row.number:
        keys.append("n:" + row.number.casefold())
    if items:
        keys += ["i:" + name for name in row.items]
    return tuple(keys)


def raised(error: MauticError, effect: Effect = Effect.UPSERT) -> MauticError:
    """*error* as the pipeline would raise it; a 502, 503 or 504 is a proxy's."""
    if isinstance(error, ServerError) and error.status in {502, 503, 504}:
        error.by_proxy = True
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


ROWS = frozenset({"row missing", "deadlock row", "item id 0"})
"""Faults of one row among others."""

LOOKS = frozenset({"look fails", "look 500"})
"""Faults of a look."""

LIVE: dict[str, Callable[[], MauticError]] = {
    "502 live": lambda: ServerError("502", status=502),
    "503 live": lambda: ServerError("503", status=503),
    "429 live": lambda: RateLimited("429", status=429, retry_after=1.0, by_proxy=True),
    "page live": lambda: UnexpectedResponse("?", event="not-mautic"),
}
"""What a proxy answers while the server goes on."""

LINK = "link"
"""The step that sees to it that a contact belongs to its company."""


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
        broken: str = "",
    ) -> None:
        self.limit = site.limit
        self.site = site
        self.faults = faults
        self.strategy = strategy
        self.timeout = timeout
        self.lanes = lanes
        self.names = names
        self.longest = longest
        self.broken = broken
        """What is left out on purpose, to show that a checker finds it: see `history`."""
        self.alone: Counter[int] = Counter()
        """How often a row was struck by a bare 500 in a request of its own."""
        self.zombies: set[asyncio.Task[Any]] = set()
        self.sent: list[tuple[float, tuple[int, ...]]] = []
        self.before: Callable[[str, Sequence[Parcel[Row]]], None] = lambda *_: None

    async def prepare(self, job: str) -> None:
        self.job = job

    def pack(self, row: Row, index: int) -> Packed:
        fields = [row.email, row.version, row.number, row.items, row.trait, row.company, row.id]
        body = json.dumps(fields).encode()
        problems = () if row.email or row.number or row.id else (Problem("no unique value"),)
        linger = 1.1 if row.items and self.strategy == "unique" else 0.0
        memory = keys_of(row)[0] if row.items and self.strategy != "unique" else ""
        return Packed(body, keys_of(row) if self.lanes else (), problems, None, linger, memory, self._firsts(row))

    def _firsts(self, row: Row) -> tuple[str, ...]:
        return names_of(row) if self.lanes and self.names else ()

    def unpack(self, body: bytes) -> Row:
        email, version, number, items, trait, company, id = json.loads(body)
        return Row(email, version, number, tuple(items), trait, company, id)

    def repeatable_part(self, row: Row) -> Row:
        return row if self.strategy == "unique" or not row.items else evolve(row, items=())

    def budget(self) -> Budget | None:
        return None

    async def deliver(self, step: str, parcels: Sequence[Parcel[Row]]) -> Delivery[Stored]:
        self.before("deliver", parcels)
        if step == LINK:
            return await self._link(parcels)
        assert not step
        site = self.site
        site.requests += 1
        self.sent.append((site.clock.time(), tuple(parcel.index for parcel in parcels)))
        fault, shape = self.faults.draw()
        odd = int(shape * len(parcels))
        if fault == "422 again":
            odd = next((place for place, parcel in enumerate(parcels) if self._stored(parcel)), -1)
        if fault in LOOKS or (fault in ROWS and len(parcels) < 2) or odd < 0:
            fault = ""
        if fault:
            self.faults.injected[fault] += 1
        if len(parcels) > site.limit:
            error = ServerError("A max of N", status=500, refusal=True)
            error.batch_limit = site.limit
            raise raised(error)
        await site.clock.sleep(0.02)
        return await self._fly(parcels, fault, shape, odd)

    def _stored(self, parcel: Parcel[Row]) -> bool:
        """Whether an earlier sending of the row has stored it."""
        row, site = parcel.row, self.site
        if row.trait != "cleaned" or parcel.sends < 2 or row.items or row.company:
            return False
        found = {row.id} if row.id else site.find(row.email, row.number)
        if len(found) != 1:
            return False
        stored = site.contacts[min(found)]
        return stored.version == row.version and all(
            not mine or mine == there
            for mine, there in ((row.email.strip().casefold(), stored.email), (row.number.casefold(), stored.number))
        )

    async def _link(self, parcels: Sequence[Parcel[Row]]) -> Delivery[Stored]:
        """See that contacts belong to the company that they name; a request each."""
        for parcel in parcels:
            await self._look()
            stored = self.site.contacts[parcel.id]
            if stored.link != parcel.row.company:
                stored.link = parcel.row.company
        return Delivery([Receipt("updated", parcel.id) for parcel in parcels], len(parcels))

    async def _fly(self, parcels: Sequence[Parcel[Row]], fault: str, shape: float, odd: int) -> Delivery[Stored]:
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
        if fault in {"timeout", "504", *LIVE}:
            # As long as the worst request of this server may take, whatever the batch; the client has left by then.
            speed = shape * self.longest / sum(site.each + 0.002 * len(row.items) for row, _ in rows)
        if fault == "stall":
            speed = shape
        free = frozenset(place for place, parcel in enumerate(parcels) if parcel.resent not in (None, parcel))
        batch = site.batch(rows, fault, speed=max(speed, 0.01), odd=odd, free=free)
        work = asyncio.get_running_loop().create_task(batch)
        self.zombies.add(work)
        work.add_done_callback(self._buried)
        patience = {"timeout": min(self.timeout, self.longest / 3), "504": 10.0, "reset": shape, "stall": self.timeout}
        done, _ = await asyncio.wait({work}, timeout=patience.get(fault, 3 * shape if fault in LIVE else 1e9))
        if fault == "reset":
            raise raised(TransportError("reset", event="disconnected"))
        if fault in LIVE:
            raise self._proxys(LIVE[fault]())
        if not done:
            slow = TransportError("slow", event="read-timeout")
            raise raised(ServerError("504", status=504) if fault == "504" else slow)
        if fault == "502":
            raise raised(ServerError("502", status=502))
        try:
            answers = work.result()
        except Fault:
            if len(parcels) == 1 and parcels[0].row.trait != "poison":
                self.alone[parcels[0].index] += 1
            raise raised(ServerError("error #500", status=500)) from None
        if fault in {"unreadable", "login page"}:
            raise raised(UnexpectedResponse("?", event="unreadable" if fault == "unreadable" else "not-mautic"))
        if self.broken == "refusal":
            for parcel in parcels:
                parcel.uncertain = False
        receipts = [self._receipt(parcel, answer) for parcel, answer in zip(parcels, answers, strict=True)]
        if fault == "row missing":
            receipts[odd] = Receipt("look")
        elif fault == "deadlock row" and receipts[odd].state in {"created", "updated"}:
            receipts[odd] = Receipt("look", pause=2.0, load=True)
        elif fault == "item id 0" and receipts[odd].state in {"created", "updated"}:
            safe = self.strategy == "unique" or not parcels[odd].row.items
            receipts[odd] = Receipt("again", pause=1.2, so_far="partial") if safe else Receipt("look")
        return Delivery(receipts)

    def _proxys(self, error: MauticError) -> MauticError:
        """A proxy's answer; broken, it is taken for the end of the request."""
        raised(error)
        if self.broken == "proxy" and error.verdict is not None:
            error.verdict = evolve(error.verdict, live=False)
        return error

    def _buried(self, task: asyncio.Task[Any]) -> None:
        self.zombies.discard(task)
        if not task.cancelled():
            task.exception()

    def _receipt(self, parcel: Parcel[Row], answer: dict[str, Any]) -> Receipt[Stored]:
        code = answer.get("code")
        if code is None:
            known = {"items": answer["items"]} if self.strategy != "unique" and parcel.row.items else None
            own = parcel.uncertain and self._own(self.site.contacts[answer["id"]], parcel)
            status: Any = "created" if answer["status"] == 201 or own else "updated"
            return self._ended(parcel, Receipt(status, answer["id"], known=known))
        problems = (Problem(answer["message"], code=code),)
        if code == 404:
            return Receipt("again", answer["id"], problems, pause=1.2, so_far="partial")
        if code in {1205, 2006}:
            return Receipt("look", problems=problems, pause=5.0, load=True)
        return Receipt("rejected" if code else "partial", 0, problems)

    def _ended(self, parcel: Parcel[Row], receipt: Receipt[Stored]) -> Receipt[Stored]:
        """A row that is stored; after a sending of unknown fate it is seen to that its company is linked."""
        if not parcel.row.company or not parcel.uncertain or self.broken == "link":
            return receipt
        status: Any = receipt.state
        return evolve(receipt, state="step", step=LINK, so_far=status)

    def _own(self, stored: Stored, parcel: Parcel[Row]) -> bool:
        """Whether the row may have made the contact, whose date of creation is in whole seconds."""
        return int(stored.made_at) + 1 > parcel.since > 0

    async def read_back(self, step: str, parcels: Sequence[Parcel[Row]]) -> Delivery[Stored]:
        await self._look()
        if step == LINK:
            return Delivery([Receipt("again", parcel.id) for parcel in parcels])
        return Delivery([self._seen(parcel) for parcel in parcels])

    async def _look(self) -> None:
        self.site.requests += 1
        fault, _ = self.faults.draw()
        if fault in LOOKS:
            self.faults.injected[fault] += 1
            status = 503 if fault == "look fails" else 500
            raise raised(ServerError(str(status), status=status), Effect.READ)
        await self.site.clock.sleep(0.05)

    def _seen(self, parcel: Parcel[Row]) -> Receipt[Stored]:
        row, site = parcel.row, self.site
        found = {row.id} if row.id else site.find(row.email, row.number)
        if len(found) != 1:
            return Receipt("again")
        stored = site.contacts[found.pop()]
        own = self._own(stored, parcel)
        fresh = int(stored.made_at) >= parcel.sent_at > 0
        touched = int(stored.touched) + 1 > parcel.since
        items = {site.items[it].name: it for it in stored.items}
        known = {"items": items} if self.strategy == "marker" and row.items else None
        whole = all(name in items and site.items[items[name]].version == row.version for name in row.items)
        whole = whole and (not row.number or stored.number == row.number.casefold())
        whole = whole and (not row.email or stored.email == row.email.strip().casefold())
        whole = whole and (not row.company or stored.company == row.company)
        if stored.version == row.version and whole and not row.trait:
            done: Receipt[Stored] = Receipt("created" if own else "updated", stored.id, known=known, fresh=fresh)
            return self._ended(parcel, done)
        recent = any(int(site.items[it].touched) + 1 > parcel.since for it in stored.items)
        if self.strategy == "none" and recent and any(name not in facts(parcel) for name in row.items):
            return Receipt("unknown", stored.id, (Problem("its items may be stored"),))
        so_far: Any = "partial" if own else None if touched else "rejected"
        return Receipt("again", stored.id, known=known, so_far=so_far)

    async def rest(self) -> None:
        """Wait until the server is at rest."""
        while self.zombies:
            await asyncio.wait(set(self.zombies))


def facts(parcel: Parcel[Row]) -> dict[str, Any]:
    """Ids of its items, by name."""
    known = parcel.known.get("items")
    return dict(known) if isinstance(known, dict) else {}
