"""The settings, from the environment (``LINEAMENT_…``). Nothing else in Lineament reads the environment."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from lineament.errors import InvalidValue
from lineament.setting_values import (
    Address,
    Secret,
    address,
    addresses,
    endpoint,
    header,
    host_and_port,
    one_of,
    origin,
    seconds,
    switch,
    whole,
)

PREFIX = "LINEAMENT_"

T = TypeVar("T")


class Precision(StrEnum):
    """The arithmetic of the nets."""

    AUTO = "auto"
    F32 = "f32"
    BF16 = "bf16"


class Runtime(StrEnum):
    """The library that runs the nets."""

    OPENVINO = "openvino"
    ONNXRUNTIME = "onnxruntime"
    CUDA = "cuda"


class LogFormat(StrEnum):
    """How events are written on standard error."""

    TEXT = "text"
    JSON = "json"


def _setting(
    name: str,
    parse: Callable[[str], T],
    default: T | Callable[[], T],
    meaning: str,
    prefix: str = PREFIX,
) -> T:
    """Declare a field whose default comes from ``LINEAMENT_NAME`` in the environment, if that is set.

    Args:
        name: Of the field.
        parse: Turns the text of the environment into a value; a ValueError says how to write it.
        default: Used if the environment says nothing; or a function that makes it.
        meaning: What a person reads in docs/reference/settings.md.
        prefix: What the variable begins with, before the name of the field.
    """

    def value() -> T:
        variable = prefix + name.upper()
        text = os.environ.get(variable)
        if text is None:
            return default() if callable(default) else default
        try:
            return parse(text)
        except ValueError as error:
            raise InvalidValue(what=variable, value=_printable(parse, text), why=error) from None

    made: T = field(default_factory=value, metadata={"default": default, "meaning": meaning, "prefix": prefix})
    return made


def _printable(parse: Callable[[str], object], text: str) -> str:
    return "…" if parse is Secret else text[:100]


def _cache() -> Path:
    return Path.home() / ".cache" / "lineament"


def _state() -> Path:
    return Path.home() / ".local" / "state" / "lineament"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting: what is given, else what the environment says, else the default.

    A test compares the reference (docs/reference/settings.md) with this class. Raises InvalidValue if a variable of the
    environment has a value that it cannot have.
    """

    home: Path = _setting("home", Path, Path("lineament-data"), "The folder of the workspace.")
    database_url: Secret | None = _setting(
        "database_url",
        Secret,
        None,
        "A PostgreSQL address (postgresql+psycopg://…); without it the workspace holds SQLite.",
    )
    database_owner_url: Secret | None = _setting(
        "database_owner_url",
        Secret,
        None,
        "The same database as its owner, who makes and upgrades the tables: for lineament init, and one command after "
        "an upgrade; never in the settings of a service.",
    )
    database_connections: int = _setting(
        "database_connections", whole(4, 1000), 16, "Most connections of one process to PostgreSQL; then threads wait."
    )
    key_holder: str = _setting(
        "key_holder",
        str,
        "file",
        "Who holds the key-encryption key: file (keys/kek in the workspace), "
        "pkcs11:token=…;object=…?module-path=…, or transit+https://host:8200/transit/name.",
    )
    key_secret: Path | None = _setting(
        "key_secret", Path, None, "The file, mode 0600, with the PIN or the token for that key holder."
    )
    pictures: str | None = _setting(
        "pictures",
        str,
        None,
        "A bucket of an S3 service for the sealed pictures (s3://bucket/prefix); without it they are in the workspace. "
        "It is chosen by `lineament init`, and stays as it is.",
    )
    pictures_endpoint: str | None = _setting(
        "pictures_endpoint",
        str,
        None,
        "The address of that service (https://host:port, or http:// on this machine); without it Amazon's.",
    )
    pictures_region: str = _setting("pictures_region", str, "us-east-1", "The region of the bucket.")
    pictures_secret: Path | None = _setting(
        "pictures_secret",
        Path,
        None,
        "The file, mode 0600, with the access key for that bucket in its first line and its secret in the second; "
        "without it AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are used.",
    )
    pictures_authority: Path | None = _setting(
        "pictures_authority",
        Path,
        None,
        "The file with the certificate (PEM) of the authority that vouches for that service, if it is the agency's.",
    )
    buckets_secret: Path | None = _setting(
        "buckets_secret",
        Path,
        None,
        "The file, mode 0600, with the access key for buckets that sources list, in its first line, and its secret in "
        "the second; without it no program can have a picture fetched from a bucket.",
    )
    buckets_endpoint: str | None = _setting(
        "buckets_endpoint",
        str,
        None,
        "The address of the S3 service of those buckets, by its name (https://host:port, or http://localhost:port); "
        "without it Amazon's.",
    )
    buckets_region: str = _setting("buckets_region", str, "us-east-1", "The region of those buckets.")
    aws_access_key_id: str | None = _setting(
        "aws_access_key_id", str, None, "The access key, if no file holds it.", prefix=""
    )
    aws_secret_access_key: Secret | None = _setting(
        "aws_secret_access_key", Secret, None, "Its secret, if no file holds it; it is never shown.", prefix=""
    )
    aws_session_token: Secret | None = _setting(
        "aws_session_token", Secret, None, "The token that belongs to both, if the key is temporary.", prefix=""
    )
    examiner: str = _setting("examiner", str, getpass.getuser, "Who is at the keyboard, for the record.")
    precision: Precision = _setting(
        "precision",
        one_of(Precision),
        Precision.AUTO,
        "auto takes bf16 where the processor multiplies matrices of it (AMX), else f32.",
    )
    runtime: Runtime = _setting(
        "runtime", one_of(Runtime), Runtime.OPENVINO, "cuda takes an NVIDIA GPU, and is refused where there is none."
    )
    cache: Path = _setting("cache", Path, _cache, "Where the expanded models are kept between runs.")
    state: Path = _setting("state", Path, _state, "Where the terminal keeps its sign-in, one file for each workspace.")
    workers: int = _setting(
        "workers", whole(0, 256), 0, "Pictures in progress at once in an ingest; 0: two for each processor."
    )
    max_pixels: int = _setting(
        "max_pixels", whole(1_000_000), 200_000_000, "Pictures with more pixels are refused before decoding."
    )
    max_file_bytes: int = _setting("max_file_bytes", whole(2**20), 256 * 2**20, "Larger files are refused unread.")
    decode_memory: int = _setting(
        "decode_memory",
        whole(256 * 2**20),
        3 * 2**30,
        "Address space of one decoding process in bytes, besides pixels.",
    )
    decode_seconds: float = _setting(
        "decode_seconds", seconds, 20.0, "Time for decoding one picture; then it is stopped."
    )
    public_url: str | None = _setting(
        "public_url",
        origin,
        None,
        "Where the pages are reached behind the agency's TLS proxy (https://lineament.agency.example): "
        "links in messages begin with it, and passkeys and OpenID Connect are bound to it.",
    )
    client_header: str | None = _setting(
        "client_header",
        header,
        None,
        "The header in which the agency's TLS proxy writes the client's address, whatever came in it (X-Real-IP). "
        "`lineament serve` needs it beside LINEAMENT_PUBLIC_URL, to limit sign-ins by client; it is read only from "
        "requests for the public name.",
    )
    smtp_url: Secret | None = _setting(
        "smtp_url",
        Secret,
        None,
        "The mail server for invitations: smtp://user:password@host:587?from=address (STARTTLS) or smtps://…; without "
        "it the link is shown to whoever invites.",
    )
    web_hook_addresses: tuple[str, ...] = _setting(
        "web_hook_addresses",
        addresses,
        (),
        "Addresses in the agency's own network that web hooks may lead to, with commas between them "
        "(10.1.2.3:8443,127.0.0.1:9000); without it they lead to public addresses alone.",
    )
    openid_issuer: str | None = _setting(
        "openid_issuer", str, None, "The agency's OpenID Connect provider (https://…), exactly as it names itself."
    )
    openid_client_id: str | None = _setting("openid_client_id", str, None, "Lineament's client id at that provider.")
    openid_client_secret: Secret | None = _setting(
        "openid_client_secret",
        Secret,
        None,
        "Its secret there; it is never shown, logged or put into an error message.",
    )
    metrics: Address | None = _setting(
        "metrics",
        address,
        None,
        "Where `lineament serve` shows its metrics (127.0.0.1:9471), at /metrics; its other processes a port further.",
    )
    worker_metrics: Address | None = _setting(
        "worker_metrics", address, None, "Where `lineament worker` shows its metrics (127.0.0.1:9472)."
    )
    metrics_token: Path | None = _setting(
        "metrics_token",
        Path,
        None,
        "The file, mode 0600, with the token that Prometheus sends (Authorization: Bearer …). Metrics are shown at an "
        "address other than the loopback only with it.",
    )
    otlp_endpoint: str | None = _setting(
        "otlp_endpoint",
        endpoint,
        None,
        "Where traces are sent, one of ten, by OTLP over HTTP (http://127.0.0.1:4318/v1/traces); without it nowhere.",
    )
    log: LogFormat = _setting(
        "log", one_of(LogFormat), LogFormat.TEXT, "json writes each event on standard error as one line of JSON."
    )
    stop_seconds: float = _setting(
        "stop_seconds",
        seconds,
        25.0,
        "How long requests that are under way may take to end when `lineament serve` is stopped.",
    )
    cluster: str | None = _setting(
        "cluster",
        host_and_port,
        None,
        "The address of the Ray cluster that holds the indexes (10.1.2.3:6379); without it they are in this process.",
    )
    cluster_keys: Path | None = _setting(
        "cluster_keys",
        Path,
        None,
        "The folder with the token and the certificates of that cluster, from `lineament cluster keys`; needed "
        "wherever other machines can reach it.",
    )
    cluster_deadline: float = _setting(
        "cluster_deadline",
        seconds,
        2.0,
        "Seconds that a search waits for a shard; then its list says how many faces were not compared.",
    )
    trace: bool = _setting("trace", switch, False, "Show where an unforeseen error happened; for developers.")

    @property
    def owner_url(self) -> str | None:
        """The address of the database as its owner, if it is given."""
        return None if self.database_owner_url is None else self.database_owner_url.reveal()


