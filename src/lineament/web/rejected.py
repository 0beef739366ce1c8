"""A form that was not accepted: its page is shown again with all that was typed, and with what is wrong.

Every form comes back in this one way: the route names the page that has its form (``Pages.act(page=…)``), the page's
template asks ``form_at(action)`` for each of its forms, and the macros in ``fields.html`` draw the fields.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from markupsafe import Markup

from lineament.errors import InvalidValue, LineamentError
from lineament.views.values import upper_first
from lineament.web.forms import SentForm


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedForm:
    """A form that was sent and not accepted."""

    action: str  # the path it was sent to, decoded
    form: SentForm
    error: LineamentError
    status: int  # of the page that shows it again, from 400 to 499

    @property
    def field(self) -> str:
        """The name of the field that is wrong; empty if the error is about none in particular."""
        return str(self.error.details.get("field", "")).replace("_", "-")

    @property
    def why(self) -> str:
        """What is wrong with that field, as a sentence."""
        why = str(self.error.details["why"]) if isinstance(self.error, InvalidValue) else str(self.error)
        return f"{upper_first(why).removesuffix('.')}."


@dataclass(frozen=True, slots=True, kw_only=True)
class FormView:
    """One form of a page, for its template: as it was sent if it was not accepted, else with its first values."""

    action: str
    marks: Mapping[str, str] = field(default_factory=dict)  # hidden fields that tell forms with one action apart
    on_page: RejectedForm | None = None  # whichever form of the page was not accepted

    @property
    def rejected(self) -> RejectedForm | None:
        """This form as it was sent; None if it was not sent, or another form of the page was."""
        sent = self.on_page
        if sent is None or sent.action != unquote(self.action):
            return None
        return sent if all(sent.form.typed(name) == value for name, value in self.marks.items()) else None

    def value(self, name: str, first: object = "") -> object:
        """Return what was typed in a field, or its first value."""
        return first if self.rejected is None else self.rejected.form.typed(name).replace("\0", "")

    def picked(self, name: str, value: str, first: bool = False) -> bool:
        """Return whether a box, a radio button or an option of a field is chosen."""
        return first if self.rejected is None else value in self.rejected.form.all(name)

    def wrong(self, name: str) -> str:
        """Return what is wrong with a field, as a sentence; empty if nothing is."""
        sent = self.rejected
        return sent.why if sent is not None and sent.field == name.replace("_", "-") else ""

    def file_name(self, name: str) -> str:
        """Return the name of the file that was chosen and must be chosen again, for browsers take none from a page."""
        return "" if self.rejected is None else self.rejected.form.file_names.get(name, "")

    def id(self, name: str, part: str) -> str:
        """Return the id of what belongs to a field, unlike any other on the page."""
        return "-".join([self.action.rpartition("/")[2], *self.marks.values(), name, part])

    def about(self, name: str, *, described: Sequence[str] = (), hint: bool = False, focus: bool = False) -> Markup:
        """Return the attributes that tie a field to what describes it (ids), to its hint and to what is wrong with it.

        The field that is wrong has the focus; on a page where nothing is, the one with ``focus``.
        """
        wrong = bool(self.wrong(name))
        ids = [*described, *(self.id(name, part) for part, present in (("hint", hint), ("wrong", wrong)) if present)]
        text = Markup(' aria-describedby="{}"').format(" ".join(ids)) if ids else Markup("")
        if wrong:
            text += Markup(' aria-invalid="true"')
        return text + Markup(" autofocus") if wrong or (focus and self.on_page is None) else text
