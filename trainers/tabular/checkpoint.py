"""What a training that was killed goes on from: the trees so far, in one file that is whole from the moment it can be seen."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from configuration import Configuration
from manifest import environment_digest

if TYPE_CHECKING:
    import lightgbm

# Many large trees take long to write down: at most this share of the time goes into it.
SHARE = 0.05


class Checkpoint(NamedTuple):
    trees: int
    model: str


class Checkpoints:
    """The checkpoints of one training. Those of other parameters, features or packages are passed over: their trees would be others."""

    def __init__(self, root: Path, configuration: Configuration) -> None:
        self.folder = root / "checkpoints"
        self.training = describe(configuration)
        self.every = configuration.hyperparameters.checkpoint_seconds
        self.trees = configuration.hyperparameters.trees
        self.due = time.monotonic() + self.every
        self.begun = self.newest()

    def newest(self) -> Checkpoint | None:
        for file in sorted(self.folder.glob("trees-*"), reverse=True):
            try:
                content = json.loads(file.read_text(encoding="utf-8"))
                if content["training"] == self.training:
                    return Checkpoint(content["trees"], content["model"])
            except (OSError, ValueError, TypeError, KeyError):
                pass
            print(f"The checkpoint {file.name} is of another training and is passed over.", flush=True)
        return None

    def save_when_due(self, booster: lightgbm.Booster) -> None:
        if time.monotonic() >= self.due:
            self.save(booster)

    def save(self, booster: lightgbm.Booster) -> None:
        began, trees = time.monotonic(), booster.current_iteration()
        # Whoever goes on adds at least one tree.
        if 0 < trees < self.trees:
            self.write(Checkpoint(trees, booster.model_to_string(num_iteration=-1)))
        ended = time.monotonic()
        self.due = ended + max(self.every, (ended - began) / SHARE)

    def write(self, checkpoint: Checkpoint) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        draft, whole = self.folder / ".draft", self.folder / f"trees-{checkpoint.trees:06}"
        draft.write_text(json.dumps({"training": self.training, **checkpoint._asdict()}), encoding="utf-8")
        draft.replace(whole)
        for old in self.folder.glob("trees-*"):
            if old != whole:
                old.unlink()


def describe(configuration: Configuration) -> str:
    """Digest of all that makes the trees, but for the rows: those are the same in every attempt."""
    content = asdict(configuration)
    del content["hyperparameters"]["checkpoint_seconds"]
    content["environment"] = environment_digest()
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
