from __future__ import annotations

import pickle
import re
import string
from collections.abc import Iterator

import pytest
from tests.conftest import ROOT

from lineament import errors
from lineament.errors import LineamentError, Refused
from lineament.model.reasons import ReasonCode, Remedy

PAGE = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
KEBAB = re.compile(r"[a-z]+(-[a-z]+)*")


def kinds(root: type[LineamentError] = LineamentError) -> Iterator[type[LineamentError]]:
    """Yield every class of errors that the module defines."""
    yield root
    for kind in root.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield from kinds(kind)


def test_every_class_of_errors_has_a_code_of_its_own_and_stands_in_the_docs() -> None:
    found = {kind.__name__: kind.code for kind in kinds()}
    assert len(found) > 50
    assert len(set(found.values())) == len(found)
    for name, code in found.items():
        assert KEBAB.fullmatch(code)
        assert f"| `{code}` | `{name}` |" in PAGE


@pytest.mark.parametrize("code", ReasonCode)
def test_every_reason_stands_in_the_docs_and_fills_in_its_words(code: ReasonCode) -> None:
    assert KEBAB.fullmatch(code)
    assert f"| `{code}` | {code.template} | {code.remedy.value} |" in PAGE
    templates = code.template + code.remedy.command
    names = [name for _, name, _, _ in string.Formatter().parse(templates) if name]
    if names:
        with pytest.raises(KeyError):
            code.reason()
    else:
        assert code.reason().words == code.template


def test_codes_of_reasons_differ() -> None:
    assert len({code.value for code in ReasonCode}) == len(ReasonCode.__members__)


def test_a_refusal_says_all_its_reasons_and_crosses_processes_whole() -> None:
    reasons = ReasonCode.NO_REASON.reason(), ReasonCode.PURPOSE.reason(name="untargeted", why="{braces} stay")
    refused = pickle.loads(pickle.dumps(Refused(*reasons)))  # noqa: S301 - our own bytes
    assert refused.reasons == reasons
    assert [reason.remedy for reason in refused.reasons] == [Remedy.NOTHING, Remedy.NOTHING]
    message = "Refused: no reason is given for the search; the purpose is refused (untargeted): {braces} stay."
    assert str(refused) == message


def test_the_command_of_a_remedy_names_the_case_as_a_shell_reads_it() -> None:
    reason = ReasonCode.NOT_AUTHORISED.reason(ref="K 1; rm -rf ~")
    assert reason.words == "the case K 1; rm -rf ~ seeks a suspect and has no authorisation yet"
    line = "lineament case authorise 'K 1; rm -rf ~' --authority TEXT --decided DATE --scope TEXT"
    assert reason.command == line
    assert ReasonCode.NO_REASON.reason().command is None
