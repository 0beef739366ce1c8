"""Lists of known-abuse material as they are distributed; every digest here is made up."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.vics import document

from lineament.errors import NoSuchFile, NotRead
from lineament.model.known import CATEGORIES, ListedFile, ListEntryRead, ListKind, NotListed
from lineament.sources.folder.captures import LONGEST_LINE
from lineament.sources.known.lists import read_list

MD5, SHA1, SHA256, PDQ = "0123456789ABCDEF" * 2, "01" * 20, "ab" * 32, "f0" * 32
HEADER = (
    "MD5;SHA1;PhotoDNA;Image ID;Is distributed;Victim identified;Offender identified;Series name;"
    "Number of submissions;File Available;Media Type;Baseline"
)


def entries(
    path: Path, text: str | bytes, kind: ListKind | None = None, categories: frozenset[int] = CATEGORIES
) -> tuple[ListKind, list[ListEntryRead]]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    told, found = read_list(path, kind, categories)
    return told, list(found)


def file(*digests: str) -> ListedFile:
    return ListedFile(digests=tuple(digest.lower() for digest in digests))


def pdq(text: str = PDQ) -> ListedFile:
    return ListedFile(hashes=(bytes.fromhex(text),))


def test_the_first_digest_of_each_line_counts(tmp_path: Path) -> None:
    text = f"\ufeff{MD5}\r\n\r\n1,{SHA1},x\n{SHA256} {MD5}\nnothing\nd41d8cd98f00b204e9800998ecf8427e\n"
    wanted = [file(MD5), file(SHA1), file(SHA256), NotListed.NO_DIGEST, NotListed.EMPTY_FILE]
    assert entries(tmp_path / "list.txt", text) == (ListKind.DIGESTS, wanted)


@pytest.mark.parametrize("version", ["1.3", "2.0"])
def test_of_a_hash_set_only_the_categories_that_are_named_are_taken(tmp_path: Path, version: str) -> None:
    records = [
        {"MD5": MD5, "SHA1": SHA1.upper(), "Category": 1, "IsDistributed": "true", "PhotoDNA": "A" * 192},
        {"MD5": MD5, "Category": "2"},
        {"MD5": MD5, "Category": 2.0},
        {"MD5": MD5, "Category": 3},
        {"MD5": MD5, "Category": 0},
        {"MD5": MD5, "Category": None},
        {"MD5": MD5, "Category": "many"},
        {"MD5": MD5, "Category": -1},
        {"MD5": MD5},
        {"Category": 1},
        {"MD5": "short", "Category": 1},
        {"MD5": "D41D8CD98F00B204E9800998ECF8427E", "Category": 1},
        {"Category": 1, "AlternativeHashes": [{"HashName": "SHA-256", "HashValue": SHA256}, 5]},
        {"Category": 1, "AlternativeHashes": [{"HashName": "PDQ", "HashValue": PDQ}]},
        7,
    ]
    kind, found = entries(tmp_path / "set.json", document(records, version))
    assert kind is ListKind.VICS
    assert found == [
        file(MD5, SHA1),
        file(MD5),
        file(MD5),
        NotListed.OTHER_CATEGORY,
        *[NotListed.UNCATEGORISED] * 5,
        NotListed.NO_DIGEST,
        NotListed.UNUSABLE,
        NotListed.EMPTY_FILE,
        file(SHA256),
        pdq(),
        NotListed.UNUSABLE,
    ]
    other = entries(tmp_path / "set.json", document(records, version), categories=frozenset({0, 3}))[1]
    assert other.count(NotListed.UNCATEGORISED) == 5, "0 is not taken, even if it is named"
    assert file(MD5) in other


def test_a_case_export_is_a_hash_set_too(tmp_path: Path) -> None:
    case = {"Media": [{"MD5": MD5, "Category": 1, "RelativeFilePath": "a.jpg"}]}
    assert entries(tmp_path / "case.json", document([case], of="Cases"))[1] == [file(MD5)]


def test_an_icse_table_is_told_by_its_columns(tmp_path: Path) -> None:
    rows = [
        f"{MD5};{SHA1};AAAA;17;true;N;N;“a; series”;3;Y;Image;Y".replace("“", '"').replace("”", '"'),
        f"{MD5};;;18",
        f"{MD5};;;18;;;;;;;;;;;more;columns",
        ";;;19;;;;;;;;",
        "x;y;;20;;;;;;;;",
        "",
        f'"{MD5.lower()}";{SHA1};;21;;;;"two\nlines";;;;',
    ]
    wanted = [file(MD5, SHA1), file(MD5), file(MD5), NotListed.NO_DIGEST, NotListed.UNUSABLE, file(MD5, SHA1)]
    text = "\r\n".join([HEADER, *rows])
    assert entries(tmp_path / "icse.csv", text) == (ListKind.ICSE, wanted)
    assert entries(tmp_path / "icse.csv", text.replace(HEADER, HEADER.upper()))[1] == wanted
    with pytest.raises(NotRead, match="names no column"):
        entries(tmp_path / "other.csv", "a;b\n", ListKind.ICSE)
    with pytest.raises(NotRead, match="is no table"):
        entries(tmp_path / "open.csv", f'{HEADER}\n{MD5};"' + "x\n" * LONGEST_LINE)


@pytest.mark.parametrize(
    "text",
    [
        f"{PDQ}\n",
        f"# made up\n\n{PDQ},100,photo.jpg\n",
        f"{PDQ.upper()}\t50\n",
        f"hash,quality,url\n{PDQ},77,x\n",
        f"pdq;quality\n{PDQ};100\n",
        f"quality,file name,hash\n80,7,{PDQ}\n",
        f'"{PDQ}","50"\n',
        f"{PDQ} 99\n",
        f"{PDQ},not a number\n",
    ],
)
def test_hashes_are_read_with_their_quality(tmp_path: Path, text: str) -> None:
    assert entries(tmp_path / "pdq.txt", text, ListKind.PDQ)[1] == [pdq()]


def test_what_is_no_hash_or_of_low_quality_is_counted(tmp_path: Path) -> None:
    lines = [f"{PDQ},49", f"{PDQ} 0", PDQ[:-1], "0" * 64, "f" * 64, "nothing", f"{PDQ},101"]
    wanted = [*[NotListed.LOW_QUALITY] * 2, NotListed.NO_DIGEST, *[NotListed.UNUSABLE] * 2, NotListed.NO_DIGEST, pdq()]
    assert entries(tmp_path / "pdq.txt", "\n".join(lines), ListKind.PDQ)[1] == wanted
    columns = entries(tmp_path / "pdq.csv", f"id,hash_pdq,quality\n99,{PDQ},10\n,{PDQ},\n")
    assert columns == (ListKind.PDQ, [NotListed.LOW_QUALITY, pdq()])


def test_a_plain_list_of_64_digits_is_one_of_sha_256(tmp_path: Path) -> None:
    assert entries(tmp_path / "list.txt", PDQ) == (ListKind.DIGESTS, [file(PDQ)])


@pytest.mark.parametrize("kind", [ListKind.DIGESTS, ListKind.PDQ])
def test_a_line_without_end_is_refused(tmp_path: Path, kind: ListKind) -> None:
    with pytest.raises(NotRead, match="longer than"):
        entries(tmp_path / "list.txt", f"{PDQ}\n" + "a" * (LONGEST_LINE + 1), kind)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoSuchFile):
        read_list(tmp_path / "gone", None, CATEGORIES)
    with pytest.raises(NotRead, match="folder"):
        read_list(tmp_path, None, CATEGORIES)
    with pytest.raises(NotRead, match="no VICS file"):
        entries(tmp_path / "side-car.json", "[]")
