"""After a request without a row-by-row answer: what its rows are to suffer.

Refused: they go again. Perhaps applied: they rest until the server can no longer be at work on them (PHP goes on when
the client has left), then it is looked what is there, and what is missing goes again. A request that fails as a whole
for one row is repeated once, then halved down to that row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from mautic_async.bulk.courier import Delivery, Receipt
from mautic_async.errors import APIError, Fate, MauticError, Problem, RateLimited, ServerError, Then, Unavailable
from mautic_async.ledger import learn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mautic_async.bulk.courier import Parcel
    from mautic_async.bulk.engine import Engine
    from mautic_async.bulk.outcomes import Status

R = TypeVar("R")
E = TypeVar("E")

POLLS: Final = (5.0, 10.0, 20.0, 40.0)
"""Seconds between looks while rows settle: if the last one is there, the server has ended the request."""

ALONE: Final = 4
"""Failures after which a row is to blame although no other row has passed meanwhile."""

BLOW: Final = 2
"""What a bare 500 counts for against a row; what a proxy may have caused counts for half of that."""

SURE: Final = 4 * BLOW
"""What has to be held against a row to blame it, where others pass: less happens by chance in a large job ..."""

ENOUGH: Final = 7
"""... unless the search has taken so many requests ..."""

HALVED: Final = 50
"""... among so many rows: a row among 50 has to be found in eight, the repetition of the whole included."""

TWICE: Final = 5.0
"""Seconds between the two looks that have to agree after the rows have settled."""


def put_off(engine: Engine[R, E], again: Sequence[tuple[Parcel[R], Receipt[E]]]) -> None:
    """Let rows go again, each after its pause."""
    now = [parcel for parcel, receipt in again if not receipt.pause]
    engine.line_up(now, front=True)
    later: dict[float, list[Parcel[R]]] = {}
    for parcel, receipt in again:
        if receipt.pause:
            later.setdefault(receipt.pause, []).append(parcel)
    for pause, parcels in later.items():
        engine.chore(_line_up_later(engine, parcels, pause))


async def _line_up_later(engine: Engine[R, E], parcels: Sequence[Parcel[R]], pause: float) -> None:
    await engine.clock.sleep(pause)
    engine.line_up(parcels, front=True)
    engine.dispatch(flush=True)


async def mend(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> None:
    """Do with *parcels* what the failure table says of *error*."""
    verdict = error.verdict
    if isinstance(error, Unavailable) or (verdict is not None and verdict.fate in {Fate.REFUSED, Fate.FATAL}):
        for parcel in parcels:
            parcel.maybe = parcel.tries > 1 and parcel.maybe
    if isinstance(error, Unavailable):  # the breaker is open: it says when to try again
        _wait_out(engine, parcels, error)
        repeat(engine, parcels)
        return
    if verdict is None:
        engine.fail(error)
        return
    way = _WAYS.get(verdict.bulk)
    if way is None or (verdict.fate is Fate.UNKNOWN and engine.helm.given_up()):
        engine.fail(error)
    else:
        await way(engine, parcels, error)


async def again(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> None:
    """Nothing of it was applied, or it may simply be repeated: wait as long as the server asks, or longer each time."""
    verdict = error.verdict
    assert verdict is not None  # noqa: S101 - it was judged before
    if isinstance(error, RateLimited):
        _wait_out(engine, parcels, error)
        repeat(engine, parcels)
    elif engine.helm.given_up():
        engine.fail(error)
    elif verdict.load:  # it is the server that cannot, whatever the rows are
        _unsay(parcels)
        engine.pause(engine.helm.back_off(verdict.pause, engine.helm.failures))
        repeat(engine, parcels)
    else:
        pause = verdict.pause + engine.helm.back_off(verdict.pause, parcels[0].tries)
        so_far: Status = "rejected" if verdict.fate is Fate.REFUSED else "unknown"
        receipt: Receipt[E] = Receipt("again", problems=reasons(error), pause=pause, so_far=so_far)
        with engine.at_work():
            await engine.sort(parcels, [receipt] * len(parcels))


def repeat(engine: Engine[R, E], parcels: Sequence[Parcel[R]]) -> None:
    """Let *parcels* go again before all others."""
    engine.line_up(parcels, front=True)
    engine.dispatch(flush=True)


def _unsay(parcels: Sequence[Parcel[R]]) -> None:
    """The refusal of a request is no try of its rows."""
    for parcel in parcels:
        parcel.tries -= 1


def _wait_out(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: RateLimited | Unavailable) -> None:
    """Nothing leaves before the server takes it."""
    _unsay(parcels)
    engine.pause(error.retry_after or engine.helm.back_off(1.0, 1))


async def split(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> None:
    """Too many rows, or too many bytes: never that large again."""
    if isinstance(error, ServerError) and error.batch_limit is not None:
        engine.helm.limit_rows(min(error.batch_limit, len(parcels) - 1))
        _unsay(parcels)
        repeat(engine, parcels)
        return
    if len(parcels) == 1:
        await refuse(engine, parcels, error)
        return
    engine.helm.limit_bytes(sum(len(parcel.packed.body) + 1 for parcel in parcels) // 2)
    _unsay(parcels)
    repeat(engine, parcels)


async def refuse(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> None:
    """The request was refused: one row of it alone deserves that, so find out which."""
    if len(parcels) > 1:
        _unsay(parcels)
        await isolate(engine, parcels)
        return
    await engine.sort(parcels, [Receipt("rejected", problems=reasons(error))])


def reasons(error: MauticError) -> tuple[Problem, ...]:
    """Why, for the row's outcome."""
    if not isinstance(error, APIError) and isinstance(error.__cause__, APIError):
        error = error.__cause__
    if isinstance(error, APIError):
        return error.problems or (Problem(str(error), code=error.status),)
    return (Problem(str(error)),)


