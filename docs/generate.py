"""Write the pages of docs/reference/ that are made from the code: commands, settings, errors, API, policy, roles.

The answers that the client knows, in src/lineament/client/answers.py, are made as well.

Run it as ``python docs/generate.py``; a test fails when a page is behind the code.
"""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

from lineament import errors
from lineament.__main__ import application
from lineament.model.accounts import ROLES, SEPARATED, Permission, Role
from lineament.model.jurisdictions import NOTICE as LAW_NOTICE
from lineament.model.jurisdictions import packs
from lineament.model.policy import AGENCY, SETTINGS, SOLO
from lineament.model.purposes import LANGUAGES, REFUSED
from lineament.model.reasons import ReasonCode, Remedy
from lineament.observe.catalogue import CATALOGUE, Label, Told
from lineament.observe.stages import NO_ROUTE
from lineament.observe.traces import ATTRIBUTES, ONE_IN
from lineament.settings import described
from lineament.sources.registry import registrations
from lineament.views.jurisdictions import acts, where
from lineament.views.policies import setting_words
from lineament.views.values import upper_first
from lineament.web.app import declared
from lineament.web.casewords import remedy_link
from lineament.workspace.observing import told_values

sys.path.append(str(Path(__file__).parent))
import of_api

REFERENCE = Path(__file__).parent / "reference"
ANSWERS = Path(__file__).parents[1] / "src" / "lineament" / "client" / "answers.py"
OPTIONS = """Options of `lineament` itself, on any command: `--home DIR` (may stand anywhere on the line), `--version`,
`--install-completion` and `--show-completion` for the shell.
"""
REASONS = """## Reasons of a refusal

`Refused` carries every reason, each with a code of its own. Codes do not change; words may. If a reason can be
remedied, the terminal prints the command below the error. In JSON, each reason has `code`, `words`, `remedy` and
`command`; the last two are null if nothing can be done with Lineament.

"""
REMEDIES = """## Remedies

Values in braces come from the reason; those in capitals are for you to fill in.

| what can be done | command | page |
| --- | --- | --- |
"""
CODES = """An error is one line on standard error. The exit code says what kind of error it is; the
code names it for programs and does not change. Exit code 0 is success (also without a candidate),
2 a command line that cannot be parsed, 130 an interruption by Ctrl-C, 141 a closed pipe.

With `--json`, a command that fails also prints `{"error": {"code": …, "message": …, "reasons": […]}}` on standard
output. `reasons` is empty unless the command was refused. If a face has to be chosen, `faces` has the number and the
box of each, and the terminal prints them as a table.

"""
NOTE = "<!-- Made by docs/generate.py from the code; do not edit by hand. -->\n\n"


def commands() -> str:
    """Every command with its arguments and options."""
    root = application()
    parts = [
        "# Commands\n\n",
        NOTE,
        OPTIONS,
    ]
    parts.extend(_command(name, command) for name, command in _all(root, "lineament"))
    return "".join(parts)


