"""Send only the rows that differ from what an earlier job has stored."""

from mautic_async.sync.state import SyncState

__all__ = ["SyncState"]
