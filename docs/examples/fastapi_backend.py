"""A backend that writes sign-ups into Mautic and takes Mautic's webhooks.

    uvicorn fastapi_backend:app

Needs ``mautic-async``, ``fastapi``, ``uvicorn`` and the environment variables MAUTIC_BASE_URL, MAUTIC_CLIENT_ID,
MAUTIC_CLIENT_SECRET and MAUTIC_WEBHOOK_SECRET.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from pydantic import BaseModel

from mautic_async import ConfigurationError, Contact, Mautic, OutcomeUnknown, RateLimited, Rejected
from mautic_async.webhooks import ContactUpdated, WebhookEvent, WebhookRejected, Webhooks


class State:
    """What the requests of one process share."""

    def __init__(self, mautic: Mautic) -> None:
        self.mautic = mautic
        self.webhooks = Webhooks(os.environ["MAUTIC_WEBHOOK_SECRET"])
        self.events: asyncio.Queue[WebhookEvent] = asyncio.Queue(maxsize=10_000)
        self.changed_contacts: set[int] = set()

    async def handle_events(self) -> None:
        """Handle one event after the other; here they only mark their contact as changed."""
        while True:
            event = await self.events.get()
            if isinstance(event, ContactUpdated) and event.contact.id is not None:
                self.changed_contacts.add(event.contact.id)
            self.events.task_done()


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open one client for the process; before it closes, handle the events that were accepted."""
    async with Mautic.from_env() as mautic, asyncio.TaskGroup() as tasks:
        app.state.backend = State(mautic)
        worker = tasks.create_task(app.state.backend.handle_events())
        yield
        await app.state.backend.events.join()
        worker.cancel()


def backend(request: Request) -> State:
    """Return what the requests share."""
    state: State = request.app.state.backend
    return state


Backend = Annotated[State, Depends(backend)]
app = FastAPI(lifespan=lifespan)


class SignUp(BaseModel):
    """What a visitor sends."""

    email: str
    city: str


@app.post("/sign-ups", status_code=201)
async def sign_up(new: SignUp, state: Backend) -> dict[str, int | None]:
    """Store a visitor as a contact."""
    try:
        async with state.mautic.deadline(10):  # seconds, for all calls inside
            stored = await state.mautic.contacts.upsert(Contact(email=new.email, city=new.city, tags=["sign-up"]))
    except (ConfigurationError, Rejected) as error:
        raise HTTPException(422, str(error)) from error
    except RateLimited as error:
        raise HTTPException(503, "try later", {"Retry-After": str(round(error.retry_after or 60))}) from error
    except OutcomeUnknown as error:  # the contact may be stored: do not ask the visitor to try again at once
        raise HTTPException(504, "it may have been stored") from error
    return {"id": stored.id}


@app.post("/mautic", status_code=204)
async def take_webhook(request: Request, state: Backend) -> Response:
    """Accept the events of a webhook; handle them later, because Mautic waits for the answer."""
    try:
        async with state.webhooks.receive(request.stream(), request.headers.get("webhook-signature")) as events:
            for event in events:
                state.events.put_nowait(event)
    except WebhookRejected as error:
        return Response(status_code=error.status)
    return Response(status_code=204)


@app.get("/health")
async def health(state: Backend) -> dict[str, int | None]:
    """Tell how much of the rate limit is left, without a call to Mautic."""
    return {"remaining": state.mautic.rate_limit.remaining, "waiting": state.mautic.rate_limit.waiting}
