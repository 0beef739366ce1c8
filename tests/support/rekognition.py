"""Amazon Rekognition's own client against a server of ours, and what its requests look like."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from tests.support.programs import RIGHTS, key_for
from tests.support.serving import serving
from tests.support.world import CASE, World

from lineament.model.api_keys import MadeKey
from lineament.model.sources import SourceTerms

MODEL = "watchlist"


@dataclass(frozen=True, slots=True)
class RekognitionServer:
    """A server with a key that signs."""

    world: World
    key: MadeKey
    url: str

    def client(self, **others: Any) -> Any:
        """Return boto3's client for it."""
        return rekognition_client(self.url, self.key.key.id, self.key.key.signing_secret or "", **others)


def rekognition_client(url: str, key_id: str, secret: str, **others: Any) -> Any:
    """Return boto3's client with a key; it tries nothing again."""
    return boto3.client(
        "rekognition",
        endpoint_url=f"{url}/compat/rekognition",
        region_name=others.pop("region_name", "eu-central-1"),
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}, **others),
    )


@contextmanager
def rekognition_serving(world: World, hosts: tuple[str, ...] = ()) -> Iterator[RekognitionServer]:
    """Serve a workspace of one person with a source whose terms new collections have, and a key for everything."""
    terms = SourceTerms(name=MODEL, controller="Ministry", basis="Act 7", jurisdiction="NZ", hosts=hosts)
    world.machine.sources.add(terms)
    key = key_for(world, *RIGHTS, case=CASE.ref, sources=(MODEL,), signs=True)
    with serving(world.workspace) as served:
        yield RekognitionServer(world, key, served.url)
