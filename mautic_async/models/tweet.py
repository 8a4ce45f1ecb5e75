"""Tweets (a plugin)."""

from __future__ import annotations

from attrs import define, field

from mautic_async.models._base import UNSET, FromServer, Maybe, Published, Ref, ToServer
from mautic_async.models.category import Category, as_category


@define(kw_only=True)
class Tweet(Published):
    """A tweet that mentions a contact.

    Attributes:
        name: Required to create.
        description: For people.
        text: Up to 280 characters. Required to create.
        language: Code.
        category: Of any bundle.
        asset: Id of one to link. Write only.
        page: Id of one to link. Write only.
        media_id: Of a picture.
        media_path: Of a picture.
        sent_count: Times sent. Read only.
        favorite_count: Times liked. Read only.
        retweet_count: Times passed on. Read only.

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
