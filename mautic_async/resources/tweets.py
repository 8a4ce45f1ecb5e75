"""Tweets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from mautic_async.errors import ConfigurationError
from mautic_async.models import Tweet
from mautic_async.resources._base import Endpoint, Resource

if TYPE_CHECKING:
    from mautic_async.bulk import Outcome


class Tweets(Resource[Tweet]):
    """Tweets sent by campaigns. Mautic: REST API, Tweets."""

    needs: ClassVar[str] = "the plugin Mautic Social Media"
    endpoint: ClassVar[Endpoint[Any]] = Endpoint("tweets", one="tweet", many="tweets", model=Tweet)

    async def replace(self, id: int, entity: Tweet) -> Tweet:
        """Replace a tweet that has no category; the tweet is read first, since Mautic fails on one that has.

        Raises:
            ConfigurationError: The tweet has a category: Mautic answers any PUT with 500. Use `edit`.
            Rejected: Mautic refused a value; `problems` says which.
            OutcomeUnknown: It may have been done.

        Mautic: REST API, Tweets, Edit (PUT /tweets/ID/edit).
        """
        self._replace_body(entity)
        await self._require_no_category([id])
        return await super().replace(id, entity)

    async def replace_many(self, entities: Iterable[Tweet]) -> list[Outcome[Tweet]]:
        """Replace tweets that have no category, up to 200 per request, as `replace` does.

        Raises:
            ConfigurationError: A tweet has a category, a row has no id, or two have the same.

        Mautic: REST API, Tweets, Batch (PUT /tweets/batch/edit).
        """
        tweets = list(entities)
        await self._require_no_category([tweet.id for tweet in tweets if tweet.id])
        return await super().replace_many(tweets)

    async def _require_no_category(self, ids: Sequence[int]) -> None:
        stored = await self._existing(ids)
        fixed = sorted(id for id, tweet in stored.items() if tweet.category)
        if fixed:
            raise ConfigurationError(
                f"tweets: {', '.join(map(str, fixed))} cannot be replaced, since Mautic answers 500 for a tweet with a"
                " category; use edit()"
            )

    def _edit_body(self, entity: Tweet) -> dict[str, Any]:
        body = super()._edit_body(entity)
        if "category" in body and body["category"] is None:
            raise ConfigurationError("tweets: Mautic cannot clear the category of a tweet: it answers 500")
        return body
