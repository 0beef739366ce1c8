"""Translates errors of the databases and the operating system into Lineament's own."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from lineament.errors import Damaged, LineamentError, Refused, StorageFull, StoreUnavailable, WorkspaceBusy
from lineament.model.reasons import ReasonCode
from lineament.sandbox.files import NO_ROOM

# SQLSTATE classes and codes of PostgreSQL (its manual, appendix A); psycopg itself is not loaded for SQLite.
_PG_FULL = "53100"
_PG_BUSY = frozenset({"55P03", "40P01", "40001", "57014"})
_PG_CONSTRAINT = "23"
_PG_CORRUPT = "XX"
_ONE_PAGE = 65536
RESTORE = "restore the workspace from a backup"


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Translate errors of SQLAlchemy and the drivers that leave the block."""
    try:
        yield
    except StatementError as error:
        foreign = error.orig
        if isinstance(foreign, LineamentError):  # raised by one of our column types
            raise foreign from None
        if isinstance(foreign, sqlite3.Error):
            raise _of_sqlite(foreign, place) from error
        if isinstance(error, DBAPIError):
            fault = _of_postgresql(foreign, place)
            raise fault from (None if isinstance(fault, Refused) else error)  # its DETAIL shows the row
        raise
    except PoolTimeout as error:
        raise WorkspaceBusy(what="all connections are in use") from error
    except SQLAlchemyError as error:
        raise StoreUnavailable(why=str(error)) from error
    except sqlite3.Error as error:  # from the driver's own cursor, used for speed
        raise _of_sqlite(error, place) from error


def of_system(error: OSError, place: object) -> LineamentError:
    """Return an operating system's error about a file as one of Lineament's."""
    if error.errno in NO_ROOM:
        return StorageFull(path=place)
    return StoreUnavailable(why=f"{place}: {error.strerror or error}")


def _no_room(place: str) -> bool:
    """Return whether the file system is full; SQLite reports an I/O error if its shared memory has no room."""
    try:
        return shutil.disk_usage(Path(place).parent).free < _ONE_PAGE
    except OSError:
        return False


def _of_sqlite(error: sqlite3.Error, place: str) -> LineamentError:
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if kind == sqlite3.SQLITE_FULL or (kind == sqlite3.SQLITE_IOERR and _no_room(place)):
        return StorageFull(path=place)
    if kind in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return WorkspaceBusy(what=str(error))
    if kind in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return Damaged(what=f"The database {place}", why=str(error), remedy=RESTORE)
    if kind == sqlite3.SQLITE_CONSTRAINT:
        return Refused(ReasonCode.ROW_REFUSED.reason(why=error))
    return StoreUnavailable(why=str(error))


def _first_line(error: BaseException | None) -> object:
    """Return PostgreSQL's first line; the row that it refuses, with personal data, follows it."""
    return getattr(getattr(error, "diag", None), "message_primary", None) or error


def _of_postgresql(error: BaseException | None, place: str) -> LineamentError:
    why = " ".join(str(_first_line(error)).split())
    state = getattr(error, "sqlstate", None) or ""
    if state == _PG_FULL:
        return StorageFull(path=place)
    if state in _PG_BUSY:
        return WorkspaceBusy(what=why)
    if state.startswith(_PG_CORRUPT):
        return Damaged(what=f"The database {place}", why=why, remedy=RESTORE)
    if state.startswith(_PG_CONSTRAINT):
        return Refused(ReasonCode.ROW_REFUSED.reason(why=why))
    return StoreUnavailable(why=why)
