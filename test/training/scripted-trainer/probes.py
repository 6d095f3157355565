"""Words of the scripted trainer by which the conformance suite looks around inside a job."""

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

root = Path(os.environ["PERENNIAL_ML_ROOT"])


def tell(*words):
    print(*words, flush=True)


def complain(text):
    print(text, file=sys.stderr, flush=True)


def write_bytes(digits):
    """Raw bytes in hexadecimal; no line end of its own."""
    sys.stdout.buffer.write(bytes.fromhex(digits))
    sys.stdout.buffer.flush()


def number_lines(count):
    sys.stdout.write("".join(f"line {number}\n" for number in range(int(count))))
    sys.stdout.flush()


def touch(path):
    try:
        (root / path).write_text("x")
        tell("wrote", path)
    except OSError as error:
        tell("refused", path, error.strerror)


def fill(_):
    """Writes until the disk is full, and keeps what it wrote."""
    try:
        with open(root / "model" / "fill", "wb", buffering=0) as file:
            while file.write(bytes(1 << 16)):
                pass
    except OSError as error:
        complain(error.strerror)
        sys.exit(1)


def hog(mebibytes):
    kept = [bytearray(os.urandom(1 << 20)) for _ in range(int(mebibytes))]
    tell("held", len(kept))


def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    tell(next(line.replace("\t", " ") for line in lines if line.startswith(f"{name}:")))


def show(path):
    """The first of these files that there is."""
    found = next((Path(each) for each in path.split(",") if Path(each).exists()), None)
    tell(found.read_text().strip() if found else "nothing")


def shared_memory(_):
    found = os.statvfs("/dev/shm")
    tell(found.f_blocks * found.f_frsize)


def reach(address):
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=2).close()
        tell("reached", address)
    except OSError:
        tell("no way to", address)


def variable(name):
    tell(name, os.environ.get(name, "is not set"))


def all_reduce(number):
    """Sums over all replicas: rank 0 gathers at the meeting point and tells everybody."""
    own, world, rank = int(number) + int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]), os.environ["RANK"]
    meeting = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    if rank == "0":
        with socket.create_server(meeting, backlog=world) as server:
            others = [server.accept()[0].makefile("rw") for _ in range(world - 1)]
            total = own + sum(json.loads(other.readline()) for other in others)
            for other in others:
                print(total, file=other, flush=True)
    else:
        with reach_patiently(meeting).makefile("rw") as first:
            print(own, file=first, flush=True)
            total = json.loads(first.readline())
    tell("sum", total)


def reach_patiently(meeting):
    while True:
        try:
            return socket.create_connection(meeting)
        except OSError:
            time.sleep(0.02)


def refuse_as(rank):
    if os.environ.get("RANK") == rank:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def fail_as(value):
    """Fails where this is the replica of that rank, in a sentence."""
    rank, _, sentence = value.partition(":")
    if os.environ.get("RANK") == rank:
        (root / "output" / "failure").write_text(sentence.replace("_", " "))
        sys.exit(65)


def break_as(rank):
    """Fails where this is the replica of that rank."""
    if os.environ.get("RANK") == rank:
        sys.exit(65)


probes = {
    "all-reduce": all_reduce,
    "break-as": break_as,
    "fail-as": fail_as,
    "refuse-as": refuse_as,
    "complain": complain,
    "bytes": write_bytes,
    "lines": number_lines,
    "touch": touch,
    "fill": fill,
    "hog": hog,
    "status": status,
    "show": show,
    "shared-memory": shared_memory,
    "reach": reach,
    "variable": variable,
    "pause": lambda seconds: time.sleep(float(seconds)),
}
