"""`Mautic`: builds the rooms, owns them, and names their doors.

Mautic: REST API, Getting started.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

from attrs import evolve

from mautic_async import protocol
from mautic_async.auth.authorization_code import BasicAuth, ClientCredentials
from mautic_async.auth.refresh import AuthorizationHeader
from mautic_async.clock import Clock
from mautic_async.errors import ConfigurationError
from mautic_async.events import Hook
from mautic_async.pipeline import Pipeline
from mautic_async.protocol import Call, Effect
from mautic_async.ratelimit.settings import Limits
from mautic_async.resources import _batch
from mautic_async.resources._namespaces import Namespaces
from mautic_async.transport.client import Timeouts, json_library_for, new_transport, parse_base_url, resolve_transport

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager
    from types import TracebackType

    import httpx

    from mautic_async.auth.authorization_code import Auth
    from mautic_async.models import JSON
    from mautic_async.ratelimit.limiter import RateLimiter


class Mautic(Namespaces):
    """A client for one Mautic, on one event loop. Make one for each process, and share it.

    Args:
        base_url: Of the site: ``https://host``, also with a subfolder or ``/index.php``.
        auth: Credentials: `ClientCredentials`, `AuthorizationCode`, `BasicAuth`, or any object with their two methods.
        limits: How many requests at once, how long to wait for the rate limit, and how to spread it.
        timeouts: In seconds.
        http: A ready ``httpx.AsyncClient``, which you keep and close. It brings its own TLS settings; set its pool
            to at least ``rate_limit.concurrency``.
        transport: An httpx transport for the client's own ``httpx.AsyncClient``, such as `fast_transport()`.
        insecure: Allow ``http://`` to a host that is not this machine.
        hooks: Called with an `Event` before and after each attempt, before each retry, and after each wait.
        clock: Time and chance, for tests.

    Raises:
        ConfigurationError: The base URL is not one, or would send credentials in the clear, or to anybody.

    Example:
        ::

            async with Mautic("https://mautic.example.com", auth=ClientCredentials("id", "secret")) as mautic:
                contact = await mautic.contacts.get(42)
    """

    def __init__(
        self,
        base_url: str,
        *,
        auth: Auth,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        http: httpx.AsyncClient | None = None,
        transport: object = None,
        insecure: bool = False,
        hooks: tuple[Hook, ...] = (),
        clock: Clock | None = None,
    ) -> None:
        if not callable(getattr(auth, "header", None)) or not callable(getattr(auth, "renew", None)):
            raise ConfigurationError(
                "auth must be ClientCredentials, AuthorizationCode, BasicAuth or have their methods"
            )
        settings = limits or Limits()
        transport = resolve_transport(transport, http)
        carrier = new_transport(
            parse_base_url(base_url, insecure=insecure),
            timeouts or Timeouts(),
            http=http,
            transport=transport,
        )
        self._pipeline = Pipeline(
            carrier, auth, settings, clock or Clock(), json=json_library_for(transport), hooks=tuple(hooks)
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **settings: Any) -> Self:
        """A client from the environment.

        Reads ``MAUTIC_BASE_URL`` with ``MAUTIC_CLIENT_ID`` and ``MAUTIC_CLIENT_SECRET``, or with ``MAUTIC_USERNAME``
        and ``MAUTIC_PASSWORD``.

        Args:
            environ: Instead of the process's own.
            **settings: As for `Mautic`.

        Raises:
            ConfigurationError: A variable is missing; the message names it.
        """
        given = os.environ if environ is None else environ
        base = given.get("MAUTIC_BASE_URL")
        if not base:
            raise ConfigurationError("MAUTIC_BASE_URL is not set; it must be like https://mautic.example.com")
        return cls(base, auth=_auth_from_env(given), **settings)

    # --- everything else -------------------------------------------------------------------------------------------

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: JSON = None,
        repeatable: bool | None = None,
    ) -> Any:
        """Any route, through the same pipeline; JSON in and out.

        Args:
            method: HTTP verb.
            path: Below ``/api/``, such as ``contacts`` or ``contacts/42/notes``.
            query: Nested values are written PHP's way: ``{"where": [{"col": "id", "expr": "gt", "val": 5}]}``.
            body: A JSON value.
            repeatable: Whether applying the call twice is the same as once, so that it may be repeated after a lost
                answer; by default DELETE, PATCH and GET are, but for a GET that sends something (``.../send``).

        Returns:
            The parsed answer.

        Raises:
            MauticError: It failed.
            ConfigurationError: The path is not one below ``/api/``, or a row of a batch edit has no id, or one has that
                of another: Mautic would write onto the wrong entities.

        Mautic: REST API.
        """
        asked = Call(method.upper(), "", body=body)  # which a traceback with locals does not show
        del body
        if asked.method not in _METHODS:
            raise ConfigurationError(f"a method is one of {', '.join(sorted(_METHODS))}")
        clean = protocol.build_path(*path.removeprefix("/").removeprefix("api/").split("/"))
        if clean.endswith("/batch/edit") and clean != _EVENT_LOG_BATCH:
            _batch.require_unique_ids(_row_ids(asked))
        call = evolve(
            asked,
            path=clean,
            effect=_infer_effect(asked.method, clean, repeatable),
            query=protocol.encode_query(query or {}),
            row_count=len(asked.body) if isinstance(asked.body, (list, tuple)) else 0,
            is_batch="batch" in clean,
            jsonld=clean.startswith("v2/"),
        )
        return (await self._pipeline.send(call)).body

    async def authorize(self, callback: str, state: str | None = None) -> None:
        """Finish the log-in of `AuthorizationCode`: exchange what the browser brought back for a token.

        Args:
            callback: The URL that the browser was sent to, or the bare code together with *state*.
            state: Only with a bare code.

        Raises:
            ConfigurationError: The client's credentials are of another kind, or the state is not one that was given
                out.
            AuthenticationError: Mautic refused the code.

        Mautic: REST API, Authorization (OAuth2).
        """
        callback, state = (
            AuthorizationHeader(callback),
            None if state is None else AuthorizationHeader(state),
        )  # discreet in a traceback
        await self._pipeline.authorize(callback, state)

    @property
    def version(self) -> str | None:
        """Mautic's version, from the last answer that told it; None before."""
        return self._pipeline.version

    @property
    def rate_limit(self) -> RateLimiter:
        """The rate limit as it stands: `limit`, `remaining`, `reset`, `waiting`, `in_flight`."""
        return self._pipeline.rate_limiter

    def deadline(self, seconds: float) -> AbstractAsyncContextManager[None]:
        """Give all calls inside ``async with mautic.deadline(20):`` that many seconds together.

        Reads end with it; a write that would not fit is not sent (`DeadlineExceeded`), and one that has left is not
        cut short, because Mautic would go on with it unseen.
        """
        return self._pipeline.deadline(seconds)

    async def aclose(self) -> None:
        """Refuse new calls, wait for those under way (``timeouts.drain`` seconds), close the connections."""
        await self._pipeline.aclose()

    async def __aenter__(self) -> Self:
        self._pipeline.bind_loop()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        """The site and what carries the bytes; never a credential."""
        return f"Mautic({self._pipeline.transport!r}, json={self._pipeline.json.name!r})"


