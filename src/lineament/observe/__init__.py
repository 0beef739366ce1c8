"""What operators see of a running process: stages and counts (``stages``), as metrics, traces and log lines.

The rest of Lineament names only what is in ``stages``; the libraries of Prometheus and OpenTelemetry are used here
alone (docs/adr/0044-what-operators-see.md).
"""
