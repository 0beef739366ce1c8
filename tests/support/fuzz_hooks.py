"""What Schemathesis is told besides its configuration; it imports this in its own process."""

from __future__ import annotations

import schemathesis

schemathesis.serializer.alias("application/zip", "application/octet-stream")
