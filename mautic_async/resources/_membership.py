"""Memberships: adding contacts to segments, campaigns, companies and stages, and removing them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from mautic_async.bulk import Outcome
from mautic_async.errors import Problem, sanitize
from mautic_async.models import Entity
from mautic_async.protocol import Call
from mautic_async.resources import _responses
from mautic_async.resources._base import ReadOnlyResource
from mautic_async.resources._batch import MAX_BATCH_ROWS

E = TypeVar("E", bound=Entity)


class Membership(ReadOnlyResource[E]):
    """A namespace whose entities have contacts. Adding or removing a contact again changes nothing."""

    async def add_contact(self, id: int, contact_id: int) -> None:
        """Add the contact; nothing changes if it is a member already.

        Raises:
            NotFound: The entity or the contact does not exist.
            PermissionDenied: Not allowed; for a segment also that it is not published.

        Mautic: REST API, Add contact (POST /{path}/ID/contact/CONTACT_ID/add).
        """
        await self._send(self._member_call(id, "contact", contact_id, "add"))

    async def remove_contact(self, id: int, contact_id: int) -> None:
        """Remove the contact; nothing changes if it is no member.

        Raises:
            NotFound: The entity or the contact does not exist.
            PermissionDenied: Not allowed; for a segment also that it is not published.

        Mautic: REST API, Remove contact (POST /{path}/ID/contact/CONTACT_ID/remove).
        """
        await self._send(self._member_call(id, "contact", contact_id, "remove"))


async def add_in_chunks(
    resource: ReadOnlyResource[Any], ids: Sequence[int], build_call: Callable[[list[int]], Call]
) -> list[Outcome[Any]]:
    """Send *ids* in requests of 200; the answer tells of each whether it exists.

    Raises:
        MauticError: A request failed. The requests before it are done; sending all ids again is safe.
    """
    outcomes: list[Outcome[Any]] = []
    for chunk in (list(ids[offset : offset + MAX_BATCH_ROWS]) for offset in range(0, len(ids), MAX_BATCH_ROWS)):
        call = build_call(chunk)
        details = _responses.expect_mapping(call, await resource._send_for_body(call), "details")
        outcomes += [_detail_outcome(len(outcomes) + place, id, details.get(str(id))) for place, id in enumerate(chunk)]
    return outcomes


async def assign_in_chunks(
    ids: Sequence[int], send: Callable[[list[int]], Awaitable[tuple[Call, Any]]]
) -> list[Outcome[Any]]:
    """Send *ids* in requests of 200; the answer has a line for each contact.

    Raises:
        MauticError: A request failed. The requests before it are done; sending all ids again is safe.
    """
    outcomes: list[Outcome[Any]] = []
    for chunk in (list(ids[offset : offset + MAX_BATCH_ROWS]) for offset in range(0, len(ids), MAX_BATCH_ROWS)):
        call, body = await send(chunk)
        # By id, since the order of the lines is not documented.
        lines = {
            line.get("contactId"): line
            for line in _responses.expect_rows(call, _responses.expect_mapping(call, body).get("results"))
        }
        outcomes += [_line_outcome(len(outcomes) + place, id, lines.get(id)) for place, id in enumerate(chunk)]
    return outcomes


_FAILED_STATUSES: Final = frozenset({"failed", "failure", "error", "skipped", "denied", "not_found"})


def _line_outcome(index: int, id: int, line: Mapping[str, Any] | None) -> Outcome[Any]:
    if line is None:
        return _detail_outcome(index, id, None)
    # The status is a word or an HTTP status.
    status = line.get("status")
    if not status or str(status).lower() in _FAILED_STATUSES or (isinstance(status, int) and status >= 400):
        return Outcome(index, "rejected", id, (Problem(sanitize(str(line.get("message") or status)), "id"),))
    return Outcome(index, "updated", id)


def _detail_outcome(index: int, id: int, detail: Any) -> Outcome[Any]:
    if isinstance(detail, Mapping) and detail.get("success"):
        return Outcome(index, "updated", id)
    # No word about an id is no proof of either result.
    if detail is None:
        return Outcome(index, "unknown", id, (Problem("the answer does not say what became of it", "id"),))
    return Outcome(index, "rejected", id, (Problem("nothing has this id", "id", 404),))