# -- perhaps applied ---------------------------------------------------------------------------------------------------


async def settle(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> None:
    """Rest until the server can no longer be at work on *parcels*, then look, twice, and go on from what is there."""
    await _rest(engine, parcels, engine.helm.settle_for(parcels[0], error), POLLS)


async def settle_torn(engine: Engine[R, E], parcels: Sequence[Parcel[R]]) -> None:
    """The same for rows that a killed run had sent, in requests whose other rows and order are not known any more."""
    await _rest(engine, parcels, engine.helm.settle_for(parcels[0], None), ())


async def _rest(engine: Engine[R, E], parcels: Sequence[Parcel[R]], wait: float, polls: Sequence[float]) -> None:
    engine.parked += len(parcels)
    engine.dispatch()
    try:
        receipts = await _poll(engine, parcels, wait, polls)
    finally:
        engine.parked -= len(parcels)
    with engine.at_work():
        await engine.sort(parcels, receipts)


async def _poll(
    engine: Engine[R, E], parcels: Sequence[Parcel[R]], wait: float, polls: Sequence[float]
) -> Sequence[Receipt[E]]:
    end = engine.clock.time() + wait
    for poll in polls:
        if engine.clock.time() + poll >= end:
            break
        await engine.clock.sleep(poll)
        receipts = await _glance(engine, parcels)
        if receipts is not None and receipts[-1].fresh and receipts[-1].state in {"created", "updated", "step"}:
            return receipts  # rows are written in order: the last one is there, so the request has ended
    await engine.clock.sleep(end - engine.clock.time())
    seen = await _gaze(engine, parcels)
    while wait and any(receipt.state != "again" or receipt.known for receipt in seen):
        await engine.clock.sleep(min(TWICE, engine.plan.settle / 24))
        receipts = await _gaze(engine, parcels)
        if receipts == seen:
            break
        seen = receipts
    return seen


async def _glance(engine: Engine[R, E], parcels: Sequence[Parcel[R]]) -> Sequence[Receipt[E]] | None:
    """One look, for whose failure nobody cares."""
    try:
        delivery = await engine.courier.read_back(parcels[0].step, parcels)
    except MauticError as error:
        engine.tally.requests += error.attempts or 1
        return None
    engine.tally.requests += delivery.requests
    return delivery.receipts


async def _gaze(engine: Engine[R, E], parcels: Sequence[Parcel[R]]) -> Sequence[Receipt[E]]:
    """Look until it is seen; a look changes nothing, so only what dooms the job ends it."""
    tries = 0
    while True:
        try:
            delivery = await engine.courier.read_back(parcels[0].step, parcels)
        except MauticError as error:
            engine.tally.requests += error.attempts or 1
            verdict = error.verdict
            if verdict is None or verdict.bulk in (Then.STOP, Then.RAISE) or tries >= engine.plan.give_up:
                engine.fail(error)
            tries += 1
            pause = getattr(error, "retry_after", None) or engine.helm.back_off(1.0, tries)
            await engine.clock.sleep(pause)
        else:
            engine.tally.requests += delivery.requests
            return delivery.receipts


async def look(engine: Engine[R, E], parcels: Sequence[Parcel[R]]) -> None:
    """The answer did not mention these rows; the server is done with them."""
    receipts = await _gaze(engine, parcels)
    with engine.at_work():
        await engine.sort(parcels, receipts)


async def find_ids(engine: Engine[R, E], pairs: Sequence[tuple[Parcel[R], Receipt[E]]]) -> None:
    """Rows stored in part, of which the answer gave no id: look for it, so that somebody can mend them."""
    receipts = await _glance(engine, [parcel for parcel, _ in pairs])
    for (parcel, _), seen in zip(pairs, receipts or (), strict=bool(receipts)):
        parcel.id = parcel.id or seen.id
        learn(parcel.known, seen.known)
    with engine.at_work():
        await engine.conclude([(parcel, engine.outcome(parcel, "partial", receipt)) for parcel, receipt in pairs])


# -- one row that dooms its request ------------------------------------------------------------------------------------


async def narrow(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> None:
    """A request failed as a whole, and has ended: once may be chance, twice is a row of it."""
    left = await _remains(engine, parcels, error)
    if not left:
        return
    await engine.clock.sleep(engine.helm.back_off(1.0, engine.helm.failures))
    if min(parcel.blows for parcel in left) > BLOW:
        await isolate(engine, left)
        return
    result = await _try(engine, left)
    if result is None:
        return
    if not _same(result):
        await mend(engine, left, result)
        return
    left = await _remains(engine, left, result)
    if left:
        await isolate(engine, left)


async def _remains(engine: Engine[R, E], parcels: Sequence[Parcel[R]], error: MauticError) -> list[Parcel[R]]:
    """Count the blow, settle what is proven, and return the rest in order."""
    if error.verdict is not None and error.verdict.bulk is Then.REJECT:
        return list(parcels)  # nothing of it is stored
    verdict = error.verdict
    blow = BLOW if verdict is not None and not verdict.load and verdict.fate is Fate.UNKNOWN else BLOW // 2
    _unsay(parcels)  # most of them are innocent; the guilty one is found by its blows
    for parcel in parcels:
        if not parcel.blows:
            parcel.struck_at = engine.helm.successes
        parcel.blows += blow
    receipts = await _gaze(engine, parcels)
    pairs = list(zip(parcels, receipts, strict=True))
    for parcel, receipt in pairs:
        learn(parcel.known, receipt.known)
        parcel.id = receipt.id or parcel.id
    proven = [(parcel, receipt) for parcel, receipt in pairs if receipt.state != "again"]
    if proven:
        with engine.at_work():
            await engine.sort([parcel for parcel, _ in proven], [receipt for _, receipt in proven])
    return [parcel for parcel, receipt in pairs if receipt.state == "again"]


async def _try(engine: Engine[R, E], parcels: Sequence[Parcel[R]]) -> MauticError | None:
    """Send *parcels* before all others; None if that went well."""
    await engine.claim()
    with engine.at_work():
        result = await engine.carry(parcels)
        if isinstance(result, Delivery):
            await engine.sort(parcels, result.receipts)
            return None
    return result


def _same(error: MauticError) -> bool:
    return (
        error.verdict is not None
        and error.verdict.bulk in (Then.LOOK, Then.REJECT)
        and getattr(error, "batch_limit", None) is None
    )


async def isolate(engine: Engine[R, E], parcels: Sequence[Parcel[R]]) -> None:
    """Find the row that dooms its request: halve what is suspect; what is cleared goes back into line at the end.

    If the first half passes, the second holds the culprit and need not be tried as a whole: 50 rows take 6 requests.
    """
    suspects = list(parcels)
    cleared: list[Parcel[R]] = []
    sent = 0
    try:
        while suspects:
            if engine.helm.failures > 1:  # not one success between: perhaps it is the server, not a row
                await engine.clock.sleep(engine.helm.back_off(1.0, engine.helm.failures))
            half = suspects[: max(1, len(suspects) // 2)]
            rest = suspects[len(half) :]
            error = await _try(engine, half)
            sent += 1
            if error is None:
                suspects = rest
                continue
            if isinstance(error, RateLimited | Unavailable):
                _wait_out(engine, half, error)
                continue
            cleared = rest + cleared
            if not _same(error):
                await mend(engine, half, error)
                return
            suspects = await _remains(engine, half, error)
            if len(half) > 1 or not suspects:
                continue
            sure = suspects[0].blows >= SURE or (sent >= ENOUGH and len(parcels) <= HALVED)
            if await _convicted(engine, suspects[0], error, sure=sure):
                return
            _clear(engine, cleared)  # let the others vouch for the server
    finally:
        _clear(engine, cleared)


def _clear(engine: Engine[R, E], cleared: list[Parcel[R]]) -> None:
    engine.line_up(cleared, front=True)
    cleared.clear()
    engine.dispatch(flush=True)


async def _convicted(engine: Engine[R, E], parcel: Parcel[R], error: MauticError, *, sure: bool) -> bool:
    """Whether a row that failed alone is to blame, and not a server that fails everything."""
    verdict = error.verdict
    assert verdict is not None  # noqa: S101 - it was judged before
    if verdict.bulk is Then.REJECT:
        await refuse(engine, [parcel], error)
        return True
    if engine.helm.given_up():
        engine.fail(error)
        return True
    parcel.alone += 1
    others_pass = engine.helm.successes > parcel.struck_at
    if not sure if others_pass else (verdict.load or parcel.alone < ALONE):
        return False
    state: Any = "unknown" if parcel.id or verdict.fate is Fate.DONE else "rejected"
    why = (*reasons(error), Problem("Mautic fails on this row alone; the reason is in its log"))
    with engine.at_work():
        await engine.sort([parcel], [Receipt(state, problems=why)])
    return True


_WAYS: Final = {
    Then.REPEAT: again,
    Then.PARK: settle,
    Then.LOOK: narrow,
    Then.SPLIT: split,
    Then.REJECT: refuse,
}
