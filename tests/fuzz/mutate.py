"""Mutates inputs: JSON by its values, so that it stays JSON; everything else by its bytes, as libFuzzer does."""

from __future__ import annotations

import json
from contextlib import suppress
from random import Random
from typing import Any

import atheris

_SOMETIMES = 0.5
_ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**63,
    10**400,
    0.5,
    float("inf"),
    float("nan"),
    "",
    "a",
    "0",
    "00",
    "\0",
    "\ud800",
    "\u202e\n",
    "x" * 5000,
    "2024-05-31",
    "https://example.org/",
    [],
    [[]],
    ["a"],
    [[0, 1]],
    {},
    {"a": {}},
)


def mutated(data: bytes, most: int, seed: int) -> bytes:
    """Return a mutated input of at most ``most`` bytes, as atheris asks."""
    random = Random(seed)
    if random.random() < _SOMETIMES:
        with suppress(ValueError, RecursionError):
            mutated = _varied(data, random)
            if len(mutated) <= most:
                return mutated
    return bytes(atheris.Mutate(data, most))


def _varied(data: bytes, random: Random) -> bytes:
    """Return the input with one line of JSON mutated; ValueError if the chosen line is not JSON."""
    lines = data.split(b"\n")
    at = random.randrange(len(lines))
    line = lines[at]
    begin = min((found for entry in b"{[" if 0 <= (found := line.find(entry)) <= 1), default=0)  # a byte may choose
    whole = {"": json.loads(line[begin:])}
    places = list(_places(whole))
    for _ in range(random.randrange(1, 4)):
        holder, key = random.choice(places)
        with suppress(LookupError):  # one that is gone by now
            _vary(holder, key, random)
    lines[at] = line[:begin] + json.dumps(whole[""]).encode()
    return b"\n".join(lines)


def _places(value: Any) -> list[tuple[Any, Any]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, entry in inside for place in ((value, key), *_places(entry))]


def _vary(holder: Any, key: Any, random: Random) -> None:
    value = holder[key]
    how = random.randrange(5)
    if how == 0 and key != "":
        del holder[key]
    elif how == 1 and isinstance(value, str) and value:
        at = random.randrange(len(value))
        holder[key] = value[:at] + random.choice(("", value, "\0", "é", "9")) + value[at + 1 :]
    elif how == 2 and isinstance(value, str):
        with suppress(ValueError):  # JSON within JSON
            within = {"": json.loads(value)}
            _vary(*random.choice(_places(within)), random)
            holder[key] = json.dumps(within[""])
    elif how == 3 and isinstance(value, list):
        holder[key] = value * 2
    else:
        holder[key] = json.loads(json.dumps(random.choice(_ODD)))
