"""What the package's own text must not hold: code from data, other people's shells, slow patterns, chance that is none."""

import ast
import importlib
import itertools
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import define, field

import mautic_async
from mautic_async.codec import decode, encode
from mautic_async.models import UNSET, Entity, Maybe
from mautic_async.testing.php import parse_brackets, set_bracketed

ROOT = Path(mautic_async.__file__).parent
SOURCES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.py"))}
TREES = {name: ast.parse(text) for name, text in SOURCES.items()}

NO_IMPORTS = {
    *("pickle", "cPickle", "dill", "marshal", "shelve", "yaml", "ruamel", "toml", "xml", "lxml", "subprocess", "pty"),
    *("commands", "popen2", "ctypes", "cffi", "code", "codeop", "imp", "runpy", "telnetlib", "ftplib", "urllib3"),
    *("requests", "webbrowser", "jinja2", "jsonpickle", "authlib.integrations"),
}
NO_CALLS = {
    *("eval", "exec", "compile", "__import__", "input", "breakpoint", "execfile"),
    *(
        "os.system",
        "os.popen",
        "os.execv",
        "os.execve",
        "os.execvp",
        "os.spawnl",
        "os.spawnv",
        "os.startfile",
        "os.umask",
    ),
    *(
        "os.chmod",
        "os.tempnam",
        "asyncio.create_subprocess_shell",
        "asyncio.create_subprocess_exec",
        "urllib.request.urlopen",
    ),
    *(
        "logging.basicConfig",
        "logging.disable",
        "ssl._create_unverified_context",
        "sys.settrace",
        "sys.setrecursionlimit",
    ),
    *("warnings.simplefilter", "warnings.filterwarnings", "gc.disable", "signal.signal"),
}


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def nodes(kind: type[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, kind):
                yield f"{name}:{getattr(node, 'lineno', 0)}", node


def imported() -> Iterator[tuple[str, str]]:
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from ((f"{name}:{node.lineno}", alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield f"{name}:{node.lineno}", node.module


def test_package_imports_no_module_that_runs_code_from_data_or_programs() -> None:
    found = [
        (place, name)
        for place, name in imported()
        if name.partition(".")[0] in NO_IMPORTS or any(name.startswith(f"{bad}.") or name == bad for bad in NO_IMPORTS)
    ]
    assert found == []


def test_package_calls_no_function_that_runs_code_from_data_or_programs() -> None:
    calls = [(place, dotted(node.func)) for place, node in nodes(ast.Call) if isinstance(node, ast.Call)]
    found = [(place.partition(":")[0], name) for place, name in calls if name in NO_CALLS]
    assert set(found) <= {("codec/compiled.py", "exec")}  # text made of classes alone, as attrs makes its own


def test_compiled_codec_keeps_hostile_keys_inside_their_quotes() -> None:
    key = 'a\'] = 1\n    raise SystemExit\n    body[\'"""\\'

    @define(kw_only=True)
    class Odd(Entity):
        name: Maybe[str] = field(default=UNSET, metadata={"json": key})

    assert encode(Odd(name="x")) == {key: "x"}
    assert decode(Odd, {key: "y"}).name == "y"


def test_import_module_gets_only_names_of_this_package() -> None:
    """`import_module` gets constants, or names that begin with the package's own."""
    for place, node in nodes(ast.Call):
        if isinstance(node, ast.Call) and dotted(node.func).endswith("import_module"):
            if not node.args:  # the execute() of a Redis pipeline
                continue
            text = ast.unparse(node.args[0])
            assert re.match(r"f?'mautic_async\b", text), f"{place}: {text}"


def test_certificate_redirect_and_environment_switches_stay_fixed() -> None:
    allowed = {
        "verify": {"self._context", "context or httpx.create_ssl_context(trust_env=False)"},
        "trust_env": {"False"},
        "follow_redirects": {"False"},
        "shell": set(),
    }
    for place, node in nodes(ast.keyword):
        if isinstance(node, ast.keyword) and node.arg in allowed:
            assert ast.unparse(node.value) in allowed[node.arg], f"{place}: {node.arg}={ast.unparse(node.value)}"
    for place, node in nodes(ast.Attribute):
        assert isinstance(node, ast.Attribute)
        switches = {"CERT_NONE", "CERT_OPTIONAL", "verify_mode", "check_hostname", "_create_unverified_context"}
        assert node.attr not in switches, place


def test_random_is_imported_only_by_the_clock_and_virtual_time() -> None:
    users = {place.partition(":")[0] for place, name in imported() if name == "random"}
    assert users <= {"clock.py", *(name for name in SOURCES if name.startswith(("testing/", "cli/demo")))}


def test_sql_is_never_built_from_values() -> None:
    for place, node in nodes(ast.Call):
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in {
            "execute",
            "executemany",
            "executescript",
        }:
            if not node.args:  # the execute() of a Redis pipeline
                continue
            text = ast.unparse(node.args[0])
            built = isinstance(node.args[0], (ast.JoinedStr, ast.BinOp)) or ".format(" in text
            names = set(re.findall(r"\{(\w+)\}", text))
            assert not built or names <= {"SCHEMA", "marks"}, f"{place}: {text}"


def test_source_holds_no_password() -> None:
    suspicious = re.compile(r"(?i)(password|secret|token|api_?key)\s*=\s*[\"'][A-Za-z0-9+/_-]{16,}[\"']")
    assert [name for name, text in SOURCES.items() if suspicious.search(text) and not name.startswith("testing/")] == []


def test_product_modules_do_not_import_the_fakes() -> None:
    found = [
        (place, name)
        for place, name in imported()
        if name.startswith("mautic_async.testing") and not place.startswith(("testing/", "cli/", "__main__"))
    ]
    assert found == []


def test_secrets_are_never_compared_with_an_equals_sign() -> None:
    words = re.compile(r"\b(state|verifier|signature|digest|mac|given)\b")
    found = []
    for place, node in nodes(ast.Compare):
        assert isinstance(node, ast.Compare)
        if place.startswith(("auth/", "webhooks/")):
            sides = [ast.unparse(side) for side in (node.left, *node.comparators)]
            equal = any(isinstance(kind, (ast.Eq, ast.NotEq)) for kind in node.ops)
            found += [f"{place}: {side}" for side in sides if equal and words.search(side)]
    assert found == []


# --- patterns ------------------------------------------------------------------------------------------------------


Used = tuple["re.Pattern[str] | re.Pattern[bytes]", set[str]]


def modules() -> Iterator[str]:
    for found in pkgutil.walk_packages([str(ROOT)], "mautic_async."):
        if not found.name.endswith("__main__"):
            yield found.name


def compiled() -> dict[str, Used]:
    """Every pattern at the top of a module with what is done with it, and every one that is written into a call."""
    patterns: dict[str, Used] = {}
    for name in modules():
        module = importlib.import_module(name)
        calls = set(re.findall(r"\b(\w+)\.(\w+)\b", Path(str(module.__file__)).read_text(encoding="utf-8")))
        for key, value in vars(module).items():
            if isinstance(value, re.Pattern) and any(word == key for word, _ in calls):
                patterns[f"{value.pattern!r} in {name}.{key}"] = value, {use for word, use in calls if word == key}
    for place, node in nodes(ast.Call):
        text = (
            node.args[0] if isinstance(node, ast.Call) and dotted(node.func).startswith("re.") and node.args else None
        )
        ours = isinstance(node, ast.Call) and dotted(node.func) != "re.compile"
        if ours and isinstance(text, ast.Constant) and isinstance(node, ast.Call):
            pattern = re.compile(str(text.value))
            patterns[f"{text.value!r} in {place}"] = pattern, {dotted(node.func).removeprefix("re.")}
    return patterns


PATTERNS = compiled()
UNITS = [
    "a",
    "0",
    " ",
    "<",
    "@",
    "a@",
    '"',
    '"a',
    "\\",
    "-",
    ".",
    "a.",
    "%",
    "&a=",
    "[",
    "{",
    "\n",
    "\u202e",
    "/",
    ":",
    "1,",
    "<a",
    "=",
    "'",
]
SIZE = 100 * 1024
LIMIT = 0.010


def quickest(work: Callable[[], object]) -> float:
    times = []
    for _ in range(5):
        began = time.thread_time()
        work()
        times.append(time.thread_time() - began)
        if times[-1] < LIMIT:
            break
    return min(times)


def test_regular_expressions_are_collected() -> None:
    assert len(PATTERNS) > 10


@pytest.mark.parametrize("where", PATTERNS, ids=range(len(PATTERNS)))
def test_regular_expressions_take_at_most_10_ms_for_100_kib(where: str) -> None:
    pattern, uses = PATTERNS[where]
    assert uses <= {"match", "fullmatch", "search", "sub", "findall", "finditer", "split", "pattern"}
    methods = [getattr(pattern, use) for use in ("match", "fullmatch") if use in uses]
    methods += [pattern.search] if uses - {"match", "fullmatch", "pattern"} else []
    for unit, tail, size in itertools.product(UNITS, ("", "!", "\0"), (SIZE // 100, SIZE // 10, SIZE)):
        text = (unit * size)[: size - 1] + tail
        subject = text.encode() if isinstance(pattern.pattern, bytes) else text
        for use in methods:
            spent = quickest(lambda use=use, subject=subject: use(subject))  # type: ignore[misc]  # bound at once
            assert spent < LIMIT, f"{where}: {spent * 1000:.1f} ms for {unit!r}"


@pytest.mark.parametrize("name", ["a[", "[", "a]", "a[]", "a[b][", "][", "a.b "])
def test_set_bracketed_takes_at_most_10_ms_for_100_kib(name: str) -> None:
    text = "a" + (name * SIZE)[:SIZE]
    spent = quickest(lambda: set_bracketed({}, text, 1))
    assert spent < LIMIT, f"{spent * 1000:.1f} ms for {name!r}"


def test_parse_brackets_nests_as_php_and_drops_deeper_levels() -> None:
    assert parse_brackets("a[b[c]=1&d[]=2&d[]=3&e[x=4&f[g]h[i]=5") == {
        "a": {"b[c": "1"},
        "d": ["2", "3"],
        "e": "4",
        "f": {"g": {"i": "5"}},
    }
    assert parse_brackets("a" + "[b]" * 65 + "=1&c=2") == {"c": "2"}
    assert "b" in parse_brackets("a" + "[b]" * 64 + "=1")["a"]
