"""A manifest is written by strangers: whatever it says, it is read or refused in one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineament.vision.added import is_own, recipes
from lineament.vision.manifest import MAX_MANIFEST, Manifest, Unfit, parse, written
from lineament.vision.packs import RECIPES, SFACE_YUNET, read_manifest

DIGEST = "ab" * 32
NET: dict[str, Any] = {
    "file": "net.onnx",
    "sha256": DIGEST,
    "colours": "RGB",
    "side": 112,
    "dimension": 4,
    "points": [[38, 51], [73, 51], [56, 71], [41, 92], [70, 92]],
}
LICENCE = {"part": "net", "name": "MIT", "owner": "me", "address": "https://example.org/l", "forbids": "nothing"}
FACTS: dict[str, Any] = {
    "name": "other",
    "licence": "MIT",
    "recogniser": [NET],
    "licences": [LICENCE],
    "files": {"net.onnx": {"address": "https://example.org:8443/net.onnx", "size": 12}},
    "reference": [0.5, 0.5, 0.5, 0.5],
}


def read(facts: object) -> Manifest:
    return parse(json.dumps(facts).encode(), form="json", detector=SFACE_YUNET.detector)


def with_net(**changes: object) -> dict[str, Any]:
    return FACTS | {"recogniser": [NET | changes]}


def test_what_is_written_is_read_back() -> None:
    found = read(FACTS)
    assert parse(written(found), form="json", detector=SFACE_YUNET.detector) == found
    centred = read(
        FACTS
        | {"recogniser": [NET | {"centre": [0.1, 0.2, 0.3, 0.4]}, NET | {"weight": 0.4, "views": [1]}]}
        | {"reference": [0.1] * 8}
    )
    assert parse(written(centred), form="json", detector=SFACE_YUNET.detector) == centred
    assert centred.dimension == 8


@pytest.mark.parametrize("name", recipes())
def test_a_recipe_can_be_read_unless_it_is_for_a_net_of_one_s_own(name: str) -> None:
    path = RECIPES / f"{name}.toml"
    assert is_own(path) is (name == "insightface")
    if is_own(path):
        with pytest.raises(Unfit, match="has no"):
            read_manifest(path)
    else:
        found = read_manifest(path)
        assert (found.name, bool(found.licences)) == (name, True)
        assert parse(written(found), form="json", detector=SFACE_YUNET.detector) == found


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ([], "not a table"),
        (FACTS | {"name": "../x"}, "small letters"),
        (FACTS | {"name": "x" * 41}, "small letters"),
        (FACTS | {"licence": ""}, "text"),
        (FACTS | {"licence": "\x1b[2J"}, "text"),
        (FACTS | {"recogniser": []}, "a recogniser"),
        (FACTS | {"recogniser": [NET] * 5}, "at most 4"),
        (FACTS | {"unknown": 1}, "not known"),
        (with_net(unknown=1), "not known"),
        (with_net(file="../../etc/passwd"), "name of a file"),
        (with_net(file="/etc/passwd"), "name of a file"),
        (with_net(file="..onnx/"), "name of a file"),
        (with_net(file="a\\b"), "name of a file"),
        (with_net(file=".hidden"), "name of a file"),
        (with_net(dimension=0), "whole number"),
        (with_net(dimension=10**9), "whole number"),
        (with_net(dimension=True), "whole number"),
        (with_net(dimension=128.0), "whole number"),
        (with_net(side=10**6), "whole number"),
        (with_net(sha256="AB" * 32), "SHA-256"),
        (with_net(weight=float("nan")), "number from"),
        (with_net(weight=0), "number from"),
        (with_net(weight=10**400), "number from"),
        (with_net(centre=[float("inf")] * 4), "numbers from"),
        (with_net(centre=[0.0] * 3), "4 numbers"),
        (with_net(scale=[0, 1, 1]), "numbers from"),
        (with_net(points=[[1, 1]] * 5), "differ"),
        (with_net(points=[[1, 1]] * 4), "five"),
        (with_net(points=[[1, 1e9]] * 5), "numbers from"),
        (with_net(file="net.xml"), "the .bin"),
        (with_net(file="net.xml", weights="other.bin", weights_sha256=DIGEST), "the .bin"),
        (FACTS | {"files": {"net.onnx": {"address": "http://example.org/"}}}, "https"),
        (FACTS | {"files": {"net.onnx": {"address": "https://a@b/"}}}, "https"),
        (FACTS | {"files": {"other.onnx": {}}}, "no net uses"),
        (FACTS | {"files": {"net.onnx": {"size": 2**40}}}, "whole number"),
        (FACTS | {"recogniser": [NET, NET | {"sha256": "cd" * 32}], "reference": [0.0] * 8}, "two digests"),
        (FACTS | {"reference": [2.0] * 4}, "numbers from"),
        (FACTS | {"licences": [{**LICENCE, "address": "javascript:x"}]}, "https"),
    ],
)
def test_it_says_what_is_wrong(facts: object, why: str) -> None:
    with pytest.raises(Unfit, match=why) as refused:
        read(facts)
    assert "\n" not in str(refused.value)


def test_one_that_is_too_large_or_nested_too_deeply_is_refused() -> None:
    with pytest.raises(Unfit, match="bytes"):
        parse(b" " * (MAX_MANIFEST + 1), form="toml", detector=SFACE_YUNET.detector)
    with pytest.raises(Unfit, match="cannot be read"):
        parse(b"[" * 100_000, form="json", detector=SFACE_YUNET.detector)
    with pytest.raises(Unfit, match="cannot be read"):
        parse(b"a=" + b"[" * 100_000, form="toml", detector=SFACE_YUNET.detector)


_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just(DIGEST),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(key=st.sampled_from([*FACTS, *NET, "views", "weight", "mean", "scale", "centre", "weights"]), value=_ANYTHING)
def test_any_value_of_any_key_is_read_or_refused(key: str, value: object) -> None:
    _read_or_refused(FACTS | {key: value} if key in FACTS else with_net(**{key: value}))


@given(content=st.binary(max_size=200), form=st.sampled_from(["toml", "json"]))
def test_any_bytes_are_read_or_refused(content: bytes, form: str) -> None:
    with pytest.raises(Unfit):
        parse(content, form=form, detector=SFACE_YUNET.detector)


def _read_or_refused(facts: Mapping[str, object]) -> None:
    try:
        found = read(facts)
    except Unfit:
        return
    assert 1 <= found.dimension <= 4 * 4096
    assert all("/" not in name for name in found.digests)