def _all(command: Any, name: str) -> list[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return [(name, command)]
    return [found for sub in sorted(inner) for found in _all(inner[sub], f"{name} {sub}")]


def _command(name: str, command: Any) -> str:
    lines = [f"\n## `{name}`\n\n{(command.help or '').strip()}\n\n", "| what | meaning |\n| --- | --- |\n"]
    for parameter in command.params:
        text = (getattr(parameter, "help", "") or "").strip()
        kind = parameter.metavar or parameter.name.upper()
        if parameter.param_type_name == "argument":
            shown = kind
        else:
            shown = ", ".join(parameter.opts) + ("" if parameter.is_flag else f" {kind}")
            if parameter.required:
                text += " Required."
            elif parameter.default not in {None, False, ()} and not callable(parameter.default):
                text += f" Default: {parameter.default}."
        lines.append(f"| `{shown}` | {text} |\n")
    return "".join(lines)


def settings() -> str:
    """Every setting, its kind, default and meaning."""
    lines = [
        "# Settings\n\n",
        NOTE,
        "Settings come from the environment. Nothing else in Lineament reads it.\n\n",
        "| variable | default | meaning |\n| --- | --- | --- |\n",
    ]
    lines += [f"| `{variable}` | {default} | {meaning} |\n" for variable, default, meaning in described()]
    return "".join(lines)


def error_pages() -> str:
    """Return every error with its exit code, code and message, and every reason of a refusal."""
    kinds = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.LineamentError)]
    kinds.sort(key=lambda kind: (kind.exit_code, kind.__name__))
    lines = [
        "# Errors and exit codes\n\n",
        NOTE,
        CODES,
        "| exit code | code | error | message |\n| --- | --- | --- | --- |\n",
    ]
    for kind in kinds:
        message = " ".join((kind.__doc__ or "").split()).replace("|", "\\|")
        lines.append(f"| {kind.exit_code} | `{kind.code}` | `{kind.__name__}` | {message} |\n")
    lines += ["\n", REASONS, "| code | words | what can be done |\n| --- | --- | --- |\n"]
    lines.extend(f"| `{code}` | {code.template} | {code.remedy.value} |\n" for code in ReasonCode)
    lines += ["\n", REMEDIES]
    for remedy in Remedy:
        link = remedy_link(remedy, "", "/cases/{ref}")
        if link is not None:
            words, address = link
            address = f"/probes/{{probe}}{address}" if address.startswith("#") else address.partition("?")[0]
            lines.append(f"| {remedy.value} | `{remedy.command}` | {words}, `{address}` |\n")
    return "".join(lines)


METRICS = """`lineament serve` shows these at the address in `LINEAMENT_METRICS`, `lineament worker` at that in
`LINEAMENT_WORKER_METRICS`, each for its own process, at `/metrics` in Prometheus' text format. No label names an
agency, an account, a case or a source; a value that is not on the list of its label is told as `other`. What people do
is told *by tens*: as it stood when the number of searches was last a multiple of ten
([why](../adr/0044-what-operators-see.md)). Counters end with `_total` there, and histograms have buckets from 1 ms to
a minute. What to watch is in the [guide](../guide/deployment.md#10-monitoring).

"""


def metrics() -> str:
    """Return every metric, and the values of every label."""
    values = told_values(frozenset({"the templates in the list of [pages](pages.md)", NO_ROUTE}))
    lines = [
        "# Metrics\n\n",
        NOTE,
        METRICS,
        "| metric | kind | labels | told | meaning |\n| --- | --- | --- | --- | --- |\n",
    ]
    for metric in CATALOGUE:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        told = "by tens" if metric.told is Told.BY_TENS else metric.told.value
        lines.append(f"| `{metric.name}` | {metric.kind} | {labels} | {told} | {metric.meaning} |\n")
    lines.append("\n## Labels\n\n| label | values |\n| --- | --- |\n")
    for label, known in values.items():
        words = "the codes of [errors](errors.md)" if label is Label.CODE else ", ".join(sorted(known))
        lines.append(f"| `{label}` | {'100 to 599' if label is Label.STATUS else words} |\n")
    attributes = ", ".join(f"`{name}`" for name in ATTRIBUTES.values())
    lines.append(
        f"\n## Traces\n\nOne trace in {ONE_IN} is sent to `LINEAMENT_OTLP_ENDPOINT`. Its spans are named as the "
    )
    lines.append(f"values of `{Label.STAGE}`, and have no attributes but {attributes}.\n")
    return "".join(lines)


