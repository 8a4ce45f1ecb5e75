"""Who may spend how many calls of a budget that several processes share: one step of its record. Nothing here awaits.

The record, a JSON text, holds what all answers told (a `Window` for each token) and, for each process, how many calls
it may have sent or may still send: its lease. A call is leased before it leaves, and the lease ends after what its
answer told has been recorded; so the calls that the server has counted are never more than those it told of and those
leased, whoever is killed when. That is the rule of the single process, with leases in the place of calls in flight.
Mautic: REST API, Rate limiter.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from typing import TYPE_CHECKING, Any, Final

from attrs import define, evolve, field, frozen

from mautic_async.ratelimit.fixed_window import ANSWER, GO, HOUR, LONGEST, PROBE, Reading, Window

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import NoReturn

DEAD: Final = 150.0
"""Seconds without a word from a process after which it is taken for dead: longer than any request of its lasts."""
_PROBING: Final = 15.0
"""Seconds after which a probe that has told nothing does not keep others from probing."""
_MOST: Final = 64
"""Calls in a lease, at most: so many are out of the others' reach for a moment."""
_ABSURD: Final = 10_000
"""No process has so many calls under way."""
_TOKENS: Final = 8
"""Budgets in one record: those of old tokens end within the hour."""
_VERSION: Final = 1


@frozen
class Told:
    """What one answer told.

    Attributes:
        at: When it landed, in epoch seconds.
        token: Digest of what the request was signed with, or "".
        reading: The limiter's headers, or None.
        status: Of the answer, or None if none came.
    """

    at: float
    token: str
    reading: Reading | None
    status: int | None

    def teach(self, window: Window) -> None:
        """Let *window* learn it."""
        if self.reading is None:
            window.silent(self.status)
        else:
            window.observe(self.reading, now=self.at, wall=self.at, refused=self.status == 429)


@frozen(kw_only=True)
class Claim:
    """What a process reports and asks for.

    Attributes:
        holder: A name of its own.
        token: Digest of what it signs with, or "" while that is not known: then the last one that anybody used.
        told: The answers that landed since the last claim.
        in_flight: Its calls under way.
        kept: Calls that it was given, has not spent, and keeps.
        wanted: Calls that it would like to have.
        front: Whether an interactive call waits.
        back: Whether a background call waits.
        rest: Requests that the job behind the first background call still needs at most, or None.
        probing: Whether its own probe is under way.
    """

    holder: str
    token: str
    told: Sequence[Told] = ()
    in_flight: int = 0
    kept: int = 0
    wanted: int = 1
    front: bool = False
    back: bool = False
    rest: int | None = None
    probing: bool = False


@frozen(kw_only=True)
class Grant:
    """What a process may spend, beyond what it keeps.

    Attributes:
        window: What is known of its budget now.
        calls: For any call.
        front: For interactive calls only: they come from the reserve.
        probe: Whether the one call is to find out how much there is.
        again_front: When it is worth an interactive call's while to ask again, in epoch seconds; `ANSWER`: when one
            more answer may have landed, somewhere; `GO`: it was not asked for, or given.
        again_back: The same for a background call.
        at: The moment of all this, in epoch seconds.
    """

    window: Window
    at: float
    calls: int = 0
    front: int = 0
    probe: bool = False
    again_front: float = GO
    again_back: float = GO


@define
class _Lease:
    calls: int
    touched: float
    probe: float = 0.0
    """When its probe was given, in epoch seconds, or 0."""

    def expired(self, now: float) -> bool:
        return self.touched + DEAD <= now


@define
class _Account:
    window: Window
    seen: float


@define
class _Record:
    salt: str
    latest: str = ""
    """The account whose token was used last: a process that has sent nothing yet will use the same."""
    accounts: dict[str, _Account] = field(factory=dict)
    leases: dict[str, _Lease] = field(factory=dict)

    def key(self, token: str) -> str:
        """Too short to find a token by, and different in each record."""
        return hashlib.sha256(f"{self.salt}{token}".encode()).hexdigest()[:8] if token else self.latest

    def dump(self) -> str:
        return json.dumps(
            {
                "version": _VERSION,
                "salt": self.salt,
                "latest": self.latest,
                "accounts": {key: [account.seen, account.window.dump()] for key, account in self.accounts.items()},
                "leases": {holder: [lease.calls, lease.touched, lease.probe] for holder, lease in self.leases.items()},
            },
            separators=(",", ":"),
        )


def settle(text: str | None, claim: Claim, *, now: float, window: Callable[[], Window]) -> tuple[str, Grant]:
    """Record what *claim* reports, and grant what may be granted.

    Args:
        text: The record as kept, or None; one that makes no sense is begun anew.
        claim: Of one process.
        now: Epoch seconds, by the clock of all who share the record.
        window: Makes a new one, with the reserve and the pace that this process goes by.

    Returns:
        The record to keep, and what the process may spend.
    """
    record = _read(text, now, window)
    for told in claim.told:
        _learn(record, told, now, window)
    _bury(record, claim, now)
    before = record.leases.pop(claim.holder, None)
    account = record.accounts.get(record.key(claim.token))
    grant = _Bank(record, claim, account.window if account else window(), now).grant()
    calls = claim.in_flight + claim.kept + grant.calls + grant.front
    if calls:
        probe = now if grant.probe else before.probe if before and claim.probing else 0.0
        record.leases[claim.holder] = _Lease(calls, now, probe)
    return record.dump(), grant


