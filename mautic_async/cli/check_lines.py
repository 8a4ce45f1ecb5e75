"""The questions of ``mautic-async check`` to a server, each answered by one line. Nothing is written."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from urllib.parse import urlsplit

from attrs import frozen

from mautic_async import (
    AuthenticationError,
    MauticError,
    NotFound,
    PermissionDenied,
    RateLimited,
    ReauthorizationNeeded,
    TransportError,
    UnexpectedResponse,
)
from mautic_async.bulk import BulkOptions
from mautic_async.cli.loopback import is_loopback
from mautic_async.cli.option_words import in_option_words

if TYPE_CHECKING:
    from mautic_async import Mautic
    from mautic_async.models import User

State: TypeAlias = Literal["ok", "warning", "problem"]

MAX_CLOCK_DIFFERENCE: Final = 60.0
"""Seconds of difference from which on changes could be missed by readers that do not overlap."""
FIRST_CALL_SECONDS: Final = 20.0
"""Seconds for the first call with its retries and its log-in."""
SLOW_CALL: Final = 2.0
"""Seconds of a small call from which on the server is called slow."""
FIRST_ABSENT_ID: Final = 2_147_480_000
"""Ids from here on belong to no contact: an edit of one changes nothing, and still takes the way of a batch."""
DEFAULT_BATCH_LIMIT: Final = 200
_LIMIT: Final = re.compile(r"max(?:imum)? of (\d+)")


@frozen
class Line:
    """One line of the table.

    Attributes:
        name: The subject.
        state: ``ok``, ``warning`` or ``problem``.
        text: The finding, with what to do about it.
    """

    name: str
    state: State
    text: str


async def check(mautic: Mautic, base_url: str, credentials: str) -> AsyncIterator[Line]:
    """Yield the lines; the first ``problem`` of address or credentials is the last line.

    Args:
        mautic: The client.
        base_url: Of the server.
        credentials: Their kind, in words.
    """
    try:
        async with mautic.deadline(FIRST_CALL_SECONDS):
            user = await mautic.users.me()
    except MauticError as error:
        yield _first_failure(error, credentials)
        return
    yield _address(base_url)
    try:
        async for line in _check_logged_in(mautic, credentials, user):
            yield line
    except MauticError as error:
        yield Line("server", "problem", in_option_words(str(error)))


async def _check_logged_in(mautic: Mautic, credentials: str, user: User) -> AsyncIterator[Line]:
    """Yield the lines behind the first call.

    Raises:
        MauticError: A call failed for a reason that has no line of its own.
    """
    yield _version(mautic.version)
    yield Line("API", "ok", "enabled")
    yield _credentials(credentials, str(user.username or "without a user"), user.role)
    yield _rate_limit(mautic)
    began = time.monotonic()
    yield await _batch_of_one(mautic)
    batch_of_one = time.monotonic() - began
    limit, line = await _batch_limit(mautic)
    yield line
    yield await _custom_objects(mautic)
    yield await _unique_fields(mautic)
    yield _clock(mautic.clock_difference)
    began = time.monotonic()
    await mautic.users.me()  # the first call has logged in, too
    yield _times(time.monotonic() - began, batch_of_one)
    yield _bulk_choice(mautic, limit)


def _first_failure(error: MauticError, credentials: str) -> Line:
    """Return why the first call failed, and what to do."""
    reason = in_option_words(str(error))
    if isinstance(error, TransportError):
        return Line("address", "problem", _with_advice(reason, "Check MAUTIC_BASE_URL, the network, --ca and --proxy"))
    if isinstance(error, RateLimited):
        return Line("rate limiter", "problem", f"{reason}. Wait for the next window, or raise api_rate_limiter_limit")
    if isinstance(error, AuthenticationError | ReauthorizationNeeded):
        advice = "Check user and password, and that Mautic's Configuration > API Settings allows HTTP basic auth"
        if "token" in credentials:
            advice = "Log in: mautic-async login"
        elif "client" in credentials:
            advice = "Check id and secret in Mautic's Settings > API Credentials, and their grant type"
        return Line("credentials", "problem", _with_advice(f"{credentials}: {reason}", advice))
    if isinstance(error, PermissionDenied):
        if any("API disabled" in problem.message for problem in error.problems) or "API disabled" in reason:
            return Line("API", "problem", "disabled. Enable it in Mautic's Configuration > API Settings")
        return Line("credentials", "problem", f"{credentials}: {reason}. Give the user's role access to the API")
    if isinstance(error, NotFound | UnexpectedResponse):
        return Line(
            "address", "problem", f"no Mautic API answers there: {reason}. MAUTIC_BASE_URL is the address without /api"
        )
    return Line("server", "problem", f"{reason}. Look into Mautic's logs (var/logs)")


def _with_advice(reason: str, advice: str) -> str:
    """Return *reason* with *advice*, unless the library's message has advice of its own."""
    return reason if "check " in reason.lower() else f"{reason.rstrip('.')}. {advice}"


def _address(base_url: str) -> Line:
    if urlsplit(base_url).scheme == "https":
        return Line("address", "ok", f"{base_url}, TLS with a trusted certificate")
    if is_loopback(urlsplit(base_url).hostname or ""):
        return Line("address", "ok", f"{base_url}, on this machine, without TLS")
    return Line("address", "warning", f"{base_url}, without TLS: credentials and contacts can be read on the way")


