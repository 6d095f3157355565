from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy


def log_loss(label: numpy.ndarray, probability: numpy.ndarray) -> float:
    """Mean negative log-likelihood in nats."""
    import numpy as np

    clipped = np.clip(probability.astype(np.float64), 1e-15, 1 - 1e-15)
    return float(-np.mean(np.where(label == 1, np.log(clipped), np.log1p(-clipped))))
