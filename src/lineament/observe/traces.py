"""Stages as OpenTelemetry spans, exported over OTLP/HTTP to the operator's own collector."""

from __future__ import annotations

import contextvars
from typing import Any

from opentelemetry import context as current
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import Span, Status, StatusCode

import lineament
from lineament.observe.stages import Fact, Level, Stage, Total

ONE_IN = 10
"""One trace of so many is kept, drawn at random: from what is kept nobody reads how many searches there were (R46)."""
LAST_EXPORT = 5_000
"""Milliseconds for the last spans to be sent when the process ends."""

ATTRIBUTES = {
    Fact.ROUTE: "http.route",
    Fact.METHOD: "http.request.method",
    Fact.STATUS: "http.response.status_code",
    Fact.KIND: "lineament.job",
    Fact.ERROR: "error.type",
}
"""Every attribute that a span may have."""

_Begun = tuple[Span, contextvars.Token[Any]]


class Traces:
    """An observer that makes a span of each stage, below the stage that is under way."""

    def __init__(self, endpoint: str, service: str, *, one_in: int = ONE_IN) -> None:
        """``endpoint``: the whole address, such as http://127.0.0.1:4318/v1/traces; ``service``: serve or worker."""
        resource = Resource({"service.name": f"lineament-{service}", "service.version": lineament.__version__})
        sampler = ParentBased(TraceIdRatioBased(1 / one_in))
        limits = SpanLimits(max_events=0, max_links=0)
        self._provider = TracerProvider(sampler, resource, shutdown_on_exit=False, span_limits=limits)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=endpoint, timeout=10)))
        self._tracer = self._provider.get_tracer("lineament")

    def began(self, stage: Stage) -> _Begun:
        """Begin a span."""
        span = self._tracer.start_span(stage.value, record_exception=False, set_status_on_exception=False)
        return span, current.attach(trace.set_span_in_context(span))

    def ended(self, _stage: Stage, begun: _Begun, _seconds: float, facts: dict[Fact, str]) -> None:
        """End the span, with the facts that it may have."""
        span, token = begun
        current.detach(token)
        for fact, value in facts.items():
            span.set_attribute(ATTRIBUTES[fact], value)
        if Fact.ERROR in facts:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def counted(self, tally: Total, by: int, label: str) -> None:
        """Do nothing."""

    def level(self, level: Level, value: int) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Send what is left, and stop."""
        self._provider.force_flush(LAST_EXPORT)
        self._provider.shutdown()
