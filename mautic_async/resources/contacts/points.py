"""Points of contacts, in total and by point group.

Mautic: REST API, Contacts; Point groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeVar

from mautic_async import protocol
from mautic_async.errors import ConfigurationError
from mautic_async.models import Contact, GroupScore
from mautic_async.protocol import Effect
from mautic_async.resources import _responses
from mautic_async.resources._base import ReadOnlyResource

C = TypeVar("C", bound=Contact)


class ContactPoints(ReadOnlyResource[C]):
    """The points of contacts. Mautic: REST API, Contacts; Point groups."""

    async def add_points(self, id: int, points: int, *, event: str = "", action: str = "") -> None:
        """Add points to a contact.

        Args:
            id: Of the contact.
            points: Number of points, at least 1.
            event: Name of the event, for the log.
            action: Name of the action, for the log.

        Raises:
            NotFound: The contact does not exist.
            OutcomeUnknown: They may have been added; a repetition would add them twice.

        Mautic: REST API, Contacts, Add points (POST /contacts/ID/points/plus/POINTS).
        """
        await self._change_points(id, "plus", points, event, action)

    async def subtract_points(self, id: int, points: int, *, event: str = "", action: str = "") -> None:
        """Subtract points from a contact, also below zero. This can set points to 0, which an edit cannot.

        Raises:
            NotFound: The contact does not exist.
            OutcomeUnknown: They may have been subtracted; a repetition would subtract them twice.

        Mautic: REST API, Contacts, Subtract points (POST /contacts/ID/points/minus/POINTS).
        """
        await self._change_points(id, "minus", points, event, action)

    async def multiply_points(self, id: int, factor: int, *, event: str = "", action: str = "") -> None:
        """Multiply the points of a contact.

        Raises:
            NotFound: The contact does not exist.
            OutcomeUnknown: It may have been done; a repetition would do it twice.

        Mautic: REST API, Contacts, Points (POST /contacts/ID/points/times/FACTOR).
        """
        await self._change_points(id, "times", factor, event, action)

    async def divide_points(self, id: int, divisor: int, *, event: str = "", action: str = "") -> None:
        """Divide the points of a contact, rounded.

        Raises:
            NotFound: The contact does not exist.
            OutcomeUnknown: It may have been done; a repetition would do it twice.

        Mautic: REST API, Contacts, Points (POST /contacts/ID/points/divide/DIVISOR).
        """
        await self._change_points(id, "divide", divisor, event, action)

    async def _change_points(self, id: int, operator: str, delta: int, event: str, action: str) -> None:
        call = self._build_call(
            "POST",
            Effect.NON_IDEMPOTENT,
            protocol.validate_id(id),
            "points",
            operator,
            _positive_text(delta),
            body=_log_body(event, action),
        )
        await self._send(call)

    async def point_groups(self, id: int) -> list[GroupScore]:
        """Return the points of a contact in each group where it has some.

        Raises:
            NotFound: The contact does not exist.

        Mautic: REST API, Point groups, Contact scores (GET /contacts/ID/points/groups).
        """
        call = self._build_call("GET", Effect.READ, protocol.validate_id(id), "points", "groups")
        return _responses.decode_entities(call, await self._send_for_body(call), "groupScores", GroupScore)

    async def point_group(self, id: int, group_id: int) -> GroupScore | None:
        """Return the points of a contact in a group, or None if it never had any.

        Raises:
            NotFound: The contact or the group does not exist.

        Mautic: REST API, Point groups, Contact scores (GET /contacts/ID/points/groups/GROUP_ID).
        """
        call = self._build_call(
            "GET", Effect.READ, protocol.validate_id(id), "points", "groups", protocol.validate_id(group_id)
        )
        body = await self._send_for_body(call)
        return None if body == [] else _responses.decode_entity(call, body, "groupScore", GroupScore)

    async def change_group_points(
        self,
        id: int,
        group_id: int,
        operator: Literal["plus", "minus", "times", "divide", "set"],
        value: int,
        *,
        event: str = "",
        action: str = "",
    ) -> GroupScore:
        """Change the points of a contact in a group; ``set`` is the only operator that may be repeated safely.

        Args:
            id: Of the contact.
            group_id: Of the group.
            operator: The operation.
            value: Its operand, at least 1; ``set`` takes 0 and negative numbers, too.
            event: Name of the event, for the log.
            action: Name of the action, for the log.

        Raises:
            NotFound: The contact or the group does not exist.
            OutcomeUnknown: It may have been done; a repetition would do it twice.

        Mautic: REST API, Point groups, Contact scores (POST /contacts/ID/points/groups/GROUP_ID/OPERATOR/VALUE).
        """
        if operator not in {"plus", "minus", "times", "divide", "set"}:
            raise ConfigurationError(f"points are changed by plus, minus, times, divide or set, not by {operator!r}")
        effect = Effect.IDEMPOTENT if operator == "set" else Effect.NON_IDEMPOTENT
        number = _integer_text(value) if operator == "set" else _positive_text(value)
        call = self._build_call(
            "POST",
            effect,
            protocol.validate_id(id),
            "points",
            "groups",
            protocol.validate_id(group_id),
            operator,
            number,
            body=_log_body(event, action),
        )
        return _responses.decode_entity(call, await self._send_for_body(call), "groupScore", GroupScore)


def _positive_text(value: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        raise ConfigurationError(f"points are changed by an integer of at least 1, not by {value!r}")
    return str(value)


def _integer_text(value: int) -> str:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigurationError(f"points are an integer, not {value!r}")
    return str(value)


def _log_body(event: str, action: str) -> Mapping[str, str] | None:
    names = {"eventName": event, "actionName": action}
    return {key: value for key, value in names.items() if value} or None
