"""Focus items."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Focus
from mautic_async.protocol import Effect, validate_id
from mautic_async.resources import _responses
from mautic_async.resources._base import Endpoint, Resource


class FocusItems(Resource[Focus]):
    """Focus items: bars and boxes shown over websites. Mautic: REST API, Focus items."""

    needs: ClassVar[str] = "the plugin Mautic Focus"
    _name: ClassVar[str] = "focus"
    endpoint: ClassVar[Endpoint[Any]] = Endpoint("focus", one="focus", many="focus", model=Focus)

    async def js(self, id: int) -> str:
        """Return the JavaScript that shows a focus item on a page.

        Raises:
            NotFound: No focus item has this id.

        Mautic: REST API, Focus items, Generate JavaScript (POST /focus/ID/js).
        """
        call = self._build_call("POST", Effect.READ, validate_id(id), "js")
        return str(_responses.expect_mapping(call, await self._send_for_body(call)).get("js") or "")
