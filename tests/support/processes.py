"""Processes of a test that begin together."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterable


async def start_together(program: str, arguments: Iterable[tuple[str, ...]]) -> list[Process]:
    """A Python process for each of *arguments*, warnings being errors, once all have said that they are ready."""
    command = (sys.executable, "-W", "error", "-c", program)
    processes = [
        await asyncio.create_subprocess_exec(*command, *input_lines, stdin=PIPE, stdout=PIPE)
        for input_lines in arguments
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    return processes
