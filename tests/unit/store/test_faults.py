"""Errors of other libraries become Lineament's; each test has the real library raise its error."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError, InvalidRequestError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from lineament.errors import (
    Damaged,
    InvalidValue,
    LineamentError,
    NotFound,
    Refused,
    StorageFull,
    StoreUnavailable,
    WorkspaceBusy,
)
from lineament.store.faults import of_system, translated


def after(error: Exception) -> LineamentError:
    with pytest.raises(LineamentError) as caught, translated("/home/x/lineament.db"):
        raise error
    return caught.value


def wrapped(error: Exception) -> DBAPIError:
    return DBAPIError("SELECT 1", {}, error)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_FULL, StorageFull),
        (sqlite3.SQLITE_BUSY, WorkspaceBusy),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, WorkspaceBusy),
        (sqlite3.SQLITE_LOCKED, WorkspaceBusy),
        (sqlite3.SQLITE_CORRUPT, Damaged),
        (sqlite3.SQLITE_CORRUPT_INDEX, Damaged),
        (sqlite3.SQLITE_NOTADB, Damaged),
        (sqlite3.SQLITE_CONSTRAINT_CHECK, Refused),
        (sqlite3.SQLITE_IOERR_READ, StoreUnavailable),
        (sqlite3.SQLITE_CANTOPEN, StoreUnavailable),
        (sqlite3.SQLITE_READONLY, StoreUnavailable),
    ],
)
def test_errors_of_sqlite(code: int, kind: type[LineamentError]) -> None:
    error = sqlite3.OperationalError("it said so")
    error.sqlite_errorcode = code
    assert type(after(wrapped(error))) is kind
    assert type(after(error)) is kind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.DiskFull, StorageFull),
        (psycopg.errors.LockNotAvailable, WorkspaceBusy),
        (psycopg.errors.DeadlockDetected, WorkspaceBusy),
        (psycopg.errors.SerializationFailure, WorkspaceBusy),
        (psycopg.errors.DataCorrupted, Damaged),
        (psycopg.errors.IndexCorrupted, Damaged),
        (psycopg.errors.CheckViolation, Refused),
        (psycopg.errors.RestrictViolation, Refused),
        (psycopg.errors.ReadOnlySqlTransaction, StoreUnavailable),
        (psycopg.OperationalError, StoreUnavailable),
    ],
)
def test_errors_of_postgresql(error: type[Exception], kind: type[LineamentError]) -> None:
    assert type(after(wrapped(error("it said so\nin two lines")))) is kind


def test_errors_of_sqlalchemy() -> None:
    assert type(after(PoolTimeout())) is WorkspaceBusy
    assert type(after(InvalidRequestError("no"))) is StoreUnavailable


def test_our_own_errors_pass() -> None:
    own = NotFound(what="case", name="x", hint="y")
    assert after(own) is own
    inside = InvalidValue(what="A time", value="x", why="y")
    assert after(wrapped(inside)) is inside


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), translated("x"):
        raise ZeroDivisionError


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_no_room(number: int) -> None:
    assert type(of_system(OSError(number, os.strerror(number)), Path("/blobs"))) is StorageFull


def test_other_words_of_the_operating_system() -> None:
    error = of_system(OSError(errno.EACCES, os.strerror(errno.EACCES)), Path("/blobs"))
    assert type(error) is StoreUnavailable
    assert "/blobs: Permission denied" in str(error)
