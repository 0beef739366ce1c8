"""An open transaction: the rows of each noun."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.engine import Connection

from lineament.store.abuse import AbuseRows
from lineament.store.accounts import AccountRows
from lineament.store.agencies import AgencyRows
from lineament.store.api_keys import ApiAnswerRows, ApiKeyRows
from lineament.store.batches import BatchRows
from lineament.store.bound import Digests, Touched, every_bound_row
from lineament.store.captures import CaptureRows
from lineament.store.case_records import DefenceNoticeRows, EvidenceRows
from lineament.store.cases import CaseRows
from lineament.store.collections import CollectionFaceRows, CollectionRows, SubjectRows
from lineament.store.deletions import DeletionRows
from lineament.store.devices import DeviceRows
from lineament.store.drops import DropRows
from lineament.store.faces import FaceRows
from lineament.store.factors import FactorRows
from lineament.store.jobs import JobRows
from lineament.store.keys import Vault
from lineament.store.ledger import LedgerRows
from lineament.store.members import MemberRows
from lineament.store.meta import MetaRows
from lineament.store.misuse import GuardedRows, MisuseRows
from lineament.store.notices import NoticeRows
from lineament.store.papers import PaperRows
from lineament.store.places import PlaceRows
from lineament.store.prepared import PreparedRows
from lineament.store.probes import ProbeRows
from lineament.store.proposals import ProposalRows
from lineament.store.publications import PublicationRows
from lineament.store.reviews import ReviewRows
from lineament.store.runs import RunRows
from lineament.store.sealed_rows import SealedRows
from lineament.store.searches import SearchRows
from lineament.store.sessions import SessionRows
from lineament.store.short_lived import ShortLivedRows
from lineament.store.source_reseal import SourceResealRows
from lineament.store.sources import SourceRows
from lineament.store.stops import StopRows
from lineament.store.suppressions import SuppressionRows
from lineament.store.tally import TallyRows
from lineament.store.watches import WatchRows
from lineament.store.witness_policies import WitnessPolicyRows


class Tx:
    """An open transaction: the rows of each noun."""

    def __init__(self, connection: Connection, vault: Vault, touched: Touched | None = None) -> None:
        self.connection = connection
        self.vault = vault
        self.touched = touched or Touched(vault=vault)
        self.meta = MetaRows(connection)
        self.sources = SourceRows(connection, vault)
        self.abuse = AbuseRows(connection, vault)
        self.captures = CaptureRows(connection, vault)
        self.places = PlaceRows(connection, vault)
        self.runs = RunRows(connection, vault)
        self.faces = FaceRows(connection, vault)
        self.tallies = TallyRows(connection)
        self.prepared = PreparedRows(connection, vault)
        self.agencies = AgencyRows(connection, vault)
        self.accounts = AccountRows(connection, vault)
        self.factors = FactorRows(connection, vault)
        self.sessions = SessionRows(connection, vault)
        self.devices = DeviceRows(connection, vault)
        self.short_lived = ShortLivedRows(connection, vault)
        self.api_keys = ApiKeyRows(connection, vault)
        self.api_answers = ApiAnswerRows(connection, vault)
        self.collections = CollectionRows(connection, vault)
        self.subjects = SubjectRows(connection, vault)
        self.collection_faces = CollectionFaceRows(connection, vault)
        self.stops = StopRows(connection, vault)
        self.cases = CaseRows(connection, vault)
        self.members = MemberRows(connection, vault)
        self.papers = PaperRows(connection)
        self.evidence = EvidenceRows(connection)
        self.defence_notices = DefenceNoticeRows(connection)
        self.probes = ProbeRows(connection)
        self.searches = SearchRows(connection, vault)
        self.batches = BatchRows(connection, vault)
        self.watches = WatchRows(connection, vault)
        self.notices = NoticeRows(connection, vault)
        self.reviews = ReviewRows(connection, vault)
        self.suppressions = SuppressionRows(connection)
        self.deletions = DeletionRows(connection)
        self.jobs = JobRows(connection, vault)
        self.drops = DropRows(connection, vault)
        self.proposals = ProposalRows(connection, vault)
        self.witness_policies = WitnessPolicyRows(connection, vault)
        self.misuse = MisuseRows(connection, vault)
        self.publications = PublicationRows(connection, vault)
        self.guarded = GuardedRows(connection, vault)
        self.ledger = LedgerRows(connection, vault)
        self.sealed = SealedRows(connection, vault)
        self.source_reseal = SourceResealRows(connection, vault)

    def unrecorded(self) -> Digests:
        """Return the digests of bound rows that this transaction changed and no entry of it commits to yet."""
        return self.touched.unrecorded(self.connection)

    def every_bound_row(self) -> Iterator[tuple[str, str]]:
        """Yield the name and the digest of every bound row except searches."""
        return every_bound_row(self.connection, self.vault)
