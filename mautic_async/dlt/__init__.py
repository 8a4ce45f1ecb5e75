"""Pipelines of dlt from and to Mautic: a source with incremental reads, and a destination that upserts.

Needs the extra ``dlt``, and what dlt needs for the other end of the pipeline, such as ``dlt[duckdb]``::

    from mautic_async.dlt import mautic_destination, mautic_source
"""

from __future__ import annotations

try:
    import dlt  # noqa: F401 - tells at once that the extra is missing
except ModuleNotFoundError as error:  # pragma: no cover - the tests run it in an environment without dlt
    raise ModuleNotFoundError("mautic_async.dlt needs dlt: pip install 'mautic-async[dlt]'", name=error.name) from None

from mautic_async.dlt.destination import RowsRefused, mautic_destination
from mautic_async.dlt.source import mautic_source

__all__ = ["RowsRefused", "mautic_destination", "mautic_source"]
