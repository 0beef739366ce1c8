"""What can be done about a refusal: each remedy has a page and a command, and both exist."""

from __future__ import annotations

import re
import shlex
from typing import Any
from urllib.parse import urlsplit

import pytest

from lineament.__main__ import application
from lineament.cli.commands import COMMANDS
from lineament.model.reasons import ReasonCode, Remedy
from lineament.web.app import declared
from lineament.web.casewords import remedy_link

REMEDIES = [remedy for remedy in Remedy if remedy is not Remedy.NOTHING]


def found(line: str) -> tuple[Any, list[str]]:
    """Return the command that a line runs, and what follows its name."""
    program, *words = shlex.split(line)
    assert program == "lineament"
    assert words[0] in COMMANDS
    command: Any = application()
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    return command, words


def test_without_a_remedy_there_is_neither_page_nor_command() -> None:
    assert remedy_link(Remedy.NOTHING, "/probes/p", "/cases/k") is None
    assert Remedy.NOTHING.command == ""


def test_every_remedy_is_that_of_a_reason() -> None:
    assert {code.remedy for code in ReasonCode} == set(Remedy)


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.name)
def test_every_remedy_has_a_command_with_all_that_it_requires(remedy: Remedy) -> None:
    command, words = found(remedy.command)
    options = {word for word in words if word.startswith("--")}
    known = {option for parameter in command.params for option in parameter.opts}
    required = [parameter for parameter in command.params if parameter.required]
    assert options <= known
    assert {parameter.opts[0] for parameter in required if parameter.param_type_name == "option"} <= options
    flags = {
        option for parameter in command.params if getattr(parameter, "is_flag", False) for option in parameter.opts
    }
    arguments = len(words) - 2 * len(options) + len(options & flags)
    assert arguments == sum(parameter.param_type_name == "argument" for parameter in required)


@pytest.mark.parametrize("remedy", REMEDIES, ids=lambda remedy: remedy.name)
def test_every_remedy_has_a_page(remedy: Remedy) -> None:
    link = remedy_link(remedy, "/probes/p", "/cases/k")
    assert link is not None
    words, address = link
    path = urlsplit(address).path or "/probes/p"
    pages = [re.sub(r"\{\w+\}", "[^/]+", route.path) for route in declared() if route.method == "GET"]
    assert words
    assert any(re.fullmatch(page, path) for page in pages)
