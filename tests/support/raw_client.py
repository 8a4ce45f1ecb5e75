"""A client of a few lines for the simulator's own tests: it shares no code with ours."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from mautic_async.testing import FakeMautic


@dataclass
class RawResponse:
    """One answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["errors"][0]


@dataclass
class RawClient:
    """Asks a `FakeMautic` in process, with a token of its own."""

    fake: FakeMautic
    headers: dict[str, str] = field(default_factory=dict)

    async def login(self) -> RawClient:
        response = await self.form(
            "oauth/v2/token",
            grant_type="client_credentials",
            client_id=self.fake.client_id,
            client_secret=self.fake.client_secret,
        )
        self.headers["authorization"] = f"Bearer {response.json['access_token']}"
        return self

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> RawResponse:
        sent_headers = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        status, response_headers, content = await self.fake.exchange(method, "/" + path, sent_headers, body)
        return RawResponse(status, dict(response_headers), content)

    async def json(self, method: str, path: str, body: Any = None, **headers: str) -> RawResponse:
        content = b"" if body is None else json.dumps(body).encode()
        return await self.send(method, "api/" + path, content, content_type="application/json", **headers)

    async def get(self, path: str, **query: Any) -> RawResponse:
        return await self.json("GET", path + ("?" + urlencode(query) if query else ""))

    async def post(self, path: str, body: Any = None, **headers: str) -> RawResponse:
        return await self.json("POST", path, {} if body is None else body, **headers)

    async def patch(self, path: str, body: Any) -> RawResponse:
        return await self.json("PATCH", path, body)

    async def put(self, path: str, body: Any) -> RawResponse:
        return await self.json("PUT", path, body)

    async def delete(self, path: str) -> RawResponse:
        return await self.json("DELETE", path)

    async def form(self, path: str, **fields: str) -> RawResponse:
        kind = "application/x-www-form-urlencoded"
        return await self.send("POST", path, urlencode(fields).encode(), content_type=kind)

    async def contact(self, **fields: Any) -> int:
        response = await self.post("contacts/new", fields)
        assert response.status in (200, 201), response.body
        id: int = response.json["contact"]["id"]
        return id

    async def field_values(self, id: int) -> dict[str, Any]:
        """The values of a contact as a later GET shows them."""
        entity: dict[str, Any] = (await self.get(f"contacts/{id}")).json["contact"]["fields"]["all"]
        return entity