def _version(version: str | None) -> Line:
    if version is None:
        return Line("version", "warning", "not told (a proxy may remove the header Mautic-Version)")
    major = version.partition(".")[0]
    if major in {"5", "6", "7"}:
        return Line("version", "ok", version)
    return Line("version", "warning", f"{version}; the client is measured with 5.1 and 7.0")


def _credentials(kind: str, username: str, role: object) -> Line:
    name, is_admin = getattr(role, "name", None), getattr(role, "is_admin", None)
    rights = "all rights" if is_admin else "rights of its role"
    state: State = "warning" if kind.startswith("user and password") else "ok"
    advice = ". An OAuth2 client (client credentials) is much faster" if state == "warning" else ""
    return Line("credentials", state, f"{kind}, user {username}, role {name or 'unknown'} ({rights}){advice}")


def _rate_limit(mautic: Mautic) -> Line:
    status = mautic.rate_limit
    if status.limit is None:
        return Line("rate limiter", "ok", "off, or not told")
    state: State = "warning" if not status.remaining else "ok"
    return Line("rate limiter", state, f"{status.limit:,} calls an hour, {status.remaining or 0:,} left")


async def _batch_of_one(mautic: Mautic) -> Line:
    """Edit a contact that does not exist, which takes the way of a batch and changes nothing."""
    try:
        await mautic.call("PATCH", "contacts/batch/edit", body=[_absent(0)], repeatable=False)
    except PermissionDenied:
        return Line("contacts", "problem", "may not be edited by these credentials. Give the role the permission")
    except MauticError as error:
        return Line("contacts", "warning", f"a batch of one failed: {in_option_words(str(error))}")
    return Line("contacts", "ok", "may be edited in batches")


def _absent(number: int) -> dict[str, int | str]:
    return {"id": FIRST_ABSENT_ID + number, "firstname": "check"}


async def _batch_limit(mautic: Mautic) -> tuple[int, Line]:
    """Edit one absent contact more than a batch holds by default: Mautic names its limit."""
    rows = [_absent(number) for number in range(DEFAULT_BATCH_LIMIT + 1)]
    try:
        await mautic.call("PATCH", "contacts/batch/edit", body=rows, repeatable=False)
    except MauticError as error:
        match = _LIMIT.search(str(error))
        if match is None:
            return DEFAULT_BATCH_LIMIT, Line("batch limit", "warning", "not told; 200 rows is Mautic's default")
        limit = int(match[1])
        low = limit < DEFAULT_BATCH_LIMIT
        advice = f"; import with --batch {limit}, or raise api_batch_max_limit" if low else ""
        return limit, Line("batch limit", "warning" if low else "ok", f"{limit} rows{advice}")
    return DEFAULT_BATCH_LIMIT, Line("batch limit", "ok", f"more than {DEFAULT_BATCH_LIMIT} rows")


async def _custom_objects(mautic: Mautic) -> Line:
    try:
        if await mautic.custom_objects.available():
            aliases = [str(item.alias) async for item in mautic.custom_objects.iterate()]
            return Line("custom objects", "ok", ", ".join(aliases) or "none yet")
        page = await mautic.contacts.list(limit=30, include_custom_objects=True)
    except MauticError as error:
        return Line("custom objects", "warning", f"not to be seen: {in_option_words(str(error))}")
    if seen := {item.object for contact in page.items for item in contact.custom_items or ()}:
        return Line("custom objects", "ok", f"{', '.join(sorted(seen))} (seen in contacts; there is no /api/v2)")
    return Line(
        "custom objects", "warning", "not listed (no /api/v2 for these credentials), and no contact shows an item"
    )


async def _unique_fields(mautic: Mautic) -> Line:
    try:
        page = await mautic.contact_fields.list(limit=1000)
    except MauticError as error:
        return Line("unique fields", "warning", f"not to be seen: {in_option_words(str(error))}")
    unique = [str(item.alias) for item in page.items if item.is_unique_identifier]
    if "email" in unique:
        return Line("unique fields", "ok", ", ".join(unique))
    return Line("unique fields", "warning", f"{', '.join(unique) or 'none'}, but not e-mail: import with --unique")


def _clock(difference: float | None) -> Line:
    if difference is None:
        return Line("clock", "warning", "the server tells no time (a proxy may remove the header Date)")
    where = "ahead of" if difference > 0 else "behind"
    text = f"the server's is {abs(difference):.0f} s {where} this machine's"
    if abs(difference) < MAX_CLOCK_DIFFERENCE:
        return Line("clock", "ok", text)
    return Line("clock", "warning", f"{text}; set both by NTP")


def _times(small_call: float, batch_of_one: float) -> Line:
    text = f"{small_call:.2f} s for a small call, {batch_of_one:.2f} s for a batch of one"
    if max(small_call, batch_of_one) < SLOW_CALL:
        return Line("times", "ok", text)
    return Line("times", "warning", f"{text}: slow; look for a cold cache, a busy database, or debug mode")


def _bulk_choice(mautic: Mautic, limit: int) -> Line:
    options = BulkOptions(batch=min(limit, DEFAULT_BATCH_LIMIT))
    first = min(options.initial_batch, options.batch)
    text = (
        f"begins with {options.initial_concurrency} requests of {first} rows, at most {options.concurrency} of"
        f" {options.batch}, as fast as the server answers"
    )
    if mautic.rate_limit.limit:
        text += f"; at the rate limit at most {mautic.rate_limit.limit * options.batch:,} rows an hour"
    return Line("bulk job", "ok", text)
