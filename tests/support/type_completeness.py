"""Checks how much of the public API has types: ``python -m tests.support.type_completeness``.

pyright lists the public names whose types another type checker could infer differently, or not at all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

PACKAGE = "mautic_async"
LEAST = 0.98
"""Share of the public names that must have a known type."""


def main() -> None:
    """Print the share and the names without a known type; exit with status 1 if the share is below `LEAST`."""
    folder = Path(sys.executable).parent  # pyright asks the first python on the path where packages are
    environment = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(folder.parent)}
    command = [sys.executable, "-m", "pyright", "--verifytypes", PACKAGE, "--ignoreexternal", "--outputjson"]
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
    found = json.loads(output[output.index("{") :])["typeCompleteness"]
    for symbol in found["symbols"]:
        if symbol["isExported"] and (not symbol["isTypeKnown"] or symbol.get("isTypeAmbiguous")):
            print(symbol["name"], *[part["message"].splitlines()[0] for part in symbol["diagnostics"]][:1])
    share = found["completenessScore"]
    print(f"{share:.1%} of {sum(found['exportedSymbolCounts'].values())} public names have a known type")
    sys.exit(share < LEAST)


if __name__ == "__main__":
    main()
