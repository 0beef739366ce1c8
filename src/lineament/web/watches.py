"""Watches: a face that is kept on watch, what the watches of a case found, and whoever is told by a web hook."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.errors import InvalidValue, NotAllowed
from lineament.model.accounts import Permission
from lineament.model.watches import LONGEST_WATCH, WatchStanding, WatchTerms
from lineament.services.watches.hooks import NewSecret
from lineament.web.addresses import case_address, probe_address, search_address
from lineament.web.cases import read_case
from lineament.web.obstacles import obstacles
from lineament.web.pages import CurrentVisit, Form, Pages, Visit, redirect
from lineament.web.phrases import distressing

pages = Pages()


# ---------------------------------------------------------------- keeping a face on watch


@pages.page("/probes/{probe_id}/watch", access=Permission.SEARCH)
def new_watch(visit: CurrentVisit, probe_id: str, face: int = 0) -> HTMLResponse:
    """The form that keeps a face of a photograph on watch."""
    probe = visit.desk.probes.get(probe_id)
    case = visit.desk.casework.get(probe.case_key)
    outlook = visit.desk.casework.outlook(case.key)
    if Permission.SEARCH not in outlook.may:
        raise NotAllowed(what=f"{Permission.SEARCH.value}, in this case")
    today = visit.desk.clock().date()
    granted = case.authorisation
    covered = None if granted is None or outlook.standing.value != "authorised" else granted.expires_on
    last = today + LONGEST_WATCH
    return visit.page(
        "watch_new.html",
        case=case,
        probe=probe,
        face=face if 1 <= face <= len(probe.faces) else 1,
        last=last if covered is None else min(covered, last),
        covered=covered,
        sources=[source for source in visit.desk.sources.list() if source.why_closed(today) is None],
        against=obstacles(visit.desk, case.key, back=f"{probe_address(probe_id)}/watch", probe_id=probe_id),
        veiled=distressing(case),
    )


@pages.act("/probes/{probe_id}/watch", access=Permission.SEARCH, page=new_watch)
def keep_watch(visit: CurrentVisit, probe_id: str, form: Form) -> RedirectResponse:
    """Keep a face of a photograph on watch until a day."""
    if not form.text("reason"):
        why = "say why this face is kept on watch; the reason is recorded"
        raise InvalidValue(what="The reason", value="", why=why, field="reason")
    faces, face = len(visit.desk.probes.get(probe_id).faces), form.whole("face")
    if not 1 <= face <= faces:
        raise InvalidValue(what="The face", value=face, why=f"the photograph shows {faces}", field="face")
    chosen = () if form.text("all") else form.all("source")
    if not form.text("all") and not chosen:
        raise InvalidValue(what="The choice of sources", value="", why="choose at least one", field="source")
    terms = WatchTerms(reason=form.text("reason"), ends_on=form.required_day("until"), sources=chosen)
    watch = visit.desk.watches.begin(probe_id, terms, face)
    return redirect(f"{case_address(watch.case_key)}/watches")


# ---------------------------------------------------------------- the watches of a case


@pages.page("/cases/{ref}/watches", access=Permission.READ_CASES)
def watches(visit: CurrentVisit, ref: str) -> HTMLResponse:
    """The watches of a case: what each found, how far it is, and why it cannot compare."""
    case, frame = read_case(visit, ref, "watches")
    kept = visit.desk.watches.of_case(case.key)
    return visit.page(
        "case_watches.html",
        on=[each for each in kept if each.standing is WatchStanding.ON],
        over=[each for each in kept if each.standing is not WatchStanding.ON],
        today=visit.desk.clock().date(),
        **frame,
    )


@pages.act("/cases/{ref}/watches/{watch_id}/end", access=Permission.OPEN_CASES, page=watches)
def end_watch(visit: CurrentVisit, ref: str, watch_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001
    """End a watch."""
    watch = visit.desk.watches.end(watch_id)
    return redirect(f"{case_address(watch.case_key)}/watches")


@pages.act("/cases/{ref}/watches/{watch_id}/go-on", access=Permission.SEARCH, page=watches)
def let_watch_on(visit: CurrentVisit, ref: str, watch_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001
    """Let a watch go on although the key with which a program began it was revoked."""
    watch = visit.desk.watches.let_on(watch_id)
    return redirect(f"{case_address(watch.case_key)}/watches")


@pages.act("/cases/{ref}/findings/{finding_id}/open", access=Permission.TAKE_PART, page=watches)
def open_finding(visit: CurrentVisit, ref: str, finding_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001
    """Take note of what a watch found, and open its list."""
    return redirect(search_address(visit.desk.watches.see(finding_id).search_id))


# ---------------------------------------------------------------- web hooks


@pages.page("/web-hooks", access=Permission.MANAGE_PEOPLE)
def web_hooks(visit: CurrentVisit) -> HTMLResponse:
    """The web hooks of the agency, with the newest notices to each."""
    return visit.page("web_hooks.html", hooks=visit.desk.web_hooks.list())


@pages.act("/web-hooks", access=Permission.MANAGE_PEOPLE, page=web_hooks)
def add_web_hook(visit: CurrentVisit, form: Form) -> HTMLResponse:
    """Add a web hook; its secret is shown for ten minutes and never again."""
    return _secret_page(visit, visit.desk.web_hooks.add(form.text("url")))


@pages.act("/web-hooks/{hook_id}/rotate", access=Permission.MANAGE_PEOPLE, page=web_hooks)
def rotate_web_hook(visit: CurrentVisit, hook_id: str, form: Form) -> HTMLResponse:  # noqa: ARG001 - its token was checked
    """Replace the secret of a web hook; the new one is shown for ten minutes, and for a day both sign."""
    return _secret_page(visit, visit.desk.web_hooks.rotate(hook_id))


@pages.act("/web-hooks/{hook_id}/test", access=Permission.MANAGE_PEOPLE, page=web_hooks)
def test_web_hook(visit: CurrentVisit, hook_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001 - its token was checked
    """Send a test to a web hook, by a job."""
    visit.desk.web_hooks.test(hook_id)
    return redirect("/web-hooks")


@pages.act("/web-hooks/{hook_id}/remove", access=Permission.MANAGE_PEOPLE, page=web_hooks)
def remove_web_hook(visit: CurrentVisit, hook_id: str, form: Form) -> RedirectResponse:  # noqa: ARG001 - its token was checked
    """Remove a web hook and its secret."""
    visit.desk.web_hooks.remove(hook_id)
    return redirect("/web-hooks")


def _secret_page(visit: Visit, made: NewSecret) -> HTMLResponse:
    return visit.page("web_hook_secret.html", hook=made.hook, secret=made.secret)
