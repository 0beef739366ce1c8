"""The settings, from the environment (``LINEAMENT_…``). Nothing else in Lineament reads the environment."""

from __future__ import annotations

import getpass
import re
from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>[0-9]{1,5}))?/?")


class Precision(StrEnum):
    """The arithmetic of the nets."""

    AUTO = "auto"
    F32 = "f32"
    BF16 = "bf16"


class Runtime(StrEnum):
    """What runs the nets."""

    OPENVINO = "openvino"
    ONNXRUNTIME = "onnxruntime"


def _cache() -> Path:
    return Path.home() / ".cache" / "lineament"


def _state() -> Path:
    return Path.home() / ".local" / "state" / "lineament"


class Settings(BaseSettings):
    """Every setting; the reference (docs/reference/settings.md) is held against this class by a test."""

    model_config = SettingsConfigDict(env_prefix="LINEAMENT_", frozen=True, extra="ignore")

    home: Path = Field(default=Path("lineament-data"), description="The folder of the workspace.")
    database_url: str | None = Field(
        default=None,
        description="A PostgreSQL address (postgresql+psycopg://…); without it the workspace holds SQLite.",
    )
    examiner: str = Field(default_factory=getpass.getuser, description="Who is at the keyboard, for the record.")
    precision: Precision = Field(
        default=Precision.AUTO, description="auto takes bf16 where the processor computes it natively, else f32."
    )
    runtime: Runtime = Field(default=Runtime.OPENVINO, description="onnxruntime is for machines with a GPU.")
    cache: Path = Field(default_factory=_cache, description="Where the expanded models are kept between runs.")
    state: Path = Field(
        default_factory=_state, description="Where the terminal keeps its sign-in, one file for each workspace."
    )
    workers: int = Field(
        default=0, ge=0, le=256, description="Pictures under way at once in an ingest; 0: two a processor."
    )
    max_pixels: int = Field(
        default=200_000_000, ge=1_000_000, description="Pictures with more pixels are refused before decoding."
    )
    max_file_bytes: int = Field(default=256 * 2**20, ge=2**20, description="Larger files are refused unread.")
    decode_memory: int = Field(
        default=1536 * 2**20, ge=256 * 2**20, description="Address space of one decoding process, in bytes."
    )
    decode_seconds: float = Field(default=20.0, gt=0, description="Time for decoding one picture; then it is stopped.")
    public_url: str | None = Field(
        default=None,
        description="Where the pages are reached behind the agency's TLS proxy (https://lineament.agency.example): "
        "links in messages begin with it, and passkeys and OpenID Connect are bound to it.",
    )
    smtp_url: SecretStr | None = Field(
        default=None,
        description="The mail server for invitations: smtp://user:password@host:587?from=address (STARTTLS) or "
        "smtps://…; without it the link is shown to whoever invites.",
    )
    openid_issuer: str | None = Field(
        default=None, description="The agency's OpenID Connect provider (https://…), exactly as it names itself."
    )
    openid_client_id: str | None = Field(default=None, description="Lineament's client id at that provider.")
    openid_client_secret: SecretStr | None = Field(
        default=None, description="Its secret there; it is never shown, logged or put into an error message."
    )
    trace: bool = Field(default=False, description="Show where an unforeseen error happened; for developers.")

    @field_validator("public_url")
    @classmethod
    def _an_origin(cls, url: str | None) -> str | None:
        """A scheme, a host and perhaps a port, in lower case, as a browser writes an origin."""
        if url is None:
            return None
        parts = _ORIGIN.fullmatch(url.lower())
        if parts is None or not 0 < int(parts["port"] or 443) < 2**16:
            raise ValueError("write it as https://lineament.agency.example, without a path")
        standard = {"https": "443", "http": "80"}[parts["scheme"]]
        port = "" if parts["port"] in {None, standard} else f":{parts['port']}"
        return f"{parts['scheme']}://{parts['host']}{port}"
