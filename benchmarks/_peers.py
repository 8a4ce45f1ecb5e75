"""Environments of other people's clients and codecs, made by uv in a temporary folder that is kept between runs."""

from __future__ import annotations

import functools
import hashlib
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import _measure


@functools.cache
def environment(*requirements: str) -> Path | None:
    """The Python of an environment with these packages, or None, said clearly, where they cannot be installed."""
    name = hashlib.sha256(" ".join([sys.version, *requirements]).encode()).hexdigest()[:12]
    home = Path(tempfile.gettempdir()) / f"mautic_async-benchmarks-{name}"
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    if (home / "complete").exists():
        return python
    uv = shutil.which("uv")
    command = [uv] if uv else [sys.executable, "-m", "uv"]
    try:
        run = functools.partial(subprocess.run, check=True, capture_output=True, text=True)
        run([*command, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)])
        run([*command, "pip", "install", "--quiet", "--python", str(python), *requirements])
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", None) or str(error)
        print(f"skipped: {', '.join(requirements)} cannot be installed: {reason.strip().splitlines()[-1]}")
        return None
    (home / "complete").touch()
    return python


def within(module: str, *requirements: str) -> bool:
    """Run *module* in an environment of its own, beside this package; False where that cannot be made."""
    python = environment(*requirements)
    if python is None:
        return False
    flags = ["--quick"] if _measure.QUICK else []
    subprocess.run([str(python), "-m", module, "inside", *flags], cwd=_measure.HOME, check=True)
    return True
