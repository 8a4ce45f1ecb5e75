"""Marketing messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from mautic_async.errors import NotFound
from mautic_async.models import Message
from mautic_async.resources._base import Endpoint, Resource


class Messages(Resource[Message]):
    """Marketing messages; `list` and `iterate` leave out those without a channel.

    Mautic: REST API, Marketing messages.
    """

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        "messages", one="message", many="messages", model=Message, replace_requires=("channels",)
    )

    async def _existing(self, ids: Sequence[int]) -> dict[int, Message]:
        """Return those of *ids* that exist, one request each: lists leave some out."""
        existing: dict[int, Message] = {}
        for id in ids:
            try:
                existing[id] = await self.get(id)
            except NotFound:
                continue
        return existing
