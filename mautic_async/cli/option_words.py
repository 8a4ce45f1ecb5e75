"""Messages of the library in the words of the command line: its options instead of Python's parameters."""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final = [
    (r"\bask for clear=['\"]patch['\"], which", "give --clear-empty, which"),
    (r"\bclear=['\"]?patch['\"]?", "--clear-empty"),
    (r"\bzeros=['\"]?drop['\"]?", "--zeros drop"),
    (r"; to allow that, \w+ without_key=['\"]create['\"]", ""),
    (r"\bmatch_items=?", "--item-unique or --item-marker"),
    (r"`?\bUniqueField\b`?", "--item-unique"),
    (r"`?\b(LookupField|LookupName)\b`?", "--item-marker"),
    (
        r"send (?:a person|the user) to `?authorization_url\(\)`?, then call `?Mautic\.authorize\(\)`?",
        "log in: mautic-async login",
    ),
    (r"\bbase URL\b", "base URL (MAUTIC_BASE_URL)"),
    (r"\bclient_id and client_secret\b", "MAUTIC_CLIENT_ID and MAUTIC_CLIENT_SECRET"),
    (r"\breconcile_after\b", "--reconcile-after"),
    (r"the run in it is finished; nothing is left to resume", "\\g<0>; to import the file again: --again"),
    (r"resume it, or give another file to begin anew", "go on with it: --resume, or give another file"),
    (r", or read the contact and replace\(\) it whole(, or use subtract_points\(\))?", ", or give --zeros drop"),
]
_COMPILED: Final = [(re.compile(pattern), replacement) for pattern, replacement in _WORDS]


def in_option_words(message: str) -> str:
    """Return *message* with the names of options in place of those of parameters, methods and classes."""
    for pattern, replacement in _COMPILED:
        message = pattern.sub(replacement, message)
    return message
