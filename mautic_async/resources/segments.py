"""Segments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from mautic_async import protocol
from mautic_async.bulk import Outcome
from mautic_async.models import Contact, Segment
from mautic_async.protocol import Effect
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources._membership import Membership, add_in_chunks


class Segments(Resource[Segment], Membership[Segment]):
    """Segments, which payloads call lists. Mautic: REST API, Segments."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint("segments", one="list", many="lists", model=Segment)

    async def add_contacts(self, id: int, contact_ids: Iterable[int]) -> list[Outcome[Contact]]:
        """Add several contacts, 200 a request.

        Returns:
            One outcome for each, in order: ``updated`` (it is a member now), or ``rejected`` (no contact has this id).

        Raises:
            NotFound: The segment does not exist.
            PermissionDenied: Not allowed, or the segment is not published.

        Mautic: REST API, Segments, Add contacts (POST /segments/ID/contacts/add).
        """
        ids = [protocol.validate_id(contact) for contact in contact_ids]
        return await add_in_chunks(
            self,
            ids,
            lambda chunk: self._build_call(
                "POST", Effect.IDEMPOTENT, protocol.validate_id(id), "contacts", "add", body={"ids": chunk}
            ),
        )
