"""Figure 18: twelve secrets go through the whole package, and twenty-five places are searched for them."""

import asyncio
import base64
import copy
import functools
import gc
import io
import json
import logging
import pickle
import pprint
import re
import traceback
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from mautic_async import (
    AuthorizationCode,
    BasicAuth,
    ClientCredentials,
    Contact,
    Event,
    FileTokens,
    Journal,
    Mautic,
    MauticError,
    MemoryTokens,
    Timeouts,
    Token,
)
from mautic_async.bulk.dead_letters import DeadLetters
from mautic_async.errors import Secret
from mautic_async.models import PlainPassword, User, Webhook
from mautic_async.otel import spans
from mautic_async.protocol import Call, Payload
from mautic_async.transport.aiohttp import AiohttpTransport
from mautic_async.transport.connection_pool import PooledTransport
from mautic_async.webhooks import WebhookRejected, Webhooks
from tests.support.raw_socket_server import RawSocketServer, serve_raw
from tests.support.scripted_server import RUNS_ON_FAST

CANARIES = {
    "password": "canary-pass-5f1c",
    "client secret": "canary-client-9ab2",
    "access token": "canary-access-77de",
    "refresh token": "canary-refresh-1c3a",
    "new access token": "canary-newaccess-b0b0",
    "new refresh token": "canary-newrefresh-e4e4",
    "authorization code": "canary-code-a1f7",
    "login state": "",  # made by the client
    "PKCE verifier": "",  # made by the client
    "header of one's own": "canary-own-header-3d3d",
    "webhook secret": "canary-webhook-8e21",
    "new user's password": "canary-user-42fa",
}
SURFACES = (
    *("repr", "str and format", "attributes", "asdict", "pprint", "pickle", "copies", "JSON"),
    *("error text", "error attributes", "error chain", "traceback", "traceback with locals", "exception group"),
    *("log of mautic_async", "log of httpx", "log of httpcore", "log of asyncio", "formatted log records"),
    *("hook events", "spans", "tasks in flight", "files", "metrics", "other headers and targets"),
)


class Search:
    """What was found in each place."""

    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {name: [] for name in SURFACES}
        self.secrets = dict(CANARIES)

    def add(self, surface: str, *texts: object) -> None:
        self.texts[surface].extend(str(text) for text in texts)

    def hits(self) -> list[tuple[str, str, str]]:
        """Secret, surface, and what stands around it."""
        found = []
        for secret, value in self.secrets.items():
            assert value, secret
            forms = [value, *(base64.b64encode(text.encode()).decode() for text in (value, f"ada:{value}"))]
            for surface, texts in self.texts.items():
                whole = "\n".join(texts)
                assert len(whole) > 10, f"nothing was searched: {surface}"
                places = [whole.index(form) for form in forms if form in whole]
                found += [(secret, surface, whole[max(0, place - 300) : place + 10]) for place in places[:1]]
        return found

    # --- places ----------------------------------------------------------------------------------------------------

    def thing(self, thing: Any) -> None:
        """An object that somebody may print, store or send somewhere."""
        self.add("repr", repr(thing), f"{thing!r:}", [thing], {"x": thing}, f"{(thing,)!a}")
        self.add("str and format", str(thing), f"{thing}", "%s %r" % (thing, thing), format(thing))  # noqa: UP031 - a way to print
        self.add("attributes", *dug(thing))
        self.add("pprint", pprint.pformat(thing), pprint.saferepr(thing))
        self.add("JSON", json.dumps({"x": thing}, default=str), json.dumps({"x": thing}, default=repr))
        if attrs.has(type(thing)):
            self.add("asdict", attrs.asdict(thing), attrs.astuple(thing))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            try:
                self.add("pickle", pickle.dumps(thing, protocol).decode("latin-1"))
            except Exception as error:  # noqa: BLE001 - what cannot be pickled cannot leak; its refusal may
                self.add("pickle", repr(error))
        for make in (copy.copy, copy.deepcopy):
            try:
                self.add("copies", repr(make(thing)), str(make(thing)))
            except Exception as error:  # noqa: BLE001 - the same
                self.add("copies", repr(error))

    def error(self, error: BaseException) -> None:
        assert error.__traceback__ is not None
        error.__traceback__ = error.__traceback__.tb_next  # the first frame is the test's own, which knows all
        self.add("error text", str(error), repr(error), error.args)
        self.add("error attributes", *dug(error), *map(repr, getattr(error, "problems", ())))
        cause: BaseException | None = error
        while cause is not None:
            self.add("error chain", repr(cause), str(cause), cause.__dict__, getattr(cause, "__notes__", ()))
            cause = cause.__cause__ or cause.__context__
        self.add("traceback", *traceback.format_exception(error))
        for compact in (True, False):
            told = traceback.TracebackException.from_exception(error, capture_locals=True, compact=compact)
            self.add("traceback with locals", *told.format())
        group = ExceptionGroup("together", [error]) if isinstance(error, Exception) else error
        told = traceback.TracebackException.from_exception(group, capture_locals=True)
        self.add("exception group", *told.format(), repr(group))

    def tasks(self) -> None:
        """What a debugger sees while requests are under way."""
        for task in asyncio.all_tasks():
            stack = io.StringIO()
            task.print_stack(file=stack)
            self.add("tasks in flight", repr(task), stack.getvalue(), repr(task.get_coro()))
            for frame in task.get_stack():
                if "/tests/" not in frame.f_code.co_filename:
                    self.add("tasks in flight", repr(frame), *map(repr, frame.f_locals.values()))

    def event(self, event: Event) -> None:
        self.add("hook events", event, *dug(event))
        self.tasks()

    def metrics(self, mautic: Mautic) -> None:
        self.add("metrics", mautic.version, *dug(mautic.rate_limit), repr(mautic.rate_limit))
        for name in ("limit", "remaining", "reset", "waiting", "in_flight"):
            self.add("metrics", name, getattr(mautic.rate_limit, name))


