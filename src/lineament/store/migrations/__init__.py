"""The schema's history, run from the program (Alembic).

Each version is one file in ``versions/`` and never changes once released.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from lineament.errors import WorkspaceNewer
from lineament.store.keys import DataKey

HEAD = "0014"
"""The newest revision; a test compares it with the files."""

FOLDER = Path(__file__).parent


def revision(connection: Connection) -> str | None:
    """Return the revision of a database, None if it has no schema yet. Does not load Alembic."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    return found


def checked(found: str | None, place: str) -> None:
    """Raise WorkspaceNewer if this version of Lineament does not know the revision ``found``."""
    known = {path.name.partition("_")[0] for path in (FOLDER / "versions").glob("[0-9]*.py")}
    if found is not None and found not in known:
        raise WorkspaceNewer(path=place, found=found)


def upgrade(connection: Connection, unwrap: Callable[[bytes, str], DataKey] | None = None) -> None:
    """Upgrade the schema to the newest revision, in the transaction of ``connection``: whole or not at all.

    ``unwrap`` returns the data key of what is named; only a database with rows to seal needs it.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["unwrap"] = unwrap
    command.upgrade(config, "head")
