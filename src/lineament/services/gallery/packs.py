"""The model packs of a workspace: which there are, which is in use, and to which one the gallery is being moved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lineament.errors import Refused
from lineament.model.accounts import HOME_AGENCY, Permission
from lineament.model.packs import AddedPack
from lineament.model.reasons import ReasonCode
from lineament.model.sources import SourceState
from lineament.services.gallery.model_in_use import start_move
from lineament.services.needs import needs
from lineament.services.people.policies import policy_for
from lineament.services.threshold.making import end_approvals
from lineament.vision.added import describe_added, describe_shipped, recipes
from lineament.vision.packs import SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

    from lineament.services.record import Record
    from lineament.vision.added import Description


class PackHolder(Protocol):
    """The parts of a workspace that know its packs."""

    home: Path
    pack_name: str

    @property
    def next_pack_name(self) -> str: ...  # noqa: D102

    @property
    def added_packs(self) -> dict[str, AddedPack]: ...  # noqa: D102

    def model_of(self, pack: str) -> str: ...  # noqa: D102

    def model_to_use(self, pack: str) -> str: ...  # noqa: D102


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownPack:
    """A pack that ships, or that was added to the workspace."""

    description: Description
    added: AddedPack | None  # None: it ships
    in_use: bool
    left: int | None  # pictures to look at until the gallery is moved to it; None: it is not being moved to it

    @property
    def dimension(self) -> int:
        """The length of a template's vector, also if its manifest cannot be read."""
        return self.description.manifest.dimension if self.added is None else self.added.dimension


class Packs:
    """Shows the model packs of a workspace, and lets the gallery be moved to one."""

    def __init__(self, record: Record, workspace: PackHolder) -> None:
        self._record, self._workspace = record, workspace

    @needs(Permission.READ_SOURCES)
    def all(self) -> list[KnownPack]:
        """Return all packs, those that ship first."""
        added = self._workspace.added_packs
        return [self._known(name, added.get(name)) for name in [*SHIPPED, *added]]

    @needs(Permission.READ_SOURCES)
    def recipes(self) -> list[str]:
        """Return the recipes of packs that were not added."""
        added = self._workspace.added_packs
        return [name for name in recipes() if name not in added]

    @needs(Permission.READ_SOURCES)
    def get(self, name: str) -> KnownPack:
        """Return a pack. Raises NotFound."""
        self._workspace.model_of(name)
        return self._known(name, self._workspace.added_packs.get(name))

    @needs(Permission.OPERATE)
    def use(self, name: str) -> KnownPack:
        """Start to move the gallery to a pack: the next second look at all sources prepares it, then uses it.

        Naming the pack in use ends a move. Raises NotFound, PackDamaged, or Refused where the policy asks for a
        second person, who approves it (``Proposals.propose_pack``).
        """
        model = self._workspace.model_to_use(name)
        with self._record.change() as change:
            if name == self._workspace.pack_name:
                end_approvals(change)
            elif policy_for(change.tx, HOME_AGENCY).change_approval:
                raise Refused(ReasonCode.CHANGE_NOT_APPROVED.reason(model=model))
            start_move(change, name, model, in_use=self._workspace.pack_name)
        return self.get(name)

    def _known(self, name: str, added: AddedPack | None) -> KnownPack:
        description = describe_shipped(name) if added is None else describe_added(self._workspace.home, added)
        moving = name == self._workspace.next_pack_name != self._workspace.pack_name
        return KnownPack(
            description=description,
            added=added,
            in_use=name == self._workspace.pack_name,
            left=self._left(description.model) if moving else None,
        )

    def _left(self, model: str) -> int:
        """Return how many pictures the model has to look at until the gallery can be moved to it."""
        with self._record.read() as tx:
            kept = [source for source in tx.sources.all() if source.state is not SourceState.WITHDRAWN]
            return sum(tx.prepared.count_to_look_at(source.id, model) for source in kept)
