"""What taskiq workers of the tests import: a broker on a real Redis, and one registered bulk job."""

from __future__ import annotations

import json
import os
from typing import Any

from taskiq_redis import RedisStreamBroker

from mautic_async import BulkOptions, ClientCredentials, Limits, Mautic, UniqueField
from mautic_async.redis import RedisRateLimitStore, RedisTokens
from mautic_async.taskiq import BulkTasks

REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:1")
TENANTS: dict[str, dict[str, str]] = json.loads(os.environ.get("TEST_TENANTS", "{}"))
"""Address and credentials by tenant."""
LEASE = 2.0

broker = RedisStreamBroker(REDIS, queue_name="mautic", consumer_group_name="mautic")


def connect(tenant: str) -> Mautic:
    site = TENANTS[tenant]
    auth = ClientCredentials(site["client_id"], site["client_secret"], tokens=RedisTokens(REDIS, name=tenant))
    limits = Limits(store=RedisRateLimitStore(REDIS, name=tenant))
    return Mautic(site["url"], auth=auth, limits=limits)


tasks = BulkTasks(broker, REDIS, connect=connect, lease=LEASE)


@tasks.bulk_job
def store_customers(mautic: Mautic, rows: Any, journal: Any) -> Any:
    return mautic.contacts.bulk_upsert(
        rows,
        journal=journal,
        match_items=UniqueField("order-number"),
        options=BulkOptions(batch=50, reconcile_after=2.0),
    )
