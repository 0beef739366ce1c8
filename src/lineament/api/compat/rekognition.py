"""Amazon Rekognition as its clients call it (JSON 1.1, AWS Signature Version 4); docs/reference/rekognition.md."""

from __future__ import annotations

import json
import logging
from typing import Any

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from lineament.api.admission import Admission, Call
from lineament.api.bodies import allow
from lineament.api.compat.rekognition_acts import OPERATIONS, Operation, RekognitionCall
from lineament.api.compat.rekognition_faults import (
    RekognitionFault,
    answer,
    fault_answer,
    fault_of,
)
from lineament.api.compat.rekognition_shapes import MOST_IMAGE
from lineament.api.compat.signatures import CLOCKS_DIFFER, check_clock, check_signature, signature_of
from lineament.api.routes import ApiEndpoint
from lineament.errors import InvalidValue, LineamentError, SignatureRefused
from lineament.model.signed_requests import SignedRequest
from lineament.views.failures import UNFORESEEN_WORDS
from lineament.workspace import Workspace

log = logging.getLogger(__name__)

ADDRESS = "/compat/rekognition"
SERVICE = "rekognition"
MOST = 2 * (MOST_IMAGE // 3 * 4) + 2**20
"""Most bytes of a request: two images in Base64, and the rest."""
_TARGET = "RekognitionService."
_SIGNED = ("host", "x-amz-date", "x-amz-target")
"""The headers that every signature has to cover."""
_INVALID = "A parameter of the request"


class SignedRoutes(APIRouter):
    """Routes whose requests are signed; they check that themselves, and are in no description of ``/v1``."""

    def __init__(self) -> None:
        super().__init__(include_in_schema=False)
        self.declared: list[ApiEndpoint] = []  # none takes a key in the header, as those that are declared do


routes = SignedRoutes()


@routes.post(ADDRESS)
@routes.post(f"{ADDRESS}/")
async def rekognition(request: Request) -> Response:
    """Do what a client of Amazon Rekognition asks."""
    try:
        return await _answer(request)
    except LineamentError as error:
        fault = fault_of(error)
        if fault.status >= 500:
            log.error("%s: %s", ADDRESS, error)  # noqa: TRY400 - foreseen, so without a traceback
        return fault_answer(fault)
    except HTTPException:
        return fault_answer(RekognitionFault("ImageTooLargeException", "The request is too large.", 413))
    except Exception:  # a client of AWS gets an error of AWS
        log.exception(ADDRESS)
        return fault_answer(RekognitionFault("InternalServerError", UNFORESEEN_WORDS, 500))


async def _answer(request: Request) -> Response:
    headers = {name: request.headers.getlist(name) for name in request.headers}
    if "authorization" not in headers:
        missing = "Request is missing Authentication Token"
        return fault_answer(RekognitionFault("MissingAuthenticationTokenException", missing, 403))
    target = headers.get("x-amz-target", [""])[0]
    operation = OPERATIONS.get(target.removeprefix(_TARGET)) if target.startswith(_TARGET) else None
    signature = signature_of(headers, SERVICE, _SIGNED)
    workspace: Workspace = request.app.state.workspace
    admission: Admission = request.app.state.admission
    check_clock(signature, workspace.clock())
    await run_in_threadpool(admission.expect_signer, request, signature.key_id)
    allow(request.scope, MOST)
    signed = SignedRequest(
        method=request.method,
        path=bytes(request.scope.get("raw_path") or request.url.path.encode()).decode("latin-1").partition("?")[0],
        query=request.url.query,
        headers=headers,
        body=await request.body(),
    )

    def checked() -> Call:
        return admission.signed(request, signature.key_id, lambda secret: check_signature(signature, signed, secret))

    call = await run_in_threadpool(checked)
    if operation is None:
        return fault_answer(RekognitionFault("UnknownOperationException", f"There is no operation {target[:80]}."))
    if not operation.again:
        await run_in_threadpool(_require_first, workspace, call, signature.signature)
    said = _said(operation, signed.body)
    return answer(await run_in_threadpool(_done, workspace, call, operation, said))


def _require_first(workspace: Workspace, call: Call, signature: str) -> None:
    """Raise SignatureRefused for a signed request that was sent before, by its client or by whoever saw it."""
    at = workspace.clock()
    with workspace.store.begin_aside() as tx:
        name = f"signature|{call.admitted.key.id}|{signature}"
        known = tx.api_answers.begin(name, bytes.fromhex(signature), at, at + 2 * CLOCKS_DIFFER)
    if known is not None:
        raise SignatureRefused(why="this request was sent before; sign it again")


def _said(operation: Operation, body: bytes) -> Any:
    try:
        return operation.said.model_validate(json.loads(body))
    except ValidationError as error:
        fields = ".".join(str(part)[:40] for part in error.errors(include_input=False)[0]["loc"])
        raise InvalidValue(what=_INVALID, value=fields, why="see the reference of Amazon Rekognition") from None
    except (ValueError, RecursionError):
        raise InvalidValue(what=_INVALID, value="…", why="the body is not JSON") from None


def _done(workspace: Workspace, call: Call, operation: Operation, said: Any) -> dict[str, Any]:
    model = workspace.model_of(workspace.pack_name)
    asked = RekognitionCall(call=call, limit=workspace.settings.max_file_bytes, model=model)
    return operation.run(asked, said)