def dug(thing: Any, depth: int = 6, seen: set[int] | None = None) -> Iterator[str]:
    """The repr of every attribute, and of theirs; a secret's own text apart, which is there to be asked for."""
    seen = set() if seen is None else seen
    if id(thing) in seen or depth == 0 or isinstance(thing, (Secret, str, bytes, int, float, type, ModuleType)):
        return
    seen.add(id(thing))
    names = {name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())} | set(
        getattr(thing, "__dict__", ())
    )
    for name in sorted(names):
        value = getattr(thing, name, None)
        if name.startswith("__") or callable(value):
            continue
        yield f"{name}={value!r}"
        for inner in (
            value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple, set)) else [value]
        ):
            if type(inner).__module__.startswith("mautic_async"):
                yield from dug(inner, depth - 1, seen)


class Records(logging.Handler):
    """Every line of every logger, formatted with its traceback, and all attributes of its record."""

    def __init__(self, search: Search) -> None:
        super().__init__(logging.DEBUG)
        self._search = search
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s %(args)s"))

    def emit(self, record: logging.LogRecord) -> None:
        surface = f"log of {record.name.partition('.')[0]}"
        if surface in self._search.texts:
            self._search.add(surface, record.getMessage(), record.msg, record.args, vars(record))
        self._search.add("formatted log records", self.format(record))


# --- a server that says too much -----------------------------------------------------------------------------------


def reply(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def refused(code: int, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message, "details": []}]}).encode()


