"""Tweets."""

from __future__ import annotations

from typing import Any, ClassVar

from mautic_async.models import Tweet
from mautic_async.resources._base import Endpoint, Resource


class Tweets(Resource[Tweet]):
    """Tweets sent by campaigns. Mautic: REST API, Tweets."""

    needs: ClassVar[str] = "the plugin Mautic Social Media"
    endpoint: ClassVar[Endpoint[Any]] = Endpoint("tweets", one="tweet", many="tweets", model=Tweet)
