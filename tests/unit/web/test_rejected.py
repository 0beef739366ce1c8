"""A form as its template sees it: fresh, rejected, or beside another one that was rejected."""

from __future__ import annotations

from lineament.errors import AlreadyThere, InvalidValue, LineamentError
from lineament.web.forms import SentForm
from lineament.web.pages import rejected_form
from lineament.web.rejected import FormView, RejectedForm
from lineament.web.render import attributes

WRONG_DAY = InvalidValue(what="The last day", value="soon", why="write it as 2026-11-21", field="last_day")


def rejected(error: LineamentError, **texts: str) -> RejectedForm:
    form = SentForm(texts={name.replace("_", "-"): (text,) for name, text in texts.items()})
    return rejected_form("/agencies/a b/license", form, error)


def view(on_page: RejectedForm | None, action: str = "/agencies/a%20b/license", **marks: str) -> FormView:
    return FormView(action=action, marks=marks, on_page=on_page)


def test_a_form_that_was_not_sent_has_its_first_values() -> None:
    fresh = view(None)
    assert fresh.rejected is None
    assert fresh.value("last-day", "2026-12-31") == "2026-12-31"
    assert fresh.picked("kind", "trial", first=True)
    assert not fresh.picked("kind", "full")
    assert fresh.wrong("last-day") == ""
    assert fresh.about("last-day", hint=True, focus=True) == ' aria-describedby="license-last-day-hint" autofocus'


def test_a_rejected_form_has_what_was_sent_and_the_focus_on_what_is_wrong() -> None:
    again = view(rejected(WRONG_DAY, last_day="soon", kind="full"))
    assert again.value("last-day", "2026-12-31") == "soon"
    assert again.value("price", "100 EUR") == ""
    assert again.picked("kind", "full")
    assert not again.picked("kind", "trial", first=True)
    assert again.wrong("last-day") == "Write it as 2026-11-21."
    assert again.about("last-day") == ' aria-describedby="license-last-day-wrong" aria-invalid="true" autofocus'
    assert again.about("kind", focus=True) == ""


def test_other_forms_of_the_page_are_as_before() -> None:
    other = view(rejected(WRONG_DAY, last_day="soon"), action="/agencies/a%20b/vet")
    assert other.rejected is None
    assert other.value("last-day", "2026-12-31") == "2026-12-31"
    assert other.about("last-day", focus=True) == ""


def test_two_forms_with_one_address_are_distinguished_by_a_hidden_field() -> None:
    on_page = rejected(WRONG_DAY, outcome="refused", last_day="soon")
    assert view(on_page, outcome="granted").rejected is None
    assert view(on_page, outcome="refused").rejected is on_page
    assert view(None, outcome="refused").id("scope", "hint") == "license-refused-scope-hint"


def test_an_error_about_no_field_is_only_shown_on_top() -> None:
    taken = rejected(AlreadyThere(what="agency", name="Ys"), name="Ys")
    assert (taken.status, taken.field) == (409, "")
    assert view(taken).wrong("name") == ""


def test_a_character_that_cannot_be_kept_does_not_break_the_page() -> None:
    again = view(rejected(InvalidValue(what="x", value="…", why="no", field="name"), name="a\0b"))
    assert again.value("name") == "ab"


def test_attributes_are_escaped_and_may_stand_alone() -> None:
    rendered = attributes({"autocomplete": "off", "size": 2}, {"autocomplete": "name", "required": True, "max": None})
    assert rendered == ' autocomplete="name" size="2" required'
    assert attributes({}, {"value": '"><script>'}) == ' value="&#34;&gt;&lt;script&gt;"'
