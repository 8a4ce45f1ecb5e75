"""The synchronous client: the same results, errors and iterators, also inside a running event loop."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mautic_async
from mautic_async import ConfigurationError, Contact, Mautic, NotFound
from mautic_async.testing import FakeMautic


@pytest.fixture
def site() -> Iterator[Any]:
    fake = FakeMautic()
    with mautic_async.blocking(Mautic(fake.url, auth=fake.auth, transport=fake.transport)) as mautic:
        yield mautic
    assert not [thread for thread in threading.enumerate() if thread.name == "mautic_async"]


def test_blocking_calls_return_results_and_raise_errors(site: Any) -> None:
    stored = site.contacts.create(Contact(email="ada@example.com"))
    assert site.contacts.get(stored.id).email == "ada@example.com"
    assert site.call("GET", f"contacts/{stored.id}")["contact"]["id"] == stored.id
    with pytest.raises(NotFound):
        site.contacts.get(999)
    assert site.rate_limit.in_flight == 0


def test_blocking_iterates_lazily_and_runs_bulk_jobs_to_their_end(site: Any) -> None:
    report = site.contacts.bulk_upsert(Contact(email=f"a{number}@example.com") for number in range(150))
    assert report.created == 150
    contacts = site.contacts.iterate(limit=50)
    assert next(contacts).email == "a0@example.com"
    contacts.close()
    assert len(list(site.contacts.iterate(limit=50))) == 150


async def test_blocking_works_inside_a_running_event_loop() -> None:
    fake = FakeMautic()
    with mautic_async.blocking(Mautic(fake.url, auth=fake.auth, transport=fake.transport)) as mautic:
        assert mautic.contacts.list().total == 0
    assert asyncio.get_running_loop().is_running()


def test_blocking_names_the_methods_for_completion_and_help(site: Any) -> None:
    assert "contacts" in dir(site)
    assert "upsert" in dir(site.contacts)
    assert site.contacts.get.__doc__
    assert repr(site).startswith("blocking(Mautic(")
    assert repr(site.contacts).startswith("blocking(<contacts of http")


def test_blocking_refuses_use_outside_its_block() -> None:
    fake = FakeMautic()
    mautic = mautic_async.blocking(Mautic(fake.url, auth=fake.auth, transport=fake.transport))
    with pytest.raises(ConfigurationError, match="inside `with blocking"):
        mautic.contacts.get(1)
    with mautic, pytest.raises(ConfigurationError, match="needs `async with`"):
        mautic.deadline(3)
    with pytest.raises(ConfigurationError, match="inside `with blocking"):
        mautic.contacts.get(1)
    with pytest.raises(ConfigurationError, match="make a new one"):
        mautic.__enter__()


def test_guide_for_users_of_other_clients_names_existing_methods() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs/guide/coming-from.md").read_text("utf-8")
    fake = FakeMautic()
    mautic = Mautic(fake.url, auth=fake.auth, transport=fake.transport)
    calls = re.findall(r"\| `mautic\.(\w+)\.(\w+)\(", text)
    assert len(calls) > 15
    for namespace, method in calls:
        assert callable(getattr(getattr(mautic, namespace), method)), method
