"""Sharded jobs in one process, on taskiq's broker in memory; `tests.stress.fleet` has real workers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from taskiq import InMemoryBroker

from mautic_async import BasicAuth, BulkOptions, Company, Contact, Mautic
from mautic_async.errors import ConfigurationError, MauticError
from mautic_async.taskiq import BulkTasks
from mautic_async.testing import FakeMautic
from tests.support.redis_server import RedisServer


@pytest.fixture
async def tasks(redis_server: RedisServer, fake_mautic: FakeMautic) -> AsyncIterator[BulkTasks]:
    def connect(tenant: str) -> Mautic:
        if tenant == "wrong":
            return Mautic(fake_mautic.url, auth=BasicAuth("admin", "wrong"), transport=fake_mautic.transport)
        return Mautic(fake_mautic.url, auth=fake_mautic.auth, transport=fake_mautic.transport)

    broker = InMemoryBroker(await_inplace=False)
    tasks = BulkTasks(broker, redis_server.url, connect=connect, lease=0.5)
    await broker.startup()
    yield tasks
    await broker.wait_all()  # a shard writes its last report after the job has ended
    await broker.shutdown()
    await tasks.aclose()


def upsert(mautic: Mautic, rows: Any, journal: Any) -> Any:
    return mautic.contacts.bulk_upsert(rows, journal=journal, options=BulkOptions(batch=20))


async def test_bulk_job_stores_all_rows_and_lists_refused_ones(tasks: BulkTasks, fake_mautic: FakeMautic) -> None:
    store = tasks.bulk_job(upsert)
    rows = [Contact(email=f"c{number}@a.example", firstname=f"N{number}") for number in range(100)]
    job = await store.start([*rows, Contact(email="no address")], job="whole", shards=3)
    report = await job.report(timeout=30)
    assert (report.created, report.rejected, report.read) == (100, 1, 101)
    assert {shard.state for shard in await job.status()} == {"done"}
    (failed,) = [it async for it in tasks.job("whole").failures()]
    assert (failed.row.email, failed.status) == ("no address", "rejected")
    assert failed.reasons
    assert len(fake_mautic.contacts) == 100


async def test_bulk_job_keeps_rows_of_one_contact_in_one_shard_and_in_order(
    tasks: BulkTasks, fake_mautic: FakeMautic
) -> None:
    store = tasks.bulk_job(upsert)
    rows = [
        Contact(email=email, firstname=f"N{number}") for number in range(20) for email in ("a@x.example", "A@x.example")
    ]
    report = await (await store.start(rows, job="order", shards=4)).report(timeout=30)
    assert report.ok
    (contact,) = fake_mautic.contacts
    assert contact["fields"]["firstname"] == "N19"


async def test_bulk_job_of_another_model_gets_its_rows(tasks: BulkTasks, fake_mautic: FakeMautic) -> None:
    def store_companies(mautic: Mautic, rows: Any, journal: Any) -> Any:
        return mautic.companies.bulk_upsert(rows, journal=journal)

    store = tasks.register(store_companies, Company)
    job = await store.start([Company(companyname="Acme")], job="firms", shards=1, shard_by=lambda row: row.companyname)
    assert (await job.report(timeout=30)).created == 1


async def test_a_failed_shard_says_why_and_resume_runs_it_again(tasks: BulkTasks) -> None:
    job = await tasks.bulk_job(upsert).start([Contact(email="a@x.example")], job="wrong", tenant="wrong", shards=1)
    with pytest.raises(MauticError, match="1 of 1 shards failed: AuthenticationError"):
        await job.report(timeout=30)
    await job.resume()
    with pytest.raises(MauticError, match="1 of 1 shards failed"):
        await job.report(timeout=30)


async def test_cancel_before_a_shard_runs_leaves_its_rows_unsent(tasks: BulkTasks, fake_mautic: FakeMautic) -> None:
    store = tasks.bulk_job(upsert)

    async def rows() -> AsyncIterator[Contact]:
        yield Contact(email="a@x.example")
        await tasks.job("stop").cancel()

    job = await store.start(rows(), job="stop", shards=1)
    assert (await job.report(timeout=30)).read == 0
    assert [shard.state for shard in await job.status()] == ["cancelled"]
    assert not fake_mautic.contacts
    await job.resume()
    assert (await job.report(timeout=30)).created == 1


async def test_start_refuses_bad_rows_and_used_names(tasks: BulkTasks) -> None:
    store = tasks.bulk_job(upsert)
    with pytest.raises(ConfigurationError, match="neither an e-mail address nor an id"):
        await store.start([Contact(email="a@x.example"), Contact(firstname="Ada")], job="keyless")
    with pytest.raises(ConfigurationError, match="no job keyless"):
        await tasks.job("keyless").status()
    await store.start([Contact(email="a@x.example")], job="keyless", shards=1)
    with pytest.raises(ConfigurationError, match="there is a job keyless already"):
        await store.start([], job="keyless")
    with pytest.raises(ConfigurationError, match="upsert is registered already"):
        tasks.bulk_job(upsert)
