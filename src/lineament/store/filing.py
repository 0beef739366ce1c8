"""Files the entries of an older version under whoever made them, which only their sealed details say."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, RowMapping

from lineament.errors import Damaged
from lineament.store.keys import Vault
from lineament.store.ledger_tables import ledger_details
from lineament.store.people_tables import accounts

FILED_SINCE = "0005"
"""The first revision whose entries are filed under accounts."""
_PAGE = 1000


def file_by_account(connection: Connection, vault: Vault) -> None:
    """File every entry under its account; nothing in a workspace without accounts, as a solo one.

    Triggers refuse to change the details of an entry, so that each row is made anew. Details that do not open are left
    as they are, for whoever verifies the ledger.
    """
    if connection.scalar(sa.select(sa.func.count()).select_from(accounts)) == 0:
        return
    seq = ledger_details.c.seq
    query, after = sa.select(ledger_details).order_by(seq).limit(_PAGE), -1
    while page := connection.execute(query.where(seq > after)).mappings().all():
        after = page[-1]["seq"]
        filed = [dict(row) | {"account_id": account} for row in page if (account := _account(vault, row))]
        if filed:
            connection.execute(sa.delete(ledger_details).where(seq.in_([row["seq"] for row in filed])))
            connection.execute(sa.insert(ledger_details), filed)


def _account(vault: Vault, row: RowMapping) -> str | None:
    try:
        details: dict[str, Any] = json.loads(vault.open(row["sealed"], f"ledger|{row['seq']}"))
    except (Damaged, TypeError):  # SQLite's columns may hold anything
        return None
    return details.get("account")
