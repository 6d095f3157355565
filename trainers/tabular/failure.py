"""How a training ends badly: an exit code the platform understands, and one sentence for people."""

# BSD's sysexits, as the training-container contract uses them. 65 and 78 are never tried again.
DATA_UNUSABLE = 65
CONFIGURATION_WRONG = 78
TERMINATED = 143
FAILED = 1


class TrainingFailure(Exception):
    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
