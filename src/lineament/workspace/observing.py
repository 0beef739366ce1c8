"""Lets operators see a process: connects the observers to the settings and to the workspace that is open."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

from lineament.errors import LineamentError
from lineament.observe.stages import INTERRUPTED, NO_ROUTE, UNFORESEEN, install
from lineament.setting_values import Address
from lineament.settings import LogFormat, Settings

if TYPE_CHECKING:
    from lineament.observe.catalogue import Allowed
    from lineament.services.operating import Standing
    from lineament.workspace import Workspace

log = logging.getLogger(__name__)


class Observing:
    """Observes a process as long as the block lasts, as far as its settings ask for it; nothing is loaded otherwise."""

    def __init__(
        self, settings: Settings, service: str, address: Address | None, routes: frozenset[str] = frozenset()
    ) -> None:
        """``service``: serve or worker; ``address``: where it shows its metrics; ``routes``: templates of addresses."""
        self._settings = settings
        self._service = service
        self._address = address
        self._routes = routes | {NO_ROUTE}
        self._undo = ExitStack()
        self.workspace: Workspace | None = None
        """The workspace that is open now; the gauges are read from it."""
        self.port: int | None = None
        """The port of the metrics, once the block has begun."""

    def __enter__(self) -> Self:
        if self._settings.log is LogFormat.JSON:
            from lineament.observe.logs import write_json_lines

            write_json_lines()
        with ExitStack() as undo:
            if self._address is not None:
                self._show_metrics(self._address, undo)
            if self._settings.otlp_endpoint is not None:
                from lineament.observe.traces import Traces

                traces = Traces(self._settings.otlp_endpoint, self._service)
                undo.callback(traces.close)
                undo.callback(install(traces))
            self._undo = undo.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._undo.close()

    def _show_metrics(self, address: Address, undo: ExitStack) -> None:
        from lineament.observe.endpoint import MetricsEndpoint, token_in
        from lineament.observe.exposition import Exposition
        from lineament.observe.figures import RunningFigures

        token = None if self._settings.metrics_token is None else token_in(self._settings.metrics_token)
        values = told_values(self._routes)
        figures = RunningFigures(values)
        shown = Exposition(figures, values, self._gauges)
        endpoint = MetricsEndpoint(address.host, address.port, token, shown.text)
        self.port = undo.enter_context(endpoint).port
        undo.callback(install(figures))

    def _gauges(self) -> Mapping[str, Mapping[tuple[str, ...], float]]:
        """Return the gauges; none while the store cannot be read, which /readyz tells."""
        if self.workspace is None:
            return {}
        try:
            standing = self.workspace.desk_at_the_machine().operating.standing()
            return gauges(standing, self.workspace.clock.unchecked().timestamp())
        except LineamentError as error:
            log.warning("the gauges cannot be read: %s", error.code)
            return {}


def gauges(standing: Standing, now: float) -> dict[str, dict[tuple[str, ...], float]]:
    """Return the gauges of a standing, by the name of the metric and by labels; ``now`` in seconds of the epoch."""
    from lineament.observe import catalogue

    found: dict[str, dict[tuple[str, ...], float]] = {
        catalogue.FACES.name: {
            ("searchable",): standing.faces - standing.set_aside,
            ("set_aside",): standing.set_aside,
        },
        catalogue.INDEXES.name: {(state,): many for state, many in standing.indexes.items()},
        catalogue.JOBS.name: {key: float(many) for key, many in standing.jobs.items()},
        catalogue.LEDGER.name: {(): standing.entries},
        catalogue.ANCHORED.name: {(): float(standing.anchored)},
        catalogue.CONNECTIONS.name: {(pool,): many for pool, many in standing.connections.items()},
    }
    if standing.witnessed is not None:
        found[catalogue.WITNESSED.name] = {(): max(0.0, now - standing.witnessed.timestamp())}
    return found


def told_values(routes: frozenset[str]) -> Allowed:
    """Return the values that labels may have, in this version of Lineament."""
    from lineament.observe.catalogue import allowed
    from lineament.services.jobs.kinds import KINDS

    codes = frozenset({UNFORESEEN, INTERRUPTED, *_codes(LineamentError)})
    return allowed(routes=routes, kinds=frozenset(KINDS), codes=codes)


def _codes(kind: type[LineamentError]) -> frozenset[str]:
    return frozenset({kind.code}).union(*(_codes(below) for below in kind.__subclasses__()))


def look(workspace: Workspace) -> Callable[[], str | None]:
    """Return the function that says what stands against serving: a code, or None. It does not raise."""

    def code() -> str | None:
        found: str | None = UNFORESEEN
        with suppress(Exception):
            found = _unready(workspace)
        return found

    return code


def _unready(workspace: Workspace) -> str | None:
    try:
        return workspace.desk_at_the_machine().operating.unready()
    except LineamentError as error:
        return error.code
