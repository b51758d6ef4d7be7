"""No model: every case goes to a person, with the reason."""

from collections.abc import Sequence

from countersign_inference.domain.scoring import Abstained, Answer, Question


class NoScorer:
    """Abstains on everything, for one fixed reason."""

    kind = "none"
    off_loop = False
    model = None
    reads: tuple[str, ...] = ()

    def __init__(self, reason: str, detail: str) -> None:
        self._answer = Abstained(reason, detail)

    def score(self, batch: Sequence[Question]) -> list[Answer]:
        """Abstain on each case."""
        return [self._answer] * len(batch)