class Script:
    """Answers by path; what repeats the request's own credential does so in every way that a debug page may."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self.tokens: Iterator[tuple[str, bytes]] = iter(())

    async def __call__(self, head: bytes) -> AsyncIterator[bytes]:
        self._search.tasks()
        target = head.split(b" ")[1].decode()
        shown = re.sub(rb"(?i)\r\nauthorization: [^\r]*", b"", head).decode()
        self._search.add("other headers and targets", shown)
        sent = re.search(rb"(?i)\r\nauthorization: ([^\r]*)", head)
        credential = sent[1].decode() if sent else "none"
        if "/oauth/v2/token" in target:
            yield reply(*next(self.tokens))
        elif "/api/contacts/1" in target:
            yield reply("200 OK", b'{"contact": {"id": 1}}', "Mautic-Version: 5.1.1", "X-RateLimit-Limit: 9")
        elif "/api/contacts/3" in target:
            yield reply("403 Forbidden", refused(403, f"{credential} may not: {credential.partition(' ')[2]}"))
        elif "/api/contacts/4" in target:
            yield reply("404 Not Found", f"<pre>Authorization: {credential}</pre>".encode())
        elif "/api/contacts/5" in target:
            yield reply("302 Found", b"", "Location: /login")
        elif "/api/contacts/6" in target:
            yield reply("401 Unauthorized", refused(401, f"The access token {credential} is invalid."))
        elif "/api/segments/7" in target:
            yield reply("200 OK", f"<html>{credential}</html>".encode())
        elif "/api/hooks/9" in target:
            yield reply("200 OK", json.dumps({"hook": {"id": [9], "secret": CANARIES["webhook secret"]}}).encode())
        elif "/new" in target:
            yield b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"  # and then the connection breaks
        else:
            yield reply("200 OK", b"\xff" * 50, "Content-Encoding: gzip")


async def use(search: Search, mautic: Mautic, *first: Callable[[], Awaitable[object]]) -> None:
    """Calls that go well and ill."""
    calls: tuple[Callable[[], Awaitable[object]], ...] = (
        *first,
        lambda: mautic.contacts.get(1),
        lambda: mautic.contacts.get(3),
        lambda: mautic.contacts.get(4),
        lambda: mautic.contacts.get(5),
        lambda: mautic.contacts.get(6),
        lambda: mautic.call("DELETE", "segments/7"),
        lambda: mautic.call("DELETE", "segments/8", repeatable=False),
        lambda: mautic.users.create(
            User(
                username="x",
                first_name="x",
                last_name="x",
                email="x@example.com",
                role=1,
                plain_password=CANARIES["new user's password"],
            )
        ),
        *writing(mautic),
        lambda: mautic.call("POST", "users/new", body={"plainPassword": {"password": CANARIES["new user's password"]}}),
        lambda: mautic.call("GET", "contacts/0x/.."),
    )
    for call in calls:
        try:
            await call()
        except MauticError as error:
            search.error(error)
        search.metrics(mautic)
    search.thing(mautic)


def writing(mautic: Mautic) -> Iterator[Callable[[], Awaitable[object]]]:
    """What takes a secret inside an entity, refused by us or by the server."""
    password, secret = CANARIES["new user's password"], CANARIES["webhook secret"]
    unlike = PlainPassword(password, password + "x")
    full = functools.partial(User, username="x", first_name="x", last_name="x", email="x@example.com", role=1)
    hook, user = Webhook(id=3, name="x", webhook_url="https://a.example", secret=secret), full(id=3)
    for users in (
        [User(username="x", plain_password=password)],
        [full(plain_password=unlike)],
        [full(plain_password=password)] * 2,
    ):
        yield lambda users=users: mautic.users.create(users[0])  # type: ignore[misc]  # bound at once
        yield lambda users=users: mautic.users.create_many(users)  # type: ignore[misc]
        yield lambda users=users: mautic.users.edit(3, users[0])  # type: ignore[misc]
        yield lambda users=users: mautic.users.replace(3, users[0])  # type: ignore[misc]
        yield lambda users=users: mautic.users.edit_many([user, *users])  # type: ignore[misc]
    yield lambda: mautic.webhooks.create(hook)
    yield lambda: mautic.webhooks.create(Webhook(secret=secret))
    yield lambda: mautic.webhooks.edit(3, hook)
    yield lambda: mautic.webhooks.edit(-3, hook)
    yield lambda: mautic.webhooks.replace(3, hook)
    yield lambda: mautic.webhooks.get(9)  # and the answer tells it
    yield lambda: mautic.webhooks.create_many([hook, hook])
    yield lambda: mautic.webhooks.edit_many([hook, hook])
    yield lambda: mautic.webhooks.replace_many([hook])
    yield lambda: mautic.call("PATCH", "hooks/3/edit", body={"secret": secret})
    yield lambda: mautic.call("PATCH", "hooks/../edit", body={"secret": secret})
    yield lambda: mautic.call("PATCH", "hooks/batch/edit", body=[{"secret": secret}])
    yield lambda: mautic.call("POST", "hooks/new", body={"secret": secret, "x": float("nan")})


def granted(access: str, refresh: str | None) -> tuple[str, bytes]:
    return "200 OK", json.dumps({"access_token": access, "refresh_token": refresh, "expires_in": 3600}).encode()


def declined(word: str, *shown: str) -> tuple[str, bytes]:
    return "400 Bad Request", json.dumps({"error": word, "error_description": f"{word}: {' '.join(shown)}"}).encode()


# --- the four credentials ------------------------------------------------------------------------------------------


async def basic(search: Search, server: RawSocketServer, script: Script, **more: Any) -> None:
    auth = BasicAuth("ada", CANARIES["password"])
    async with Mautic(server.base, auth=auth, **more) as mautic:
        await use(search, mautic)
        search.thing(auth)


async def client_credentials(
    search: Search, server: RawSocketServer, script: Script, folder: Path, **more: Any
) -> None:
    store = FileTokens(folder / "token.json")
    auth = ClientCredentials("id", CANARIES["client secret"], tokens=store)
    script.tokens = iter(
        [
            declined("invalid_client", CANARIES["client secret"]),
            ("200 OK", f"<html>client_secret={CANARIES['client secret']}</html>".encode()),
            granted(CANARIES["new access token"], None),
            *[granted(CANARIES["access token"], None)] * 3,
            *[declined("invalid_client", CANARIES["client secret"])] * 30,
        ]
    )
    async with Mautic(server.base, auth=auth, **more) as mautic:
        for _ in range(2):
            try:
                await mautic.contacts.get(1)
            except MauticError as error:
                search.error(error)
            auth = ClientCredentials("id", CANARIES["client secret"], tokens=store)
            mautic._pipeline.auth = auth
        await use(search, mautic)
        search.thing(auth)
        search.thing(store)
        search.thing(await store.load())


async def authorization_code(search: Search, server: RawSocketServer, script: Script, **more: Any) -> None:
    held = Token(access=Secret(CANARIES["access token"]), refresh=Secret(CANARIES["refresh token"]), expires_at=1)
    store = MemoryTokens(held)
    auth = AuthorizationCode(
        "id", CANARIES["client secret"], redirect_uri="https://a.example/b", tokens=store, pkce=True
    )
    from urllib.parse import parse_qs, urlsplit

    state = parse_qs(urlsplit(auth.authorization_url(server.base)).query)["state"][0]
    again = parse_qs(urlsplit(auth.authorization_url(server.base)).query)["state"][0]
    (login, _) = auth._logins
    assert login.verifier is not None
    search.secrets |= {"login state": state, "PKCE verifier": login.verifier.reveal}
    code = CANARIES["authorization code"]
    new = granted(CANARIES["new access token"], CANARIES["new refresh token"])
    bad = [declined("invalid_grant", text, CANARIES["client secret"]) for text in (CANARIES["refresh token"], code)]
    bad += [declined("invalid_grant", CANARIES["new refresh token"], CANARIES["client secret"])] * 30
    script.tokens = iter([*bad[:2], new, *bad[2:]])
    search.thing(auth)
    search.thing(login)
    async with Mautic(server.base, auth=auth, **more) as mautic:
        await use(
            search,
            mautic,
            lambda: mautic.contacts.get(1),
            lambda: mautic.authorize(f"https://a.example/b?code={code}&state=wrong"),
            lambda: mautic.authorize(f"https://a.example/b?code={code}&state={state}"),
            lambda: mautic.authorize(f"https://a.example/b?code={code}&state={again}"),
            lambda: mautic.authorize(f"https://a.example/b?code={code}&state={again}"),
        )
        for thing in (auth, store, held, await store.load()):
            search.thing(thing)


class Own:
    """A credential that its user wrote, without a thought of secrecy."""

    async def header(self, _: object) -> str:
        return f"Bearer {CANARIES[chr(104) + 'eader of one' + chr(39) + 's own']}"

    async def renew(self, refused: str, _: object) -> None:
        pass


async def of_ones_own(search: Search, server: RawSocketServer, script: Script, **more: Any) -> None:
    async with Mautic(server.base, auth=Own(), **more) as mautic:
        await use(search, mautic)


def webhooks_in(search: Search) -> None:
    webhooks = Webhooks(CANARIES["webhook secret"], Secret(CANARIES["webhook secret"]))
    search.thing(webhooks)
    try:
        webhooks.read(b"{}", "wrong")
    except WebhookRejected as error:
        search.error(error)


def a_new_user(search: Search) -> None:
    user = User(username="x", plain_password=CANARIES["new user's password"])
    search.add("repr", repr(user), [user])
    search.add("str and format", str(user), f"{user}")
    hook = Webhook(name="x", secret=CANARIES["webhook secret"])
    search.add("repr", repr(hook), [hook], repr(Call("POST", "hooks/new", body={"secret": CANARIES["webhook secret"]})))
    search.add("repr", repr(Payload(200, {"hook": {"secret": CANARIES["webhook secret"]}})))
    search.add("str and format", str(hook), f"{hook}")


async def on_disk(search: Search, folder: Path) -> None:
    journal = Journal(folder / "job.db")
    await journal.open()
    await journal.close()
    letters = DeadLetters(folder / "letters.jsonl")
    letters.close()
    for path in folder.iterdir():
        if path.name != "token.json":  # that one is there to keep it
            search.add("files", path, path.read_bytes().decode("latin-1"))


async def test_secrets_are_found_in_no_output_of_any_method(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    """Figure 18."""
    search = Search()
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.set_exception_handler(lambda _, context: search.add("log of asyncio", context))
    root, handler, names = logging.getLogger(), Records(search), ("", "mautic_async", "httpx", "httpcore", "asyncio")
    before = {name: logging.getLogger(name).level for name in names}
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    root.addHandler(handler)
    script = Script(search)
    more: dict[str, Any] = {
        "hooks": (spans(provider.get_tracer("test")), search.event),
        "timeouts": Timeouts(connect=2.0, read=2.0, server=2.0),
    }
    try:
        async with serve_raw(script) as server:
            await basic(search, server, script, **more)
            await client_credentials(search, server, script, tmp_path, **more)
            await authorization_code(search, server, script, **more)
            await of_ones_own(search, server, script, **more)
        logging.getLogger("asyncio").debug("the end")
        webhooks_in(search)
        a_new_user(search)
        search.thing(Contact(id=1))
        await on_disk(search, tmp_path)
        gc.collect()
    finally:
        root.removeHandler(handler)
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)
    for span in kept.get_finished_spans():
        search.add("spans", span.to_json())
    out, err = capfd.readouterr()
    search.add("formatted log records", out, err, *(warning.message for warning in recwarn))
    if RUNS_ON_FAST:
        search.add("log of httpcore", "which is not in use: aiohttp is")
        search.add("log of httpx", "which is not in use: aiohttp is")
    assert len(SURFACES) == 25
    assert len(search.secrets) == 12
    hits = search.hits()
    with capfd.disabled():
        print(f"\nfigure 18: {len(search.secrets)} secrets x {len(SURFACES)} surfaces: {len(hits)} hits")
    assert not hits, "\n\n".join(" | ".join(hit) for hit in hits)


def test_secret_search_finds_planted_secrets() -> None:
    search = Search()
    search.secrets |= {"login state": "canary-state", "PKCE verifier": "canary-verifier"}
    for surface in SURFACES:
        search.add(surface, "x" * 20, *search.secrets.values())
    assert len(search.hits()) == 12 * 25


def test_secret_equals_only_itself_and_is_immutable() -> None:
    secret = Secret("hunter2")
    assert secret == Secret("hunter2")
    assert secret != Secret("hunter3")
    assert secret != "hunter2"
    assert len({secret, Secret("hunter2")}) == 1
    with pytest.raises(AttributeError):
        secret.reveal = "other"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert f"{secret} {secret!r} {secret!s:>5}" == "*** Secret('***')   ***"
    with pytest.raises(TypeError):
        pickle.dumps(secret)


REFLECTED = {
    "status line": b"HTTP/1.1 %s OK\r\n\r\n",
    "no status line": b"%s: yes\r\n\r\n",
    "header": b"HTTP/1.1 200 OK\r\n%s\r\nX\x00: %s\r\n\r\n",
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
    "chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n",
    "reason": b"HTTP/1.1 500 %s\r\nContent-Length: 0\r\n\r\n",
    "packing": b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: 0\r\n\r\n",
    "location": b"HTTP/1.1 302 Found\r\nLocation: http://%s/\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("form", REFLECTED.values(), ids=REFLECTED.keys())
@pytest.mark.parametrize("carrier", [PooledTransport, AiohttpTransport])
async def test_errors_do_not_quote_a_response_that_repeats_the_credential(carrier: type[Any], form: bytes) -> None:
    canary = CANARIES["header of one's own"]

    async def respond(head: bytes) -> AsyncIterator[bytes]:
        sent = re.search(rb"(?i)\r\nauthorization: Bearer ([^\r]*)", head)
        assert sent is not None
        yield form.replace(b"%s", sent[1])

    async with (
        serve_raw(respond) as server,
        Mautic(server.base, auth=Own(), transport=carrier(), timeouts=Timeouts(connect=1.0, read=1.0)) as mautic,
    ):
        with pytest.raises(MauticError) as found:
            await mautic.call("DELETE", "segments/7", repeatable=False)
    shown = "".join(traceback.format_exception(found.value))
    cause: BaseException | None = found.value
    while cause is not None:
        shown += f"{cause!r} {cause} {vars(cause)}"
        cause = cause.__cause__ or cause.__context__
    assert canary not in shown
