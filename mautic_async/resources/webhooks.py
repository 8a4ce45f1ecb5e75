"""Webhooks of the server; `mautic_async.webhooks` receives what they post."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from mautic_async import codec
from mautic_async.errors import ConfigurationError
from mautic_async.models import Webhook, WebhookTrigger
from mautic_async.protocol import Effect
from mautic_async.resources import _responses
from mautic_async.resources._base import Endpoint, Resource


class Webhooks(Resource[Webhook]):
    """Webhooks: URLs to which Mautic posts events. Mautic: REST API, Webhooks."""

    endpoint: ClassVar[Endpoint[Any]] = Endpoint("hooks", one="hook", many="hooks", model=Webhook)

    async def triggers(self) -> Mapping[str, WebhookTrigger]:
        """Return the kinds of event that a webhook can post, by their names in `Webhook.triggers`.

        Mautic: REST API, Webhooks, List triggers (GET /hooks/triggers).
        """
        call = self._build_call("GET", Effect.READ, "triggers")
        triggers = _responses.expect_mapping(call, await self._send_for_body(call), "triggers")
        return {name: codec.decode(WebhookTrigger, trigger) for name, trigger in triggers.items()}

    def _replace_body(self, entity: Webhook) -> dict[str, Any]:
        body = super()._replace_body(entity)
        if "secret" not in body:
            raise ConfigurationError(
                "webhooks: replace() without secret makes Mautic generate a new one, whose signatures receivers refuse;"
                " use edit(), or name the secret (None for a new one)"
            )
        return body
