"""Proposals from a linear text model. Its weights are numbers in two plain files; nothing in them can run."""

from collections.abc import Mapping, Sequence

from countersign_inference.domain.scoring import Abstained, Answer, Question, needing
from countersign_inference.domain.text_features import LONGEST_TEXT
from countersign_inference.domain.text_model import TextModel


class TextScorer:
    """Reads each text by itself; some ten microseconds for a short one."""

    kind = "text"
    off_loop = True

    def __init__(self, model: TextModel) -> None:
        self._model = model
        self.reads = model.features.reads
        self._fields = frozenset(self.reads)
        self._block = model.block()

    @property
    def model(self) -> Mapping[str, str]:
        """Return the model block of the scored event."""
        return self._block

    def score(self, batch: Sequence[Question]) -> list[Answer]:
        """Propose for every readable case; one without words, with too many, or with an invalid input is abstained."""
        return [self._answer(question) for question in batch]

    def _answer(self, question: Question) -> Answer:
        refused = self._model.features.refused(question.payload)
        if refused is None and not self._fields.isdisjoint(question.invalid):
            refused = "invalid_input", tuple(sorted(self._fields & question.invalid))
        if refused is None:
            return self._model.propose(question.payload)
        reason, fields = refused
        if reason == "too_large":
            label = self._model.labels.get(fields[0], fields[0])
            return Abstained(reason, f"{label} has more than the {LONGEST_TEXT:,} characters that the model reads")
        return Abstained(reason, needing(fields, self._model.labels))
