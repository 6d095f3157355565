"""
First process of our trainer images. Counts the GPUs that were promised, starts the trainer, hands signals on to it and ends as it ends.
As first process of the container it also waits for whatever the trainer's children leave. Only the standard library.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ.get("PERENNIAL_ML_ROOT", "/opt/ml"))
# The trainer that the spec names, where it came along with the job; else the one that the image was made with.
CODE = [ROOT / "code", Path(__file__).parent]
CONFIGURATION_WRONG = 78


def main() -> int:
    missing = count_missing_gpus(int(os.environ.get("PERENNIAL_GPUS", "0")))
    if missing is not None:
        return refuse(CONFIGURATION_WRONG, missing)
    command = next((found for found in map(find_command, CODE) if found), None)
    if command is None:
        return refuse(127, f"The trainer cannot be started: there is neither train.py nor train in {CODE[0]}.")
    try:
        trainer = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    except OSError as error:
        return refuse(127 if isinstance(error, FileNotFoundError) else 126, f"The trainer cannot be started: {error}")
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: hand_on(number, trainer.pid))
    return wait_for(trainer.pid)


def count_missing_gpus(promised: int) -> "str | None":
    """An engine that knows nothing of GPUs may start the container all the same."""
    visible = sum(1 for name in os.listdir("/dev") if re.fullmatch(r"nvidia\d+", name))
    return None if visible >= promised else f"{promised} GPUs were promised, {visible} are there."


def find_command(folder: Path) -> "list[str] | None":
    if (folder / "train.py").is_file():
        return [sys.executable, str(folder / "train.py")]
    return [str(folder / "train")] if (folder / "train").is_file() else None


def refuse(code: int, sentence: str) -> int:
    print(sentence, file=sys.stderr, flush=True)
    try:
        (ROOT / "output" / "failure").write_text(sentence + "\n", encoding="utf-8")
    except OSError:
        pass  # The output has it.
    return code


def hand_on(number: int, trainer: int) -> None:
    """Once: a trainer that saves its state as it was told to is not told again."""
    signal.signal(number, signal.SIG_IGN)
    os.kill(trainer, number)


def wait_for(trainer: int) -> int:
    while True:
        ended, status = os.wait()
        if ended == trainer:
            code = os.waitstatus_to_exitcode(status)
            return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main())
