"""All benchmarks, one after the other, and then all figures that have targets."""

from __future__ import annotations

import subprocess
import sys

from benchmarks import _measure

NAMES = ("startup", "decode", "encode", "overhead", "concurrency", "export", "bulk")

for name in NAMES:
    print(f"\n=== {name} ===", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *sys.argv[1:]], cwd=_measure.HOME, check=True)
