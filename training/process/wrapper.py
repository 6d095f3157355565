"""
Stands between a worker and one job, and outlives the worker: claims the job, runs its trainer, or one a replica, each in a process
group of its own, keeps the output of each up to a limit and its last lines, and writes how it ended. `process.json` appears once, `exit.json` last; both whole or
not at all. The first replica that fails ends all of them, and its exit code is the job's.
SIGTERM asks the trainers to stop, SIGUSR1 kills them. Only the standard library, so that any Python can run it.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

FORCED = signal.SIGUSR1
DRAIN_SECONDS = 2


class Trainers:
    """Signals may arrive before the processes do: they are remembered and passed on when they are there."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        self.stop: int | None = None

    def on_signal(self, number: int, _frame: object) -> None:
        wish = signal.SIGKILL if number == FORCED else signal.SIGTERM
        # A trainer that saves its state as it was told to is not told again.
        if wish != self.stop:
            self.tell(wish)

    def tell(self, wish: int) -> None:
        self.stop = wish
        for process in self.processes:
            self.pass_on(process)

    def add(self, process: subprocess.Popen[bytes]) -> None:
        self.processes.append(process)
        self.pass_on(process)

    def pass_on(self, process: subprocess.Popen[bytes]) -> None:
        # The number of one that has ended may be somebody else's by now.
        if self.stop is not None and process.returncode is None:
            kill_group(process.pid, self.stop)

    @property
    def was_forced(self) -> bool:
        return self.stop == signal.SIGKILL


class End(NamedTuple):
    code: int
    replica: int = 0
    forced: bool = False


class Log:
    """What one of them says, up to a limit, and its last lines."""

    def __init__(self, file: object, limit: int, end_limit: int) -> None:
        self.file, self.limit, self.kept = file, limit, 0
        self.end, self.end_limit = bytearray(), end_limit

    def write(self, content: bytes) -> None:
        self.end += content
        if len(self.end) > 2 * self.end_limit:
            del self.end[: -self.end_limit - 1]
        if self.kept >= self.limit:
            return
        try:
            self.file.write(content[: self.limit - self.kept])
            self.kept += len(content)
            if self.kept >= self.limit:
                self.file.write(f"\nThe log is cut here, after {self.limit} bytes.\n".encode())
        except OSError:
            pass  # The disk is full: the line is lost, the trainer is not.

    def write_end(self) -> None:
        """The same as `logEnd` in training/file-lines.ts."""
        if self.kept < self.limit:
            return
        end = bytes(self.end)
        if len(end) > self.end_limit:
            end = end[-self.end_limit :]
            end = end[end.find(b"\n") + 1 :]
        try:
            self.file.write(b"Its last lines:\n" + end)
        except OSError:
            pass


def main(folder: Path) -> None:
    trainers = Trainers()
    signal.signal(signal.SIGTERM, trainers.on_signal)
    signal.signal(FORCED, trainers.on_signal)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    adopt_orphans()
    started = now()
    claim = {"pid": os.getpid(), "started": start_word(os.getpid()), "startedAt": started}
    if not write_once(folder / "process.json", claim):
        return
    kills = out_of_memory_kills()
    launch = json.loads((folder / "launch.json").read_text(encoding="utf-8"))
    end = run(folder, launch, trainers)
    # A kill nobody asked for while the kernel counted one: memory ran out.
    out_of_memory = end.code == 137 and not end.forced and out_of_memory_kills() > kills
    ended = {"code": end.code, "outOfMemory": out_of_memory, "startedAt": started, "finishedAt": now()}
    if "replicas" in launch and end.code != 0:
        ended["replica"] = end.replica
    write_when_there_is_space(folder / "exit.json", ended)


def run(folder: Path, launch: dict, trainers: Trainers) -> End:
    """`replicas` holds the variables of each by its rank; without them there is one trainer that knows of no other."""
    replicas = launch.get("replicas", [{}])
    ended: queue.SimpleQueue[End] = queue.SimpleQueue()
    readers, logs = [], []
    with ExitStack() as files:
        if trainers.stop is not None:
            return End(143)
        for rank, variables in enumerate(replicas):
            file = files.enter_context(open(folder / log_name(rank), "ab", buffering=0))
            logs.append(log := Log(file, launch["logBytes"], launch.get("endBytes", 1 << 16)))
            try:
                process = start(launch, variables)
            except OSError as error:
                log.write(f"The trainer cannot be started: {error}\n".encode())
                ended.put(End(127 if isinstance(error, FileNotFoundError) else 126, rank))
                break
            trainers.add(process)
            readers.append(threading.Thread(target=keep_output, args=(process.stdout, log), daemon=True))
            readers[-1].start()
            threading.Thread(target=wait_for, args=(process, rank, ended), daemon=True).start()
        end = wait_for_all(ended, rank + 1, trainers, launch.get("graceSeconds", 0))
        # What a trainer left behind must neither run on nor hold the pipe open, also where it has forked away into a session of its own.
        kill_children()
        for reader in readers:
            reader.join(DRAIN_SECONDS)
        for log in logs:
            log.write_end()
    return end


def start(launch: dict, variables: dict) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        launch["command"],
        env={**launch["environment"], **variables},
        cwd=launch["workingFolder"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


def wait_for(process: subprocess.Popen[bytes], rank: int, ended: queue.SimpleQueue[End]) -> None:
    status = process.wait()
    kill_group(process.pid, signal.SIGKILL)
    ended.put(End(128 - status if status < 0 else status, rank))


def wait_for_all(ended: queue.SimpleQueue[End], count: int, trainers: Trainers, grace: float) -> End:
    """The end of the first that failed, once all have ended; it takes the others along, first by asking them."""
    failed: End | None = None
    overdue = None
    while count > 0:
        try:
            end = ended.get(timeout=None if overdue is None else max(0, overdue - time.monotonic()))
        except queue.Empty:
            trainers.tell(signal.SIGKILL)
            overdue = None
            continue
        count -= 1
        if end.code != 0 and failed is None:
            failed = end._replace(forced=trainers.was_forced)
            if count > 0 and trainers.stop is None:
                trainers.tell(signal.SIGTERM)
                overdue = time.monotonic() + grace
    return failed or End(0)


def log_name(rank: int) -> str:
    """The same name as in training/job-folder.ts."""
    return "trainer.log" if rank == 0 else f"trainer-{rank}.log"


def keep_output(pipe: object, log: Log) -> None:
    """Reads to the end whatever happens, so that a talkative trainer is never blocked by a full pipe."""
    while chunk := os.read(pipe.fileno(), 1 << 16):
        log.write(chunk)


def die_with_parent() -> None:
    """Linux: a killed wrapper takes its trainers along, so that nothing runs on unwatched."""
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
