"""The pages of the reference: every public name stands on one of them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import attrs

import mautic_async
from mautic_async import models
from mautic_async.resources import _namespaces
from mautic_async.resources._base import Namespace
from tests.support.samples import SAMPLES

TOPICS: Mapping[str, tuple[str, str, Sequence[str]]] = {
    "client": (
        "The client",
        "[A first program](../index.md#a-first-program) uses it.",
        ["Mautic", "Timeouts", "fast_transport", "Clock", "ResultPage"],
    ),
    "auth": (
        "Credentials and tokens",
        "[Authentication](../guide/authentication.md) has programs for each.",
        [
            *("ClientCredentials", "AuthorizationCode", "BasicAuth", "Auth"),
            *("Token", "TokenStore", "FileTokens", "MemoryTokens", "Secret"),
        ],
    ),
    "rate-limits": (
        "Rate limits",
        "[Rate limits](../guide/rate-limits.md) has programs for one process and for several.",
        ["Limits", "bulk.RateLimitStatus", "RateLimitStore", "FileRateLimitStore", "RateLimitState"],
    ),
    "bulk": (
        "Bulk jobs",
        "[Bulk jobs](../guide/bulk-jobs.md) is the tutorial.",
        [
            *("BulkJob", "BulkOptions", "BulkReport", "Outcome", "Progress", "Journal", "merge_rows"),
            *("UniqueField", "LookupField", "LookupName", "read_dead_letters"),
            *("bulk.DeadLetter", "bulk.BulkAdapter", "bulk.EncodedRow", "bulk.WorkItem", "bulk.BatchResult"),
            *("bulk.RowResult", "bulk.Facts", "bulk.Status", "bulk.Pending", "bulk.TimelinePoint"),
        ],
    ),
    "errors": (
        "Errors",
        "[Errors](../guide/errors.md) says what to do about each.",
        [
            *("MauticError", "ConfigurationError", "TransportError", "UnexpectedResponse", "OutcomeUnknown"),
            *("Unavailable", "DeadlineExceeded", "ReauthorizationNeeded", "APIError", "AuthenticationError"),
            *("PermissionDenied", "NotFound", "Rejected", "RateLimited", "ServerError", "Problem", "ValueNotKept"),
        ],
    ),
    "sync": (
        "Synchronisation of sets and changes",
        "[Keeping Mautic in step](../guide/sync.md) has programs.",
        ["SyncState", "SetReport", "EntityIterator"],
    ),
    "blocking": (
        "Without asyncio",
        "[Coming from another client](../guide/coming-from.md) has a program.",
        ["blocking"],
    ),
    "integrations": (
        "Redis, taskiq, dlt",
        "[Several machines](../guide/several-machines.md) and [dlt](../guide/dlt.md) have programs.",
        ["redis", "taskiq", "dlt"],
    ),
    "where": ("Conditions", "[Conditions](../guide/read-and-write.md#conditions) has a program.", ["where"]),
    "observe": ("Events and spans", "[Observe](../guide/observe.md) has a program.", ["Event", "otel.spans"]),
    "webhooks": ("Webhooks", "[Webhooks](../guide/webhooks.md) has a program.", ["webhooks"]),
    "testing": ("Testing", "[Testing](../guide/testing.md) has programs.", ["testing"]),
}
"""Title, where to find an example, and names, by page. A module stands for all its public names."""

MODULES = ("where", "webhooks", "testing", "redis", "taskiq", "dlt")
"""Modules that a page shows whole."""
EXTRAS = ("redis", "taskiq", "dlt")
"""Modules that need an extra."""
VALUES = (
    "UNSET",
    "Unset",
    "Maybe",
    "JSON",
    "Ref",
    "Entity",
    "Published",
    "FromServer",
    "ToServer",
    "Nested",
    "PlainPassword",
)
"""What all models share; on a page of its own."""


def public_names() -> list[str]:
    """Return all public names of the package and of its public modules, dotted from the package."""
    names = [*mautic_async.__all__, *(qualified(name) for name in models.__all__ if name not in mautic_async.__all__)]
    for module in ("bulk", "webhooks", "testing", "sync", *EXTRAS):
        names += [f"{module}.{name}" for name in exported(module) if name not in mautic_async.__all__]
    return names


def qualified(name: str) -> str:
    """Return where a name is public: in the package itself, or in its models."""
    return f"models.{name}" if name in models.__all__ and name not in mautic_async.__all__ else name


@cache
def exported(module: str) -> Sequence[str]:
    """Return ``__all__`` of a module of the package, read from its text: its extra may not be installed."""
    path = Path(mautic_async.__file__).parent / module / "__init__.py"
    for node in ast.parse(path.read_text("utf-8")).body if path.exists() else ():
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return ()


@cache
def namespaces() -> Mapping[str, type[Namespace]]:
    """Return the class of each namespace by the client's property."""
    from mautic_async import resources

    found = {}
    for name, prop in vars(_namespaces.Namespaces).items():
        if hasattr(prop, "func"):
            kind = prop.func.__annotations__["return"].removeprefix("resources.").partition("[")[0]
            found[name] = getattr(resources, kind)
    return found


