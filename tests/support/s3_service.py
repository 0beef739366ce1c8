"""A real S3 service, SeaweedFS, for the tests; it checks signatures, and a test may kill it and start it again."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from lineament.errors import LineamentError
from lineament.store.bucket import Bucket, BucketPlace

WEED = Path(sys.executable).with_name("weed")
BUCKET = "pictures"
READER = "reader"
"""An access key that may list and get, and nothing else."""
SECRET = "0123456789abcdef"
_PARTS = ("master", "volume", "filer", "s3")
_UP_WITHIN = 120.0


@dataclass
class S3Service:
    """A service with all its data below one folder."""

    folder: Path
    ports: dict[str, tuple[int, int]]  # of each part: HTTP and gRPC
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports['s3'][0]}"

    def place(self, *, bucket: str = BUCKET, prefix: str | None = None, key: str = "lineament") -> BucketPlace:
        """Return a place of its own in the bucket, unless a prefix is given."""
        return BucketPlace(
            bucket=bucket,
            prefix=secrets.token_hex(4) if prefix is None else prefix,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key=key,
            secret=SECRET,
        )

    def start(self) -> None:
        """Start the service, and wait until it takes an object and gives back every one that it has."""
        ports = [
            option
            for part, (http, grpc) in self.ports.items()
            for option in (f"-{part}.port={http}", f"-{part}.port.grpc={grpc}")
        ]
        command = [
            *(str(WEED), "-logtostderr", "server", f"-dir={self.folder / 'data'}", "-filer", "-s3", *ports),
            *("-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false", "-master.resumeState=false"),
            # Each bucket takes seven volumes; without a free one, it answers 500 to all that is put.
            *("-master.volumeSizeLimitMB=64", "-volume.max=300", "-master.electionTimeout=1s"),
            *("-master.heartbeatInterval=100ms", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            f"-s3.config={self.folder / 's3.json'}",
        ]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=log)
        waiting, everything = Bucket(self.place(prefix="waiting")), Bucket(self.place(prefix=""))
        deadline = time.monotonic() + _UP_WITHIN
        while True:
            try:
                waiting.put("up", b"")
                for listed in everything.list():  # after a restart they come back one volume at a time
                    everything.get(listed.name)
            except LineamentError:
                assert self.process.poll() is None, (self.folder / "log").read_text()[-2000:]
                assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            else:
                return

    def keep_versions(self, bucket: str) -> None:
        """Have a bucket keep the versions of its objects; it is made if there is none."""
        with suppress(LineamentError):
            Bucket(self.place(bucket=bucket)).put("made", b"")
        body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        headers = signed("PUT", self.ports["s3"][0], f"/{bucket}", "versioning=", body)
        answer = httpx.put(f"{self.endpoint}/{bucket}?versioning=", content=body, headers=headers)
        assert answer.status_code == 200, answer.text

    def kill(self) -> None:
        """End it as a power cut would; ``start`` starts it again with what it has on the disk."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


@contextmanager
def s3_service_running() -> Iterator[S3Service]:
    """Run a service with the bucket BUCKET."""
    with TemporaryDirectory(prefix="lineament-s3-") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        rights = {"lineament": ["Admin", "Read", "Write", "List", "Tagging"], READER: ["Read", "List"]}
        identities = [
            {"name": who, "credentials": [{"accessKey": who, "secretKey": SECRET}], "actions": actions}
            for who, actions in rights.items()
        ]
        (folder / "s3.json").write_text(json.dumps({"identities": identities}))
        service = S3Service(folder, dict(zip(_PARTS, _free_ports(len(_PARTS)), strict=True)))
        service.start()
        try:
            yield service
        finally:
            service.kill()


def signed(method: str, port: int, path: str, query: str, body: bytes) -> dict[str, str]:
    """Return the headers that sign a request (AWS Signature Version 4); obstore cannot ask for a bucket's settings."""
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {
        "host": f"127.0.0.1:{port}",
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        "x-amz-date": moment,
    }
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{headers['x-amz-content-sha256']}"
    scope = (moment[:8], "us-east-1", "s3", "aws4_request")
    asked = f"AWS4-HMAC-SHA256\n{moment}\n{'/'.join(scope)}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{SECRET}".encode()
    for part in (*scope, asked):
        key = hmac.digest(key, part.encode(), "sha256")
    credential = f"Credential=lineament/{'/'.join(scope)}, SignedHeaders={names}, Signature={key.hex()}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {credential}"}


def _free_ports(pairs: int) -> list[tuple[int, int]]:
    with ExitStack() as stack:
        found = []
        for _ in range(2 * pairs):
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            found.append(int(listener.getsockname()[1]))
    return list(zip(found[::2], found[1::2], strict=True))
