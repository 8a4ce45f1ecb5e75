"""Tweets (a plugin)."""

from __future__ import annotations

from attrs import define, field

from mautic_async.models._base import UNSET, FromServer, Maybe, Published, Ref, ToServer
from mautic_async.models.category import Category, as_category


@define(kw_only=True)
class Tweet(Published):
    """Tweet sent by campaigns.

    Mautic does not store `is_published` of tweets from the API.

    Attributes:
        name: Required to create.
        description: Text for users of Mautic.
        text: Text, up to 280 characters. Required to create.
        language: Language code, such as ``en``. Mautic does not store it from the API.
        category: Category of any bundle. It cannot be cleared, and a tweet that has one cannot be replaced.
        asset: Id of an asset to link. Write only.
        page: Id of a page to link. Write only.
        media_id: Id of an image. Mautic does not store it from the API.
        media_path: Path of an image. Mautic does not store it from the API.
        sent_count: Number of times sent. Read only.
        favorite_count: Number of likes. Read only.
        retweet_count: Number of retweets. Read only.

    Mautic: REST API, Tweets.
    """

    name: Maybe[str] = UNSET
    description: Maybe[str] = UNSET
    text: Maybe[str] = UNSET
    language: Maybe[str] = UNSET
    category: Maybe[Ref[Category]] = field(default=UNSET, converter=as_category)
    asset: ToServer[int] = UNSET
    page: ToServer[int] = UNSET
    media_id: Maybe[str] = UNSET
    media_path: Maybe[str] = UNSET
    sent_count: FromServer[int] = None
    favorite_count: FromServer[int] = None
    retweet_count: FromServer[int] = None
