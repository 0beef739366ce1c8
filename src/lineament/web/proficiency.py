"""Known pairs: what is true of the candidates of a list, and how reviewers decided about them (R23)."""

from __future__ import annotations

from fastapi.responses import HTMLResponse, RedirectResponse

from lineament.model.accounts import Permission
from lineament.model.proficiency import LEAST_PAIRS, TRUTHS, read_truth
from lineament.views.proficiency import decided_words
from lineament.web.pages import CurrentVisit, Form, Pages, redirect

pages = Pages()


@pages.page("/proficiency", access=Permission.MEASURE_REVIEWERS)
def proficiency(visit: CurrentVisit) -> HTMLResponse:
    """How often each reviewer was right about known pairs, and the lists that measure them."""
    measuring = visit.desk.measuring
    return visit.page(
        "proficiency.html",
        reviewers=measuring.reviewers(),
        lists=measuring.lists(),
        rate=decided_words,
        least=LEAST_PAIRS,
    )


@pages.page("/searches/{search_id}/known-pairs", access=Permission.MEASURE_REVIEWERS)
def known_pairs(visit: CurrentVisit, search_id: str) -> HTMLResponse:
    """The candidates of a list, to record which of them are the person of the probe."""
    known = visit.desk.measuring.of_search(search_id)
    stored = visit.desk.search.read(search_id)
    review = visit.desk.reviews.of_search(search_id)
    return visit.page(
        "known_pairs.html",
        case=visit.desk.casework.get(stored.result.case_key),
        search=stored.result,
        entries=review.entries,
        known=known,
        truths=TRUTHS,
    )


@pages.act("/searches/{search_id}/known-pairs", access=Permission.MEASURE_REVIEWERS, page=known_pairs)
def know(visit: CurrentVisit, search_id: str, form: Form) -> RedirectResponse:
    """Record which candidates are the person of the probe; the list measures its reviewers from then on."""
    visit.desk.measuring.know(search_id, dict(read_truth(text) for text in form.all("truth") if text))
    return redirect("/proficiency")