def module_of(name: str) -> str:
    """Return the last part of the module of a model."""
    return str(getattr(models, name).__module__).rpartition(".")[2]


@cache
def models_of_namespaces() -> Mapping[str, Sequence[str]]:
    """Return the models that stand on the page of each namespace: those of the modules that its methods name."""
    homes: dict[str, str] = {}
    for namespace, kind in namespaces().items():
        endpoint = getattr(kind, "endpoint", None) or getattr(kind, "_endpoint", None)
        model = getattr(endpoint, "model", None)
        if isinstance(model, type):
            homes.setdefault(model.__module__.rpartition(".")[2], namespace)
    found: dict[str, list[str]] = {name: [] for name in namespaces()}
    for name in models.__all__:
        if name in VALUES or not inspect.isclass(getattr(models, name)):
            continue
        home = homes.get(module_of(name)) or HOMES.get(module_of(name))
        if home in found:
            found[home].append(name)
    return found


HOMES = {
    "activity": "contacts",
    "canvas": "campaigns",
    "campaign_event": "campaign_events",
    "custom_item": "contacts",
    "ip_address": "contacts",
    "membership": "contacts",
    "preference": "contacts",
    "utm": "contacts",
    "field": "contact_fields",
    "submission": "forms",
    "report_result": "reports",
    "stat": "stats",
    "custom_object": "custom_objects",
    "file": "files",
    "project": "projects",
    "theme": "themes",
}
"""The namespace of models whose module none has as its own."""


def placed() -> set[str]:
    """Return the names that stand on a page of their own topic or noun."""
    found = {name for _, _, names in TOPICS.values() for name in names} | {qualified(name) for name in VALUES}
    found |= {f"{name}.{inner}" for name in MODULES for inner in exported(name)}
    for names in models_of_namespaces().values():
        found |= {qualified(name) for name in names}
    return found


def directive(name: str, *, level: int = 2, members: bool = True) -> str:
    """Return the lines that show one name."""
    options = [f"      heading_level: {level}"]
    if not members:
        options.append("      members: false")
    return f"::: mautic_async.{qualified(name)}\n    options:\n" + "\n".join(options) + "\n"


def pages() -> Iterator[tuple[str, str, str]]:
    """Yield the address, the title and the text of each page."""
    for page, (title, example, names) in TOPICS.items():
        text = "\n".join(directive(name) for name in names)
        yield f"reference/{page}.md", title, f"# {title}\n\n{example}\n\n{text}"
    for name, kind in namespaces().items():
        yield f"reference/nouns/{name}.md", f"mautic.{name}", noun(name, kind)
    rest = sorted(set(public_names()) - placed())
    text = "\n".join(directive(name, members=False) for name in [*VALUES, *rest] if _is_documented(name))
    yield "reference/values.md", "Shared types", f"# Shared types\n\n{SHARED}\n\n{text}"
    yield "reference/index.md", "Overview", index()


SHARED = """What the models of all nouns share. [Reading and writing](../guide/read-and-write.md) uses them.

- `UNSET` marks an attribute that was never mentioned: it is not sent. `Maybe[T]` is the type of such an attribute.
- `JSON` is any value that JSON can hold. `Ref[T]` is an entity, or only its id. `FieldValue` is what a field can hold.
- `FromServer[T]` is the type of an attribute that Mautic alone sets, `ToServer[T]` of one that is only sent.
- `StatRow` is a row of a statistics table: texts by column.
"""


def _is_documented(name: str) -> bool:
    value = getattr(mautic_async, name, None) or getattr(models, name.removeprefix("models."), None)
    return inspect.isclass(value) or inspect.isfunction(value)


def noun(name: str, kind: type[Namespace]) -> str:
    """Return the page of one namespace: an example, its methods, its models."""
    lines = [f"# mautic.{name}\n", example(name, kind)]
    lines.append(f"::: {kind.__module__}.{kind.__qualname__}\n    options:\n      inherited_members: true\n")
    lines += [directive(model, members=False) for model in models_of_namespaces()[name]]
    return "\n".join(lines)


def example(name: str, kind: type[Namespace]) -> str:
    """Return a short program for a namespace; `tests/test_reference.py` runs it."""
    program = program_of(name, kind)
    if not program:
        return "[Reading and writing](../../guide/read-and-write.md) shows how namespaces are used.\n"
    return f"```python\n{program}```\n\n[Reading and writing](../../guide/read-and-write.md) has more programs.\n"


