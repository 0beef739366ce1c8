"""Amazon Rekognition as its clients call it (JSON 1.1, AWS Signature Version 4); docs/reference/rekognition.md."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lineament.api.admission import Admission, Call
from lineament.api.bodies import allow
from lineament.api.compat.foreign import create_foreign
from lineament.api.compat.rekognition_acts import OPERATIONS, Operation, RekognitionCall
from lineament.api.compat.rekognition_faults import WORDING, RekognitionFault, answer
from lineament.api.compat.signatures import CLOCKS_DIFFER, check_clock, check_signature, signature_of
from lineament.errors import InvalidValue, SignatureRefused
from lineament.model.signed_requests import SignedRequest
from lineament.services.collections.buckets import MOST_IMAGE
from lineament.workspace import Workspace

PREFIX = "/compat/rekognition"
SERVICE = "rekognition"
MOST = 2 * (MOST_IMAGE // 3 * 4) + 2**20
"""Most bytes of a request: two images in Base64, and the rest."""
_TARGET = "RekognitionService."
_SIGNED = ("host", "x-amz-date", "x-amz-target")
"""The headers that every signature has to cover."""
_INVALID = "A parameter of the request"


def create_rekognition(workspace: Workspace, admission: Admission) -> Starlette:
    """Make the application that answers at PREFIX: every operation has this address."""

    async def operate(request: Request) -> Response:
        """Do what a client of Amazon Rekognition asks."""
        headers = {name: request.headers.getlist(name) for name in request.headers}
        if "authorization" not in headers:
            missing = "Request is missing Authentication Token"
            raise RekognitionFault("MissingAuthenticationTokenException", missing, 403)
        signature = signature_of(headers, SERVICE, _SIGNED)
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
        check = partial(check_signature, signature, signed)
        call = await run_in_threadpool(admission.signed, request, signature.key_id, check)
        operation = _operation(headers["x-amz-target"][0])
        if not operation.again:
            await run_in_threadpool(_require_first, workspace, call, signature.signature)
        said = _said(operation, signed.body)
        return answer(await run_in_threadpool(_done, workspace, call, operation, said))

    routes = [Route(path, operate, methods=["POST"]) for path in (PREFIX, f"{PREFIX}/")]
    return create_foreign(PREFIX, routes, WORDING)


def _operation(target: str) -> Operation:
    operation = OPERATIONS.get(target.removeprefix(_TARGET)) if target.startswith(_TARGET) else None
    if operation is None:
        raise RekognitionFault("UnknownOperationException", f"There is no operation {target[:80]}.")
    return operation


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