ENTRANCE = (
    "While a workspace is solo, `lineament serve` prints the address `/?token=…`, which works once; the next one is "
    "printed when it was used. Whoever opens it gets a session, in a cookie that every tab has and no script can read, "
    "and is redirected to `/`; officials with accounts sign in instead. Requests before signing in are limited by "
    "client ([0022](../adr/0022-signing-in-under-attack.md)). The column "
    "*access* names the [permission](roles.md) that a page needs; *public* is open to anybody. A POST is accepted only "
    "from our own pages: it carries the session's form token, and the origin that the browser states must agree. In "
    "the address of a case, its reference keeps its letters, digits, `-` and `_`, and every other byte is written like "
    "`~2F`.\n\n"
)


def web_pages() -> str:
    """Every address of the pages, with who may open it."""
    lines = [
        "# Pages\n\n",
        NOTE,
        ENTRANCE,
        "| | address | access | what |\n| --- | --- | --- | --- |\n",
    ]
    lines.extend(f"| {route.method} | `{route.path}` | {route.access} | {route.summary} |\n" for route in declared())
    return "".join(lines)


POLICY = """The policy of an agency sets what it requires of its people. It starts from a preset: `solo` while one
person works alone, `agency` from the second account on, permanently. For each setting, an agency may be stricter than
its preset, never laxer (`lineament policy --set SETTING=VALUE`, or the page `/policy`). R8, R45 … number the
requirements of law and forensic practice that a setting serves.

"""
REFUSED_PURPOSES = """## Refused purposes

No policy can change these (R10). Offence, purpose, legal basis, the facts of an initial identification, the reason of
an urgency, the scope of an authorisation and the reason of each search are read, in {languages}, whatever letters,
accents, capitals or invisible characters they are written in. Words that name a refused purpose are refused. Words that
may be innocent, and refused ones beside a crime or a missing person (“Asylum seeker missing”), are in doubt: nobody
searches in the case until a supervisor states why these words are allowed in it (`lineament case allow`, or the page of
the case's authorisation). Alone, the examiner states it, and the record says so. The words are in
`src/lineament/model/refused/`, and why it is so in
[decision 24](../adr/0024-words-alone-never-decide.md).

"""
STRICTER = {"more": "more", "less": "less", "on": "yes"}


def policy() -> str:
    """Every setting of a policy with its value in both presets, which way is stricter, its rule and its meaning."""
    lines = [
        "# Policy\n\n",
        NOTE,
        POLICY,
        "| setting | `solo` | `agency` | stricter is | rule | meaning |\n| --- | --- | --- | --- | --- | --- |\n",
    ]
    for setting in SETTINGS:
        solo, agency = (setting_words(getattr(preset, setting.name)) for preset in (SOLO, AGENCY))
        stricter, rule, meaning = (setting.metadata[key] for key in ("stricter", "rule", "meaning"))
        lines.append(f"| `{setting.name}` | {solo} | {agency} | {STRICTER[stricter]} | {rule} | {meaning} |\n")
    lines += ["\n", REFUSED_PURPOSES.format(languages=", ".join(LANGUAGES.values()))]
    lines.append("| purpose | why it is refused | rule | refused | in doubt |\n| --- | --- | --- | --- | --- |\n")
    for purpose in REFUSED:
        counts = [
            sum(len(getattr(wording, part)) for wording in purpose.wordings.values() for part in parts)
            for parts in (("always", "unless_crime"), ("doubtful",))
        ]
        shown = " | ".join(f"{count} patterns" for count in counts)
        lines.append(f"| {purpose.name} | {purpose.why} | {purpose.rule} | {shown} |\n")
    return "".join(lines)


JURISDICTIONS = """**{notice}.** These are first drafts by engineers, in words of our own. Each line says where it
stands, and on which day it was read; *second-hand* means that what somebody else wrote of it was read, and not the act.
What could not be read is listed, and nothing relies on it. The packs are `src/lineament/model/jurisdictions/*.toml`.

The jurisdiction of a case (`--jurisdiction US-MD`, ISO 3166) chooses the pack, or else that of its agency. Without a
pack the common warnings stand. `lineament jurisdiction list`, `show CODE` and the page `/jurisdictions` show the same.
Why it is so: [decision 34](../adr/0034-the-law-of-a-case-is-data.md).

"""


