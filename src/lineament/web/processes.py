"""Several processes that serve the pages at one port, and the one that keeps them running.

The first process listens and serves nothing. It starts the others with its socket, hears from each as a service
manager would (``observe/notify.py``), and puts another one in the place of one that ends or falls silent. Each has a
pipe as its standard input: when that closes, because the first process wants it or is gone, it ends in order.
"""

from __future__ import annotations

import logging
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from types import FrameType

from lineament.errors import InvalidValue
from lineament.observe.logs import facts, write_json_lines
from lineament.observe.notify import READY, Notifier
from lineament.settings import LogFormat, Settings, as_service_manager, service_manager
from lineament.web.serve import entrance, listening, require_clients
from lineament.workspace import Workspace

log = logging.getLogger(__name__)

OPTION = "--processes"
SILENCE = 30.0
"""Seconds without a sign of life after which a process that was ready is killed."""
STARTING = 300.0
"""The same before it is ready."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Least seconds between two starts in the same place; twice as many each time that it did not become ready."""
SPARE = 10.0
"""Seconds beyond those of its requests that a process may take to end."""
TICK = 0.2


def serve_in_processes(workspace: Workspace, host: str, port: int, many: int, announce: Callable[[str], None]) -> None:
    """Keep ``many`` processes serving until interrupted; ``announce`` is called with the address.

    Raises:
        InvalidValue: The workspace is on SQLite or one person's, or what ``serve`` refuses.
        SystemExit: With the code of a process that ended before any was ready; it has said why.
    """
    settings = workspace.settings
    _require_shared(workspace, many)
    require_clients(settings)
    if settings.log is LogFormat.JSON:
        write_json_lines()
    with closing(listening(host, port)) as listener:
        announce(entrance(workspace, host, listener.getsockname()[1], ""))
        workspace.store.close()  # it holds no connection while the others work
        Processes(settings, listener, many).keep_running()


def _require_shared(workspace: Workspace, many: int) -> None:
    """Raise InvalidValue unless several processes can share the workspace."""
    if workspace.store.dialect == "sqlite":
        why = "SQLite is for one process; keep the workspace in PostgreSQL (LINEAMENT_DATABASE_URL), or leave this out"
        raise InvalidValue(what=OPTION, value=many, why=why)
    if workspace.desk_at_the_machine().official.solo:
        why = "the workspace is one person's, whose link only one process knows; invite people first, or leave this out"
        raise InvalidValue(what=OPTION, value=many, why=why)


class Processes:
    """Keeps processes running that serve at one socket."""

    def __init__(self, settings: Settings, listener: socket.socket, many: int) -> None:
        """Start nothing yet."""
        self._settings = settings
        self._listener = listener
        self._many = many
        self._places: list[_Place] = []
        self._asked: int | None = None  # the signal that asked to end
        self._notifier = Notifier(*service_manager())

    def keep_running(self) -> None:
        """Return, or raise KeyboardInterrupt at SIGINT, when all have ended in order; at once if asked again."""
        handlers = {number: signal.signal(number, self._ask) for number in (signal.SIGTERM, signal.SIGINT)}
        with ExitStack() as undo:
            folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="lineament-serve-")))
            for number in range(1, self._many + 1):
                place = _Place(self._line(number), self._listener.fileno(), folder / str(number))
                undo.callback(place.close)
                self._places.append(place)
            try:
                self._watch()
            finally:
                self._end()
                for number, handler in handlers.items():
                    signal.signal(number, handler)
        if self._asked == signal.SIGINT:
            raise KeyboardInterrupt

    def _line(self, number: int) -> list[str]:
        home = str(self._settings.home.absolute())
        given = ["--listener", str(self._listener.fileno()), "--process", str(number), OPTION, str(self._many)]
        return [sys.executable, "-P", "-m", "lineament", "--home", home, "serve", "--no-worker", *given]

    def _watch(self) -> None:
        told = False
        while self._asked is None:
            for place in self._places:
                place.keep()
            select.select(self._places, [], [], TICK)
            for place in self._places:
                place.hear()
            if not told and (failed := next((place.failed for place in self._places if place.failed), None)):
                sys.exit(failed)
            if not told and all(place.ready for place in self._places):
                told = True
                self._notifier.ready()
            self._notifier.alive()

    def _ask(self, number: int, _: FrameType | None) -> None:
        """Begin to end, or end everything at once if that was asked for before."""
        if self._asked is not None:
            for place in self._places:
                place.kill()
            os._exit(128 + number)
        self._asked = number

    def _end(self) -> None:
        """Let requests that are under way end, and then the processes."""
        self._asked = self._asked or signal.SIGTERM
        self._notifier.stopping()
        self._listener.close()
        for place in self._places:
            place.ask_to_end()
        end = time.monotonic() + self._settings.stop_seconds + SPARE
        for place in self._places:
            place.end(max(0.0, end - time.monotonic()))


class _Place:
    """Where one process runs, and after it another one."""

    def __init__(self, line: Sequence[str], listener: int, address: Path) -> None:
        """``address``: the socket at which the process says how it stands."""
        self._line, self._listener, self._address = line, listener, address
        self._ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._ear.bind(str(address))
        self._process: subprocess.Popen[bytes] | None = None
        self._began = self._heard = -LONGEST_PAUSE
        self._pause = FIRST_PAUSE
        self.ready = False
        self.failed: int | None = None  # the code with which the last one ended before it was ready

    def fileno(self) -> int:
        """Return the descriptor that is readable when the process has said something."""
        return self._ear.fileno()

    def keep(self) -> None:
        """Kill a process that fell silent, and start another one in the place of one that has ended, if it is due."""
        now = time.monotonic()
        if self._process is not None and now - self._heard > (SILENCE if self.ready else STARTING):
            log.error("a process that serves the pages does not answer; it is killed")
            self._process.kill()
            self._process.wait()
        if self._process is not None and (code := self._process.poll()) is not None:
            self._note_end(code)
        if self._process is None and now >= self._began + self._pause:
            self._start(now)

    def _note_end(self, code: int) -> None:
        log.error("a process that serves the pages has ended; another one takes its place", extra=facts(code=str(code)))
        self._pause = FIRST_PAUSE if self.ready else min(2 * self._pause, LONGEST_PAUSE)
        self.failed = None if self.ready else abs(code) or 1
        self._process, self.ready = None, False

    def _start(self, now: float) -> None:
        self.hear()  # what the one before has said
        self.ready, self._began, self._heard = False, now, now
        self._process = subprocess.Popen(  # noqa: S603 - every word is ours
            self._line,
            stdin=subprocess.PIPE,
            pass_fds=(self._listener,),
            env=as_service_manager(self._address, SILENCE),
            start_new_session=True,  # so that Ctrl-C reaches only the first process
        )

    def hear(self) -> None:
        """Take what the process has said."""
        with suppress(BlockingIOError):
            while said := self._ear.recv(100):
                self._heard = time.monotonic()
                self.ready |= said == READY

    def ask_to_end(self) -> None:
        """Let the process end in order; that it was asked before changes nothing."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            if not self.ready:  # it looks at its input once it serves
                self._process.terminate()

    def end(self, seconds: float) -> None:
        """Wait until the process has ended, and kill it after so many seconds."""
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """Kill the process."""
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Close the socket."""
        self._ear.close()
