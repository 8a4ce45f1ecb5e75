"""The part of a resource that batches and bulk jobs use, so that they need not import `_base`, which uses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from mautic_async.models import Entity

if TYPE_CHECKING:
    from mautic_async.errors import Problem
    from mautic_async.pipeline import Pipeline
    from mautic_async.protocol import Call, Payload
    from mautic_async.resources._endpoint import Endpoint

E = TypeVar("E", bound=Entity)


class BatchResource(Protocol[E]):
    """A resource whose entities are sent in batches; `Resource` implements it."""

    endpoint: ClassVar[Endpoint[Any]]
    _model: type[E]
    _pipeline: Pipeline

    async def _send(self, call: Call) -> Payload: ...

    async def _existing(self, ids: Sequence[int]) -> dict[int, E]:
        """Return those of *ids* that exist."""

    def _after_read(self, entity: E, status: int | None) -> E:
        """Return *entity* with what only the status of its answer tells."""

    def _require_kind(self, entity: object) -> None:
        """Check that *entity* is of this namespace."""

    def _edit_body(self, entity: E) -> dict[str, Any]:
        """Return the body that edits an entity."""

    def _values_not_kept(self, body: Mapping[str, Any], stored: E) -> Sequence[Problem]:
        """Return the values of *body* that Mautic did not keep."""

    def _retry_hazards(self, row: E) -> Sequence[Problem]:
        """Return why an edit must not be sent twice."""