def jurisdictions() -> str:
    """Every pack of a jurisdiction with what it does, its lines and their sources."""
    lines = ["# Jurisdictions\n\n", NOTE, JURISDICTIONS.format(notice=LAW_NOTICE)]
    for pack in packs().values():
        lines.append(f"## {upper_first(pack.name)}\n\n`{pack.code}`, for {where(pack)}. What it does:\n\n")
        lines += [f"- {act}.\n" for act in acts(pack)]
        lines.append("\n| what the law adds | source | read on |\n| --- | --- | --- |\n")
        for line in pack.lines:
            read = f"{line.read_on}{', second-hand' if line.second_hand else ''}"
            lines.append(f"| {line.words} | [{line.act}, {line.section}]({line.url}) | {read} |\n")
        lines += ["\nNot found:\n\n", *(f"- {missing}\n" for missing in pack.not_found), "\n"]
    return "".join(lines).rstrip("\n") + "\n"


ROLES_NOTE = """A page or a command declares what it needs; an official may do whatever one of their roles allows. Which
cases they see is decided separately: examiners and reviewers see those they are members of, supervisors and auditors
all cases of their agency. *public* is open to anybody, *machine* to whoever runs the machine: no role gives that. The
one person of a solo workspace may do everything.

"""


def roles() -> str:
    """What each role may do, and which roles no one person holds together."""
    lines = ["# Roles\n\n", NOTE, ROLES_NOTE, "| may |", *(f" {role.value} |" for role in Role), "\n| --- |"]
    lines += [" --- |" for _ in Role] + ["\n"]
    for permission in Permission:
        marks = "".join(f" {'yes' if permission in ROLES[role] else '–'} |" for role in Role)
        lines.append(f"| {permission.value} |{marks}\n")
    lines.append("\n## Kept apart\n\n")
    for some, others, why in SEPARATED:
        one, other = (", ".join(f"*{role.value}*" for role in Role if role in held) for held in (some, others))
        lines.append(f"- {one}, and {other}: {why} (R45).\n")
    return "".join(lines)


def connectors() -> str:
    """Every kind of connector, with what it reads."""
    lines = [
        "# Connectors\n\n",
        NOTE,
        "What `lineament ingest` can read. The first kind in this list that recognises a path or address reads it;\n",
        "what no kind recognises is read as a picture. `--as KIND` names the kind instead.\n\n",
        "| kind | reads | recognised by | several are one run |\n| --- | --- | --- | --- |\n",
    ]
    for kind, registration in registrations().items():
        together = "yes" if registration.combines else "no"
        lines.append(f"| `{kind}` | {registration.reads} | {registration.recognised_by} | {together} |\n")
    lines.append(
        "\nA file that was dropped in the browser has the address `upload:DROP/PATH`: the id of the drop, and the\n"
        "path in what was dropped, percent-encoded. Dropped again, it is another place of the same picture. In a\n"
        "folder it is read as `folder` reads it; by itself it may be of the kinds `archive`, `warc`, `manifest` and\n"
        "`itl` as well. A row of a manifest that was dropped may name a file that was dropped with it, by its path.\n"
    )
    return "".join(lines)


def api() -> str:
    """Every route of the API, with what it needs and answers, and a command that asks for it."""
    return "# API\n\n" + NOTE + of_api.page()


PAGES = {
    "api.md": api,
    "commands.md": commands,
    "connectors.md": connectors,
    "settings.md": settings,
    "errors.md": error_pages,
    "jurisdictions.md": jurisdictions,
    "pages.md": web_pages,
    "metrics.md": metrics,
    "policy.md": policy,
    "roles.md": roles,
}


def main() -> None:
    """Write all pages."""
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")
    ANSWERS.write_text(of_api.answers(), encoding="utf-8")


if __name__ == "__main__":
    main()
