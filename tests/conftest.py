"""What all tests have: the `fake_mautic` fixture, as users get it from the plugin's entry point, and virtual time.

The entry point itself is switched off in `pyproject.toml`: it would import the package before its coverage is measured.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping

import hypothesis
import pytest

from tests.support.sizes import sized

pytest_plugins = ["mautic_async.testing.plugin", "tests.support.redis_server"]

# No deadline for an example: on a busy machine it would fail tests of other things than speed.
hypothesis.settings.register_profile("mautic_async", deadline=None, max_examples=sized(30, 100), print_blob=True)
hypothesis.settings.load_profile("mautic_async")


def pytest_configure(config: pytest.Config) -> None:
    """Declare the mark of tests that run on virtual time, and let Ctrl-C reach the processes that tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell in the background ignores it for its children
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line(
        "markers", "virtual_time: run this asynchronous test on a loop that jumps to the next timer"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Return 0 where files or tests are named: starting workers takes longer than a few of them."""
    return 0 if config.invocation_params.args and config.args_source is config.ArgsSource.ARGS else os.cpu_count()


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Return the one event loop an asynchronous test runs on: a virtual one where the test is marked so."""
    if item.get_closest_marker("virtual_time") is None:
        return {"asyncio": asyncio.new_event_loop}
    # Imported here: at the top, this would import the package before its coverage is measured.
    from mautic_async.testing.virtual_time import VirtualLoop

    return {"virtual": VirtualLoop}
