"""Foreign errors of the databases, wrapped where they enter."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg
from sqlalchemy.exc import DBAPIError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from lineament.errors import Damaged, LineamentError, Refused, StorageFull, StoreUnavailable, WorkspaceBusy

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What an operating system says when a file may not grow."""

_BUSY = (pg.LockNotAvailable, pg.DeadlockDetected, pg.QueryCanceled, pg.SerializationFailure)
_RESTORE = "restore the workspace from a backup"


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Errors of SQLAlchemy and of the drivers leave the block as Lineament's own."""
    try:
        yield
    except StatementError as error:
        foreign = error.orig
        if isinstance(foreign, LineamentError):  # raised by a column type of ours
            raise foreign from None
        if isinstance(foreign, sqlite3.Error):
            raise _of_sqlite(foreign, place) from error
        if isinstance(foreign, psycopg.Error):
            raise _of_postgresql(foreign, place) from error
        if isinstance(error, DBAPIError):
            raise StoreUnavailable(why=str(foreign)) from error
        raise
    except PoolTimeout as error:
        raise WorkspaceBusy(what="all connections are in use") from error
    except SQLAlchemyError as error:
        raise StoreUnavailable(why=str(error)) from error
    except sqlite3.Error as error:  # from the driver's own cursor, used where speed counts
        raise _of_sqlite(error, place) from error
    except psycopg.Error as error:
        raise _of_postgresql(error, place) from error


def of_system(error: OSError, place: object) -> LineamentError:
    """The operating system's word about a file, as Lineament's own."""
    if error.errno in _NO_ROOM:
        return StorageFull(path=place)
    return StoreUnavailable(why=f"{place}: {error.strerror or error}")


def _of_sqlite(error: sqlite3.Error, place: str) -> LineamentError:
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if kind == sqlite3.SQLITE_FULL:
        return StorageFull(path=place)
    if kind in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return WorkspaceBusy(what=str(error))
    if kind in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return Damaged(what=f"The database {place}", why=str(error), remedy=_RESTORE)
    if kind == sqlite3.SQLITE_CONSTRAINT:
        return Refused(reasons=f"the database does not take the row: {error}")
    return StoreUnavailable(why=str(error))


def _of_postgresql(error: psycopg.Error, place: str) -> LineamentError:
    why = " ".join(str(error).split())
    if isinstance(error, pg.DiskFull):
        return StorageFull(path=place)
    if isinstance(error, _BUSY):
        return WorkspaceBusy(what=why)
    if isinstance(error, pg.DataCorrupted | pg.IndexCorrupted):
        return Damaged(what=f"The database {place}", why=why, remedy=_RESTORE)
    if isinstance(error, psycopg.IntegrityError):
        return Refused(reasons=f"the database does not take the row: {why}")
    return StoreUnavailable(why=why)