def described() -> list[tuple[str, str, str]]:
    """Return every setting for the reference: its variable, its default and its meaning."""
    defaults = {
        "examiner": "who is logged in",
        "cache": "~/.cache/lineament",
        "state": "~/.local/state/lineament",
    }
    rows = []
    for setting in fields(Settings):
        default: Any = setting.metadata["default"]
        shown = defaults.get(setting.name, "" if default in {None, ()} else str(default))
        rows.append((setting.metadata["prefix"] + setting.name.upper(), shown, setting.metadata["meaning"]))
    return rows


def service_manager() -> tuple[str | None, float | None]:
    """Return the socket of the service manager that started this process, and the seconds of its watchdog."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    watched = os.environ.get("WATCHDOG_PID") in {None, "", str(os.getpid())}
    seconds = int(microseconds) / 1e6 if microseconds.isdecimal() and watched else None
    return os.environ.get("NOTIFY_SOCKET"), seconds


def as_service_manager(address: Path, watchdog_seconds: float) -> dict[str, str]:
    """Return the environment of a process that says at ``address`` how it stands, instead of to our own manager."""
    ours = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": str(round(watchdog_seconds * 1e6)), "WATCHDOG_PID": ""}
    return {**os.environ, **ours}


def spare_blas_threads() -> None:
    """Let OpenBLAS start no threads, unless the environment says how many; to be called before NumPy is imported.

    Small products gain nothing from them, and they spin for 0.3 s each time that they have been started.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
