"""What it costs to import the package and to start the command line, against ``import httpx``, in fresh processes."""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks import _measure

ROUNDS = 5 if _measure.QUICK else 21
WATCHED = ("httpx", "mautic_async.models", "mautic_async.models.contact", "authlib", "cattrs", "rich")
PROGRAMS = {
    "nothing": "pass",
    "import httpx": "import httpx",
    "import mautic_async": "import mautic_async",
    "Mautic, Contact, ClientCredentials": "from mautic_async import Mautic, Contact, ClientCredentials",
    "the same, and a client that is ready to send": (
        "from mautic_async import Mautic, Contact, ClientCredentials\n"
        "from mautic_async.transport.client import Timeouts, new_client\n"
        "new_client(Timeouts())\n"
    ),
    "mautic-async --help": (
        "import contextlib, io, sys\n"
        "sys.argv = ['mautic-async', '--help']\n"
        "from mautic_async.__main__ import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        "    main()\n"
    ),
}
TIMED = """
import sys, time
cpu = time.process_time()
{program}
cpu = time.process_time() - cpu
import json
print(json.dumps([cpu, [name for name in {watched!r} if name in sys.modules]]), file=sys.stderr)
"""


def once(program: str) -> tuple[float, list[str]]:
    source = TIMED.format(program=program, watched=WATCHED)
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=_measure.HOME, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    cpu, loaded = json.loads(done.stderr.splitlines()[-1])
    return cpu, loaded


def run() -> None:
    for program in PROGRAMS.values():
        once(program)  # compiles
    taken: dict[str, list[float]] = {}
    loaded: dict[str, list[str]] = {}
    for _ in range(ROUNDS):
        for name, program in PROGRAMS.items():
            cpu, loaded[name] = once(program)
            taken.setdefault(name, []).append(cpu)

    def ratio(name: str) -> float:
        pairs = zip(taken[name], taken["import httpx"], strict=True)
        return _measure.median([mine / theirs for mine, theirs in pairs])

    rows = [
        [name, f"{1000 * _measure.median(values):.0f}", f"{ratio(name):.2f}", ", ".join(loaded[name]) or "-"]
        for name, values in taken.items()
    ]
    _measure.table("start-up, CPU in fresh processes", ["program", "ms", "of import httpx", "loads"], rows)
    _measure.figure("startup: import mautic_async / import httpx", ratio("import mautic_async"), 1.35, least=False)
    names = "Mautic, Contact, ClientCredentials"
    _measure.figure(f"startup: {names} / import httpx", ratio(names), 1.35, least=False)
    heavy = [
        name for name in loaded["mautic-async --help"] if name == "httpx" or name.startswith("mautic_async.models")
    ]
    _measure.figure("startup: of httpx and the models, --help loads", len(heavy), 0, unit="", least=False)


if __name__ == "__main__":
    _measure.main(run)
