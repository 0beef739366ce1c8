"""Sends generated requests to every route of the API, with every check of Schemathesis on, as long as one likes.

    python -m bench.fuzz_api [--minutes 10] [--seed N]

Half of the time goes to a key that is bound to a case, half to one that reaches beyond it. Ends with 1 if an answer was
a fault of the server, was not described, or was otherwise than described; then it says how to repeat the request.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
from pathlib import Path

from tests.support.api_fuzz import fuzz, fuzzed_api

from bench import machine
from lineament.testing import unsynced


def main() -> None:
    """Run it, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    options = parser.parse_args()
    print(f"{machine.line()}\nseed {options.seed}")
    failed = False
    with tempfile.TemporaryDirectory() as folder, unsynced(), fuzzed_api(Path(folder)) as api:
        seconds = max(1, round(options.minutes * 60 / len(api.keys)))
        for key in api.keys:
            ran = fuzz(api, key, "--seed", str(options.seed), "--continue-on-failure", seconds=seconds)
            if ran.returncode:
                print(ran.stdout, ran.stderr)
                failed = True
            found = re.search(r"Test cases:\n\s*(.*)", ran.stdout)
            print("requests:", "none" if found is None else found[1])
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
