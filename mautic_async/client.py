"""`Mautic`: builds the subsystems of a client, and owns their lifetime. Mautic: REST API, Getting started."""

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
from mautic_async.transport.base_url import parse_base_url
from mautic_async.transport.client import Timeouts, json_library_for, new_transport, resolve_transport
from mautic_async.transport.network import Network

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager
    from os import PathLike
    from types import TracebackType

    import httpx

    from mautic_async.auth.authorization_code import Auth
    from mautic_async.models import JSON
    from mautic_async.ratelimit.limiter import RateLimitStatus


class Mautic(Namespaces):
    """A client for one Mautic, on one event loop. Make one for each process, and share it.

    Args:
        base_url: The site: ``https://host``, also with a subfolder or ``/index.php``.
        auth: Credentials: `ClientCredentials`, `AuthorizationCode`, `BasicAuth`, or any object with their two methods.
        limits: Requests at once, the wait for the rate limit, and the pace of background work.
        timeouts: Time-outs in seconds.
        http: A ready ``httpx.AsyncClient``, which you keep and close. It brings its own TLS and proxy settings; set its
            pool to at least ``limits.concurrency`` connections.
        transport: An httpx transport for the client's own ``httpx.AsyncClient``, or `fast_transport()`.
        ca: PEM file, or folder, of the certificate authorities to trust instead of the public ones; None: those of
            ``SSL_CERT_FILE`` or ``SSL_CERT_DIR``, or else the public ones. Python 3.13 verifies strictly: an authority
            of your own needs the extensions Basic Constraints and Key Usage (both critical) and Subject Key Identifier,
            and the certificates that it signs need Authority Key Identifier.
        proxy: URL of an HTTP proxy, such as ``http://user:password@proxy.example.com:3128``; ``""``: none; None: that
            of ``HTTPS_PROXY`` or ``ALL_PROXY`` unless ``NO_PROXY`` names the host.
        insecure: Allow ``http://`` to a host that is not this machine.
        hooks: Callables that get an `Event` before and after each attempt, before each retry, and after each wait.
        clock: Time and randomness, for tests.

    Raises:
        ConfigurationError: The base URL is not one, or the settings would show the credentials to others than it.

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
        ca: str | PathLike[str] | None = None,
        proxy: str | None = None,
        insecure: bool = False,
        hooks: tuple[Hook, ...] = (),
        clock: Clock | None = None,
    ) -> None:
        if not callable(getattr(auth, "header", None)) or not callable(getattr(auth, "renew", None)):
            raise ConfigurationError(
                "auth must be ClientCredentials, AuthorizationCode, BasicAuth, or an object with header() and renew()"
            )
        settings = limits or Limits()
        transport = resolve_transport(transport, http)
        sender = new_transport(
            parse_base_url(base_url, insecure=insecure),
            timeouts or Timeouts(),
            http=http,
            transport=transport,
            network=Network(ca=ca, proxy=proxy),
        )
        self._pipeline = Pipeline(
            sender, auth, settings, clock or Clock(), json=json_library_for(transport), hooks=tuple(hooks)
        )

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **settings: Any) -> Self:
        """Return a client with the base URL and the credentials of the environment.

        The variables are ``MAUTIC_BASE_URL``, with ``MAUTIC_CLIENT_ID`` and ``MAUTIC_CLIENT_SECRET`` or with
        ``MAUTIC_USERNAME`` and ``MAUTIC_PASSWORD``.

        Args:
            environ: The variables; None: those of the process.
            **settings: Further arguments of `Mautic`.

        Raises:
            ConfigurationError: A variable is missing; the message names it.
        """
        variables = os.environ if environ is None else environ
        base = variables.get("MAUTIC_BASE_URL")
        if not base:
            raise ConfigurationError("MAUTIC_BASE_URL is not set; it must be like https://mautic.example.com")
        return cls(base, auth=_auth_from_env(variables), **settings)

    # --- any route -------------------------------------------------------------------------------------------

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: JSON = None,
        repeatable: bool | None = None,
    ) -> Any:
        """Call any route with the same retries, rate limit and credentials; JSON in and out.

        Args:
            method: HTTP verb.
            path: Path below ``/api/``, such as ``contacts`` or ``contacts/42/notes``.
            query: Parameters; nested values are written as PHP reads them:
                ``{"where": [{"col": "id", "expr": "gt", "val": 5}]}``.
            body: A JSON value.
            repeatable: Whether applying the call twice has the effect of once, so that it may be sent again after a
                lost response. None: True for DELETE, PATCH and GET, except a GET of ``.../send``.

        Returns:
            The parsed response.

        Raises:
            MauticError: The call failed.
            ConfigurationError: The path is not one below ``/api/``, or two rows of a batch edit have the same id or one
                has none: Mautic would write to the wrong entities.

        Mautic: REST API.
        """
        asked = Call(method.upper(), "", body=body)  # whose repr, in a traceback with locals, omits the body
        del body
        if asked.method not in _METHODS:
            raise ConfigurationError(f"method must be one of {', '.join(sorted(_METHODS))}")
        # Each segment is quoted, so that no value leaves ``/api/`` or adds a query parameter.
        clean = protocol.build_path(*path.removeprefix("/").removeprefix("api/").split("/"))
        # Mautic matches rows and entities by id: with a missing or repeated id it writes to the wrong entities.
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
        """Finish the log-in of `AuthorizationCode`: exchange the code from the browser's redirect for a token.

        Args:
            callback: The URL that Mautic redirected the browser to, or the bare code together with *state*.
            state: The state that came with a bare code.

        Raises:
            ConfigurationError: The client's credentials are of another kind, or the state is missing, unknown or old.
            AuthenticationError: Mautic refused the code.

        Mautic: REST API, Authorization (OAuth2).
        """
        callback, state = (
            AuthorizationHeader(callback),
            None if state is None else AuthorizationHeader(state),
        )  # a traceback with locals shows stars
        await self._pipeline.authorize(callback, state)

    @property
    def version(self) -> str | None:
        """Mautic's version, from the last response that named it; None before."""
        return self._pipeline.version

    @property
    def clock_difference(self) -> float | None:
        """Seconds by which the server's clock is ahead, to a second, from its last ``Date`` header; None before."""
        return self._pipeline.observations.clock_difference

    @property
    def rate_limit(self) -> RateLimitStatus:
        """The rate limit as it stands."""
        return self._pipeline.rate_limiter.status

    def deadline(self, seconds: float) -> AbstractAsyncContextManager[None]:
        """Give all calls inside ``async with mautic.deadline(20):`` that many seconds in total.

        A read ends at the deadline. A write that would take longer is not sent (`DeadlineExceeded`); one that was sent
        is not cut short, because Mautic would go on with it and its outcome would be unknown.
        """
        return self._pipeline.deadline(seconds)

    async def aclose(self) -> None:
        """Refuse new calls, wait up to ``timeouts.drain`` seconds for those in flight, close the connections."""
        await self._pipeline.aclose()

    async def __aenter__(self) -> Self:
        self._pipeline.bind_loop()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        """Return site, HTTP and JSON library, credentials (masked), version and traffic."""
        pipeline = self._pipeline
        parts = [
            *(repr(pipeline.transport), f"json={pipeline.json.name!r}", f"auth={pipeline.auth!r}"),
            *([f"version={pipeline.version!r}"] if pipeline.version else []),
            *(f"in_flight={pipeline.rate_limiter.in_flight}", f"waiting={pipeline.rate_limiter.waiting}"),
        ]
        return f"Mautic({', '.join(parts)})"


