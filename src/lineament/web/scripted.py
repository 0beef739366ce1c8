"""Forms that a script sends (static/forms.js): it must learn where an answer leads without going there."""

from __future__ import annotations

import hashlib

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lineament import errors
from lineament.workspace import Desk

SENT_BY_SCRIPT = b"lineament-form"
"""The header of such a request."""
NEEDS = "lineament-needs"
"""The header of a refusal that another page can remedy: its path, or “token” for a new token of forms."""
TOKEN = "token"  # noqa: S105 - the word in the header
BACK = "/back-to-form"
"""The page to which signing in for a form in another tab leads."""
SIGN_IN_PAGES: dict[type[Exception], str] = {
    errors.SessionLocked: "/locked",
    errors.FactorNeeded: "/second-factor",
    errors.StepUpNeeded: "/step-up",
    errors.SignInNeeded: "/sign-in",
}


def draft_tag(desk: Desk, *parts: str) -> str:
    """Return a tag for the drafts of an account, or of something in its name, which says nothing by itself."""
    text = "\n".join((str(desk.settings.home), desk.official.account_id or "", *parts))
    return hashlib.sha256(f"lineament draft\n{text}".encode()).hexdigest()[:16]


class ScriptedForms:
    """Gives a redirect to a script as a header, because a browser would follow it and the page be read twice."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, and its response back."""
        scripted = scope["type"] == "http" and scope["method"] == "POST" and SENT_BY_SCRIPT in dict(scope["headers"])

        async def send_redirect(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 303:
                message["status"] = 204
                message["headers"] = [
                    (b"lineament-to" if name.lower() == b"location" else name, value)
                    for name, value in message["headers"]
                    if name.lower() != b"content-length"
                ]
            await send(message)

        await self._app(scope, receive, send_redirect if scripted else send)