_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})


_EVENT_LOG_BATCH = "campaigns/events/batch/edit"
"""The one batch edit whose rows are told apart by two other ids."""


def _infer_effect(verb: str, path: str, repeatable: bool | None) -> Effect:  # noqa: FBT001 - a setting handed on
    """What a repetition would do, as far as the verb tells, unless the caller says it."""
    reads = verb in {"GET", "HEAD", "OPTIONS"} and not path.endswith("/send")
    if repeatable is None:
        repeatable = reads or verb in {"PATCH", "DELETE"}
    if not repeatable:
        return Effect.NON_IDEMPOTENT
    return Effect.READ if reads else Effect.IDEMPOTENT


def _row_ids(call: Call) -> list[object]:
    if not isinstance(call.body, (list, tuple)):
        raise ConfigurationError("a batch edit takes a list of objects")
    ids = (row.get("id") if isinstance(row, dict) else None for row in call.body)
    return [int(id) if isinstance(id, str) and id.isdecimal() else id for id in ids]


def _auth_from_env(given: Mapping[str, str]) -> Auth:
    client_id, secret = given.get("MAUTIC_CLIENT_ID"), given.get("MAUTIC_CLIENT_SECRET")
    if client_id and secret:
        return ClientCredentials(client_id, secret)
    username, password = given.get("MAUTIC_USERNAME"), given.get("MAUTIC_PASSWORD")
    if username and password:
        return BasicAuth(username, password)
    raise ConfigurationError(
        "no credentials: set MAUTIC_CLIENT_ID and MAUTIC_CLIENT_SECRET (OAuth2, much faster), or MAUTIC_USERNAME and"
        " MAUTIC_PASSWORD"
    )