_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_EVENT_LOG_BATCH = "campaigns/events/batch/edit"
"""The one batch edit whose rows are identified by two other ids."""


def _infer_effect(verb: str, path: str, repeatable: bool | None) -> Effect:  # noqa: FBT001 - a setting handed on
    """Return the effect of applying a call twice: from *repeatable*, or else from verb and path."""
    # ``GET .../send`` sends a message to a contact, so it is not a read.
    reads = verb in {"GET", "HEAD", "OPTIONS"} and not path.endswith("/send")
    if repeatable is None:
        repeatable = reads or verb in {"PATCH", "DELETE"}
    if not repeatable:
        return Effect.NON_IDEMPOTENT
    return Effect.READ if reads else Effect.IDEMPOTENT


def _row_ids(call: Call) -> list[object]:
    if not isinstance(call.body, (list, tuple)):
        raise ConfigurationError("the body of a batch edit must be a list of objects, each with its id")
    ids = (row.get("id") if isinstance(row, dict) else None for row in call.body)
    # PHP takes the text "3" and the number 3 for the same id.
    return [int(id) if isinstance(id, str) and id.isdecimal() else id for id in ids]


def _auth_from_env(variables: Mapping[str, str]) -> Auth:
    client_id, secret = variables.get("MAUTIC_CLIENT_ID"), variables.get("MAUTIC_CLIENT_SECRET")
    # OAuth 2 is preferred: checking a password costs the server about 0.35 s for each request.
    if client_id and secret:
        return ClientCredentials(client_id, secret)
    username, password = variables.get("MAUTIC_USERNAME"), variables.get("MAUTIC_PASSWORD")
    if username and password:
        return BasicAuth(username, password)
    raise ConfigurationError(
        "no credentials: set MAUTIC_CLIENT_ID and MAUTIC_CLIENT_SECRET (OAuth2, much faster), or MAUTIC_USERNAME and"
        " MAUTIC_PASSWORD"
    )
