"""
Stands between a worker and one trainer, and outlives the worker: claims the job, runs the trainer in a process group of its own,
keeps its output up to a limit, and writes how it ended. `process.json` appears once, `exit.json` last; both whole or not at all.
SIGTERM asks the trainer to stop, SIGUSR1 kills it. Only the standard library, so that any Python can run it.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timezone
from pathlib import Path

FORCED = signal.SIGUSR1
DRAIN_SECONDS = 2


class Trainer:
    """Signals may arrive before the process does: they are remembered and passed on when it is there."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.stop: int | None = None

    def on_signal(self, number: int, _frame: object) -> None:
        wish = signal.SIGKILL if number == FORCED else signal.SIGTERM
        # A trainer that saves its state as it was told to is not told again.
        if wish != self.stop:
            self.stop = wish
            self.pass_on()

    def pass_on(self) -> None:
        if self.process is not None and self.stop is not None:
            kill_group(self.process.pid, self.stop)

    @property
    def was_forced(self) -> bool:
        return self.stop == signal.SIGKILL


def main(folder: Path) -> None:
    trainer = Trainer()
    signal.signal(signal.SIGTERM, trainer.on_signal)
    signal.signal(FORCED, trainer.on_signal)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    adopt_orphans()
    started = now()
    claim = {"pid": os.getpid(), "started": start_word(os.getpid()), "startedAt": started}
    if not write_once(folder / "process.json", claim):
        return
    kills = out_of_memory_kills()
    code = run(folder, json.loads((folder / "launch.json").read_text(encoding="utf-8")), trainer)
    # A kill nobody asked for while the kernel counted one: memory ran out.
    out_of_memory = code == 137 and not trainer.was_forced and out_of_memory_kills() > kills
    ended = {"code": code, "outOfMemory": out_of_memory, "startedAt": started, "finishedAt": now()}
    write_when_there_is_space(folder / "exit.json", ended)


def run(folder: Path, launch: dict, trainer: Trainer) -> int:
    with open(folder / "trainer.log", "ab", buffering=0) as log:
        if trainer.stop is not None:
            return 143
        try:
            trainer.process = subprocess.Popen(
                launch["command"],
                env=launch["environment"],
                cwd=launch["workingFolder"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        except OSError as error:
            log.write(f"The trainer cannot be started: {error}\n".encode())
            return 127 if isinstance(error, FileNotFoundError) else 126
        trainer.pass_on()
        reader = threading.Thread(target=keep_output, args=(trainer.process.stdout, log, launch["logBytes"]), daemon=True)
        reader.start()
        status = trainer.process.wait()
        # What the trainer left behind must neither run on nor hold the pipe open, also where it has forked away into a session of its own.
        kill_group(trainer.process.pid, signal.SIGKILL)
        kill_children()
        reader.join(DRAIN_SECONDS)
    return 128 - status if status < 0 else status


def keep_output(pipe: object, log: object, limit: int) -> None:
    """Reads to the end whatever happens, so that a talkative trainer is never blocked by a full pipe."""
    kept = 0
    while chunk := os.read(pipe.fileno(), 1 << 16):
        if kept >= limit:
            continue
        try:
            log.write(chunk[: limit - kept])
            kept += len(chunk)
            if kept >= limit:
                log.write(f"\nThe log is cut here, after {limit} bytes.\n".encode())
        except OSError:
            pass  # The disk is full: the line is lost, the trainer is not.


def die_with_parent() -> None:
    """Linux: a killed wrapper takes its trainer along, so that nothing runs on unwatched."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def adopt_orphans() -> None:
    """Linux: what a trainer's descendant starts and leaves becomes a child of this process, not of the machine's first one."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(36, 1)


def kill_children() -> None:
    """Ends every child, and the children that those leave to us by dying, until there are none."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline and (children := list_children()):
        for child in children:
            try:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, os.WNOHANG)
            except (ProcessLookupError, ChildProcessError, PermissionError):
                pass
        time.sleep(0.01)


def list_children() -> list[int]:
    if sys.platform != "linux":
        return []
    children = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == os.getpid():
                children.append(int(entry.name))
        except OSError:
            pass  # It ended while we looked.
    return children


def kill_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        pass


def start_word(pid: int) -> str:
    """The same word as in runtime/process-identity.ts: a process number alone may be given away again."""
    if sys.platform == "linux":
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    told = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True)
    return " ".join(told.stdout.split())


def out_of_memory_kills() -> int:
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
    except OSError:
        return 0


def write_once(path: Path, content: dict) -> bool:
    """False when it is there already: of two wrappers for one job the second goes home."""
    whole = path.with_name(f"{path.name}.{os.getpid()}")
    with open(whole, "w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(whole, path)
        return True
    except FileExistsError:
        return False
    finally:
        os.unlink(whole)


def write_when_there_is_space(path: Path, content: dict) -> None:
    """Without its exit code an ended training would be taken for a killed one."""
    while True:
        try:
            write_once(path, content)
            return
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            time.sleep(0.2)


def now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
