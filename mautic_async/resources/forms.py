"""Forms and their submissions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, ClassVar, Unpack

from mautic_async import protocol
from mautic_async.errors import ConfigurationError
from mautic_async.models import Form, Submission
from mautic_async.protocol import Effect
from mautic_async.resources import _pagination, _responses
from mautic_async.resources._base import Endpoint, Resource
from mautic_async.resources._endpoint import PAGE_SIZE, PageParams, Query, ResultPage
from mautic_async.resources._sent_along import SentAlong


class Forms(Resource[Form]):
    """Forms for visitors.

    Mautic resets `post_action` in edits that do not name it. So `edit` and `edit_many` read the form first and send the
    stored value along. Mautic: REST API, Forms.
    """

    endpoint: ClassVar[Endpoint[Any]] = Endpoint(
        *("forms", "form", "forms", Form), sent_along=(SentAlong("postAction", ("postAction", "postActionProperty")),)
    )

    async def delete_fields(self, id: int, field_ids: Iterable[int]) -> Form:
        """Delete fields of a form with their submitted values; ids that it does not have are ignored.

        Raises:
            NotFound: No form has this id.

        Mautic: REST API, Forms, Delete fields (DELETE /forms/ID/fields/delete).
        """
        return await self._delete_parts(id, "fields", field_ids)

    async def delete_actions(self, id: int, action_ids: Iterable[int]) -> Form:
        """Delete actions of a form; ids that it does not have are ignored.

        Raises:
            NotFound: No form has this id.

        Mautic: REST API, Forms, Delete actions (DELETE /forms/ID/actions/delete).
        """
        return await self._delete_parts(id, "actions", action_ids)

    async def _delete_parts(self, id: int, kind: str, ids: Iterable[int]) -> Form:
        numbers = [protocol.validate_id(number) for number in ids]
        if not numbers:
            raise ConfigurationError(f"forms: no {kind} to delete are named")
        call = self._build_call(
            "DELETE",
            Effect.IDEMPOTENT,
            protocol.validate_id(id),
            kind,
            "delete",
            query=protocol.encode_query({kind: numbers}),
        )
        payload = await self._send(call)
        return await self.get(id) if payload.body is None else self._decode_one(payload)

    # --- submissions -----------------------------------------------------------------------------------------------

    async def submissions(self, id: int, **query: Unpack[Query]) -> ResultPage[Submission]:
        """Return a page of the submissions of a form.

        Columns are those of the submission (``s.id``, ``s.date_submitted``) and of the form (``r.ALIAS``).

        Raises:
            NotFound: No form has this id.

        Mautic: REST API, Forms, List submissions (GET /forms/ID/submissions).
        """
        return await self._submissions(query, protocol.validate_id(id), "submissions")

    def iterate_submissions(
        self, id: int, *, read_ahead: bool = False, **query: Unpack[Query]
    ) -> AsyncIterator[Submission]:
        """Yield every submission of a form, once, even if more are added meanwhile.

        Mautic: REST API, Forms, List submissions (GET /forms/ID/submissions).
        """

        async def fetch(asked: Mapping[str, Any]) -> ResultPage[Submission]:
            return await self._submissions(asked, protocol.validate_id(id), "submissions")

        size = query.get("limit", PAGE_SIZE)
        paginator = _pagination.Paginator(
            fetch=fetch, query=query, size=size, get_id=lambda found: found.id, column="s.id", keyset=False
        )
        return self._paginate(paginator, read_ahead=read_ahead)

    async def submission(self, id: int, submission_id: int) -> Submission:
        """Return a submission.

        Mautic does not check the form: it returns submissions of other forms, too, whose `Submission.form` tells.

        Raises:
            NotFound: The form or the submission does not exist.

        Mautic: REST API, Forms, Get submission (GET /forms/ID/submissions/SUBMISSION_ID).
        """
        call = self._build_call(
            "GET", Effect.READ, protocol.validate_id(id), "submissions", protocol.validate_id(submission_id)
        )
        return _responses.decode_entity(call, await self._send_for_body(call), "submission", Submission)

    async def contact_submissions(
        self, id: int, contact_id: int, **query: Unpack[PageParams]
    ) -> ResultPage[Submission]:
        """Return a page of the submissions of a contact in a form.

        Raises:
            NotFound: The form or the contact does not exist.

        Mautic: REST API, Forms, List submissions of a contact (GET /forms/ID/submissions/contact/CONTACT_ID).
        """
        if "where" in query:
            raise ConfigurationError("forms.contact_submissions: where would replace the condition on the contact")
        return await self._submissions(
            query, protocol.validate_id(id), "submissions", "contact", protocol.validate_id(contact_id)
        )

    async def _submissions(self, query: Mapping[str, Any], *parts: str | int) -> ResultPage[Submission]:
        call = self._build_call(
            "GET",
            Effect.READ,
            *parts,
            query=protocol.encode_query(_pagination.parameters(query, filters_published=False)),
        )
        return await self._get_page(call, "submissions", Submission, int(query.get("start", 0)))
