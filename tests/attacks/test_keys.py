"""Keys: what a stolen disk, database or key file gives, who holds the key, and that a rotated key opens nothing."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.support import softhsm
from tests.support.world import CASE, settings, solo

from lineament.errors import KeyHolderUnavailable, WrongKey
from lineament.model.sources import SourceTerms
from lineament.testing import fake_transit
from lineament.workspace import Workspace

TERMS = SourceTerms(name="press", controller="Press agency", basis="LED Art. 8", jurisdiction="FR")


def holder_of(kind: str, token: Path, base: str) -> dict[str, Any]:
    """Return the settings of a workspace whose key a token or a transit service holds."""
    if kind == "pkcs11":
        uri = f"pkcs11:token={softhsm.TOKEN};object=attacked?module-path={softhsm.MODULE}"
        return {"key_holder": uri, "key_secret": token}
    return {"key_holder": f"transit+{base}/transit/attacked", "key_secret": token}


@pytest.mark.parametrize("kind", ["pkcs11", "transit"])
def test_a_stolen_folder_with_its_database_gives_nothing_without_the_key_holder(
    kind: str, tmp_path: Path, token: Path
) -> None:
    home = tmp_path / "ws"
    with fake_transit(softhsm.PIN) as service:
        held = holder_of(kind, token, service.base)
        with solo(home, **held) as world:
            world.machine.sources.add(TERMS)
            case = world.machine.casework.open(CASE)
        with Workspace.open(settings(home, **held)) as workspace:
            assert workspace.desk_at_the_machine().casework.get(case.ref).terms.offence == CASE.offence
        stolen = tmp_path / "stolen"
        shutil.copytree(home, stolen)
    assert list((stolen / "keys").iterdir()) == []
    with pytest.raises(WrongKey):
        Workspace.open(settings(stolen))
    with fake_transit(softhsm.PIN) as another:
        elsewhere = {"key_holder": f"transit+{another.base}/transit/attacked", "key_secret": token}
        with pytest.raises((WrongKey, KeyHolderUnavailable)):
            Workspace.open(settings(stolen, **elsewhere))
    shutil.copytree(stolen, tmp_path / "with a key file")
    with solo(tmp_path / "other"):
        shutil.copy(tmp_path / "other" / "keys" / "kek", tmp_path / "with a key file" / "keys" / "kek")
    with pytest.raises(WrongKey):
        Workspace.open(settings(tmp_path / "with a key file"))


def test_the_key_file_alone_seals_nothing_that_the_database_holds(tmp_path: Path) -> None:
    """The keys that seal are in the database, wrapped: the file without the database, or the reverse, opens nothing."""
    home = tmp_path / "ws"
    with solo(home) as world:
        kek = bytes.fromhex((home / "keys" / "kek").read_text().split()[-1])
        held = world.workspace.keys.keys
        with world.workspace.store.read() as tx:
            stored = str(tx.meta.get("key ring"))
    assert kek not in {held.root, held.finding, held.generations[0].wrapping, held.generations[0].sealing}
    assert held.root.hex() not in stored
    with solo(tmp_path / "other") as other, pytest.raises(WrongKey):
        other.workspace.keys.opened(stored)
