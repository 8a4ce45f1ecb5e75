"""Bulk jobs on taskiq workers: the rows are split into shards, each shard is a task with a journal in Redis.

Needs the extra ``taskiq``, and the user's own broker, such as ``RedisStreamBroker`` of taskiq-redis::

    from mautic_async.taskiq import BulkTasks
"""

from __future__ import annotations

try:
    import redis.asyncio  # noqa: F401 - tells at once that the extra is missing
    import taskiq  # noqa: F401
except ModuleNotFoundError as error:  # pragma: no cover - the tests run it in an environment without taskiq
    raise ModuleNotFoundError(
        "mautic_async.taskiq needs taskiq and redis-py: pip install 'mautic-async[taskiq]'", name=error.name
    ) from None

from mautic_async.taskiq.jobs import FailedRow, ShardedJob, ShardStatus
from mautic_async.taskiq.tasks import BulkJobTask, BulkTasks

__all__ = ["BulkJobTask", "BulkTasks", "FailedRow", "ShardStatus", "ShardedJob"]
