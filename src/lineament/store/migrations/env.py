"""Run by Alembic on the connection that ``upgrade`` passes, inside its transaction."""

from __future__ import annotations

from alembic import context

from lineament.store.columns import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=False)
context.run_migrations()
