"""Request bodies: JSON, forms with PHP's bracket names, uploads, and other types, which the server ignores."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mautic_async.testing import php
from mautic_async.testing.replies import UnhandledError

if TYPE_CHECKING:
    from mautic_async.testing.http import Request

Files = list[tuple[str, str, bytes]]


def read(request: Request) -> tuple[Any, Files]:
    """Return the body as a PHP array, and its files.

    Raises:
        UnhandledError: 400; JSON that is none, or a scalar.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        if not request.body.strip():
            return {}, []
        try:
            body = json.loads(request.body)
        except ValueError:
            raise UnhandledError(400) from None
        if not isinstance(body, (dict, list)):
            raise UnhandledError(400)
        return body, []
    if media_type == "application/x-www-form-urlencoded":
        return php.parse_brackets(request.body.decode("utf-8", "replace")), []
    if media_type == "multipart/form-data":
        return _multipart(request)
    return {}, []


def _multipart(request: Request) -> tuple[Any, Files]:
    match = re.search(r'boundary="?([^";]+)', request.headers["content-type"])
    if match is None:
        return {}, []
    fields: list[tuple[str, str]] = []
    files: Files = []
    for part in request.body.split(b"--" + match[1].encode())[1:]:
        head, field_name, content = part.partition(b"\r\n\r\n")
        if not field_name:
            continue
        content = content.removesuffix(b"\r\n")
        disposition = head.decode("utf-8", "replace")
        name = re.search(r'[; ]name="([^"]*)"', disposition)
        filename = re.search(r'filename="([^"]*)"', disposition)
        if name and filename:
            files.append((name[1], filename[1], content))
        elif name:
            fields.append((name[1], content.decode("utf-8", "replace")))
    tree: dict[str, Any] = {}
    for name_, value in fields:
        php.set_bracketed(tree, name_, value)
    return {key: php.normalize_arrays(value) for key, value in tree.items()}, files