FIXED_NEEDS = {
    "notes": 'host = await mautic.contacts.create(Contact(email="host@example.com"))',
    "devices": 'host = await mautic.contacts.create(Contact(email="host@example.com"))',
}
"""What must be there before an entity of these namespaces can be created."""
READ_ONLY_EXAMPLE = {"campaigns", "point_triggers", "users"}
"""Namespaces whose entities refer to others in more lines than an example should have."""


def program_of(name: str, kind: type[Namespace]) -> str:
    """Return a program that creates, lists and deletes an entity, or only lists; nothing where that needs arguments."""
    model = getattr(getattr(kind, "endpoint", None), "model", None)
    imports, lines = ["Mautic"], []
    if isinstance(model, type) and model in SAMPLES and hasattr(kind, "create") and name not in READ_ONLY_EXAMPLE:
        entity = source(SAMPLES[model], imports)
        if name in FIXED_NEEDS:
            imports.append("Contact")
            lines.append(FIXED_NEEDS[name])
            entity = entity.replace("contact=1", "contact=host.id")
        lines.append(f"created = await mautic.{name}.create({entity})")
    if hasattr(kind, "iterate") and not _required(kind.iterate):
        lines += [f"async for found in mautic.{name}.iterate():", "    print(found)"]
    elif method := next((one for one in ("list", "get", "types") if hasattr(kind, one)), None):
        if _required(getattr(kind, method)):
            return ""
        lines.append(f"print(await mautic.{name}.{method}())")
    if len(lines) > 1 and "created" in "".join(lines):
        lines.append(f"await mautic.{name}.delete(created.id)")
    body = "\n".join(f"        {line}" for line in lines)
    at_root = set(imports) & set(mautic_async.__all__)
    lines_of_imports = [f"from mautic_async import {', '.join(sorted(at_root))}\n"]
    if others := sorted(set(imports) - at_root):
        lines_of_imports.append(f"from mautic_async.models import {', '.join(others)}\n")
    return (
        f"import asyncio\n\n{''.join(lines_of_imports)}\n\nasync def main() -> None:\n"
        f"    async with Mautic.from_env() as mautic:\n{body}\n\n\nasyncio.run(main())\n"
        if lines
        else ""
    )


def _required(function: Callable[..., object]) -> bool:
    """Return True if *function* cannot be called without arguments."""
    parameters = list(inspect.signature(function).parameters.values())[1:]
    return any(one.default is one.empty and one.kind not in {one.VAR_KEYWORD, one.VAR_POSITIONAL} for one in parameters)


def source(value: object, imports: list[str]) -> str:
    """Return the expression that makes *value*, and add the classes that it names to *imports*."""
    if isinstance(value, list):
        return f"[{', '.join(source(item, imports) for item in value)}]"
    kind: Any = type(value)
    if not attrs.has(kind):
        return f'"{value}"' if isinstance(value, str) else repr(value)
    given = {
        field.name: getattr(value, field.name)
        for field in attrs.fields(kind)
        if getattr(value, field.name) not in (models.UNSET, None, {}, field.default)
    }
    if not given.get("id", True):
        del given["id"]
    if given.keys() == {"id"}:
        return repr(given["id"])  # a reference
    imports.append(type(value).__name__)
    return f"{type(value).__name__}({', '.join(f'{name}={source(item, imports)}' for name, item in given.items())})"


def index() -> str:
    """Return the first page of the reference: every public name, and where it stands."""
    lines = ["# Reference\n", "Every public name, generated from the code.\n", "| name | page |", "| --- | --- |"]
    places: dict[str, str] = {}
    for page, (_, _, names) in TOPICS.items():
        for name in names:
            places[name] = f"{page}.md"
            places |= {f"{name}.{inner}": f"{page}.md" for inner in exported(name) if name in MODULES}
    for namespace, names in models_of_namespaces().items():
        places |= {qualified(name): f"nouns/{namespace}.md" for name in names}
    for name in sorted(public_names(), key=str.lower):
        place = places.get(name, "values.md")
        lines += [f"| `{name}` | [{place.removesuffix('.md')}]({place}) |"]
    lines += ["", "## Namespaces of the client", "", "| namespace | holds |", "| --- | --- |"]
    for namespace in namespaces():
        prop = vars(_namespaces.Namespaces)[namespace]
        lines.append(
            f"| [`mautic.{namespace}`](nouns/{namespace}.md) | {(inspect.getdoc(prop) or '').splitlines()[0]} |"
        )
    return "\n".join(lines) + "\n"
