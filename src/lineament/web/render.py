"""Pages from templates: everything is escaped, and a name that a template misspells is an error."""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from lineament import __version__
from lineament.model.accounts import Official, Permission
from lineament.web.casewords import CASE_FILTERS
from lineament.web.changewords import CHANGE_FILTERS
from lineament.web.phrases import FILTERS
from lineament.web.rejected import FormView, RejectedForm

_UNLESS_GIVEN: dict[str, object] = {
    "official": None,
    "as_of": None,  # when the page was made
    "agency_name": "",
    "halts": [],
    "drafts_of": "",
    "owner": "",  # the agency of the page's case
    "problem_link": None,  # words and address, after what was wrong with a form
}
"""What every template may name."""


class Renderer:
    """Renders the templates of the package; ``digests`` are those of the assets, by name."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        self._environment = Environment(
            loader=PackageLoader("lineament.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(FILTERS | CASE_FILTERS | CHANGE_FILTERS | {"attributes": attributes})
        self._environment.globals.update(asset=lambda name: f"/static/{name}?v={digests[name]}", version=__version__)

    def page(self, template: str, *, rejected: RejectedForm | None = None, **values: object) -> str:
        """Return the HTML of a page; ``rejected`` is the form that it shows again.

        Templates call ``may("search")`` to ask what its reader may do, and ``form_at(action)`` for each of its forms.
        """
        official = values.get("official")

        def may(permission: str) -> bool:
            return isinstance(official, Official) and official.may(Permission(permission))

        def form_at(action: str, **marks: str) -> FormView:
            return FormView(action=action, marks=marks, on_page=rejected)

        given = {**_UNLESS_GIVEN, "rejected": rejected, **values}
        return self._environment.get_template(template).render(may=may, form_at=form_at, **given)


def attributes(first: Mapping[str, object], given: Mapping[str, object]) -> Markup:
    """Return HTML attributes, ``given`` before ``first``: True stands alone, and None and False are left out."""
    return Markup("").join(
        Markup(" {}").format(name) if value is True else Markup(' {}="{}"').format(name, value)
        for name, value in {**first, **given}.items()
        if value is not None and value is not False
    )
