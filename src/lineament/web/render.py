"""Pages from templates: everything is escaped, and a name that a template misspells is an error."""

from __future__ import annotations

from collections.abc import Mapping

from jinja2 import Environment, PackageLoader, StrictUndefined

from lineament import __version__
from lineament.model.accounts import Official, Permission
from lineament.web.casewords import CASE_FILTERS
from lineament.web.phrases import FILTERS


class Renderer:
    """Renders the templates of the package; ``digests`` are those of the assets by name."""

    def __init__(self, digests: Mapping[str, str]) -> None:
        self._environment = Environment(
            loader=PackageLoader("lineament.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(FILTERS | CASE_FILTERS)
        self._environment.globals.update(asset=lambda name: f"/static/{name}?v={digests[name]}", version=__version__)

    def page(self, template: str, **values: object) -> str:
        """The HTML of a page; its templates ask ``may("search")`` of whoever it is for."""
        official = values.get("official")

        def may(permission: str) -> bool:
            return isinstance(official, Official) and official.may(Permission(permission))

        given = {"official": None, "agency_name": "", **values}
        return self._environment.get_template(template).render(may=may, **given)