def _learn(record: _Record, told: Told, now: float, window: Callable[[], Window]) -> None:
    key = record.key(told.token)
    account = record.accounts.setdefault(key, _Account(window(), now))
    account.seen, record.latest = now, key
    told.teach(account.window)
    while len(record.accounts) > _TOKENS:
        del record.accounts[min(record.accounts, key=lambda key: record.accounts[key].seen)]


def _bury(record: _Record, claim: Claim, now: float) -> None:
    """Strike the leases of the dead, once an answer has told of whatever they had sent before they died."""
    told = max((told.at for told in claim.told if told.reading is not None), default=0.0)
    for holder, lease in list(record.leases.items()):
        if lease.expired(told) or lease.touched + LONGEST <= now:
            del record.leases[holder]


@define
class _Bank:
    """Decides on one claim."""

    record: _Record
    claim: Claim
    window: Window
    now: float

    @property
    def _busy(self) -> int:
        """Calls that may be under way, somewhere, and are perhaps not counted in what the server said is left."""
        return self.claim.in_flight + self.claim.kept + sum(lease.calls for lease in self.record.leases.values())

    def grant(self) -> Grant:
        grant = Grant(window=self.window, at=self.now)
        if self.window.unlimited:
            return grant
        if self.claim.back:
            grant = self._back(grant)
        if self.claim.front and not grant.calls:
            grant = self._front(grant)
        return grant

    def _back(self, grant: Grant) -> Grant:
        turn = self._turn(background=True)
        if turn == PROBE:
            return evolve(grant, calls=1, probe=True)
        if turn != GO:
            return evolve(grant, again_back=turn)
        self.window.spent(self.now, background=True)
        at_pace = self.window.spreads and not self._fits()
        return evolve(grant, calls=1 if at_pace else self._share())

    def _front(self, grant: Grant) -> Grant:
        """From what is left to background work if there is any, else one call of the reserve."""
        turn = self._turn(background=False)
        if turn == PROBE:
            return evolve(grant, calls=1, probe=True)
        if turn != GO:
            return evolve(grant, again_front=turn)
        share = self._share()
        return evolve(grant, front=max(1, share)) if self.window.spreads or not share else evolve(grant, calls=share)

    def _turn(self, *, background: bool) -> float:
        """As `Window.turn`; of all who share the budget one may probe, the others wait for its answer."""
        turn = self._ask(self._busy, background=background)
        if turn == ANSWER:
            dead = sum(lease.calls for lease in self.record.leases.values() if lease.expired(self.now))
            if dead and self._ask(self._busy - dead, background=background) == GO:
                turn = PROBE  # nobody but the dead is in the way: one answer tells what they have sent
        if turn != PROBE:
            return turn
        probing = any(lease.probe + _PROBING > self.now for lease in self.record.leases.values())
        return ANSWER if probing or self.claim.probing else PROBE

    def _ask(self, busy: int, *, background: bool) -> float:
        return self.window.turn(now=self.now, in_flight=busy, background=background, rest=self.claim.rest)

    def _spare(self) -> int:
        return self.window.spare(now=self.now, in_flight=self._busy)

    def _fits(self) -> bool:
        return self.claim.rest is not None and 2 * self.claim.rest <= self._spare()

    def _share(self) -> int:
        """A part of what is left that leaves as much to each of the others, and again to those who come next."""
        spare = self._spare()
        fair = spare // (2 * (len(self.record.leases) + 1))
        return min(spare, max(1, min(fair, self.claim.wanted, _MOST)))


def _read(text: str | None, now: float, window: Callable[[], Window]) -> _Record:
    if text is not None:
        try:
            return _parsed(json.loads(text, parse_constant=_refuse), now, window)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
            pass  # not ours, or of another version: begin anew
    return _Record(secrets.token_hex(8))


def _parsed(kept: dict[str, Any], now: float, window: Callable[[], Window]) -> _Record:
    if kept["version"] != _VERSION:
        raise ValueError
    record = _Record(str(kept["salt"]), str(kept["latest"]))
    for key, (seen, parts) in kept["accounts"].items():
        account = _Account(window(), min(now, float(seen)))
        account.window.restore(parts, now)
        if now - account.seen <= HOUR or not account.window.unlimited:  # a limiter may have been switched on since
            record.accounts[key] = account
    for holder, (calls, touched, probe) in kept["leases"].items():
        if not 0 < int(calls) <= _ABSURD:
            raise ValueError
        record.leases[holder] = _Lease(int(calls), min(now, float(touched)), min(now, float(probe)))
    return record


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
