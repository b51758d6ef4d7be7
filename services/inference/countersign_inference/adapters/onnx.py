"""Proposals from a classifier in ONNX."""

import os
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from countersign_inference.domain.features import Matrix
from countersign_inference.domain.models import TabularModel
from countersign_inference.domain.permutation import Now
from countersign_inference.domain.proposals import Proposer
from countersign_inference.domain.scoring import Abstained, Answer, Question, needing

PROBABILITIES = "probabilities"


@cache
def onnx_runtime() -> Any:
    """Return the module ``onnxruntime``: it reports its use to its maker unless told otherwise before it is loaded."""
    os.putenv("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


class OnnxScorer:
    """Runs a whole batch through ONNX Runtime at once."""

    kind = "onnx"
    off_loop = True

    def __init__(self, model: TabularModel, artifact: bytes, *, now: Now = time.monotonic) -> None:
        runtime = onnx_runtime()
        options = runtime.SessionOptions()
        # One thread: the service scales by partitions, and a pool here would take the cores from its neighbours.
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        self._session = runtime.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._model = model
        self._proposer = Proposer(model, self.positive_probability, now)
        params = {field for outcome in (model.negative, model.positive) for field in outcome.params.values()}
        self.reads = tuple(sorted(params.union(item.field for item in model.features.inputs)))
        self._fields = frozenset(self.reads)
        self._labels = {item.field: item.label for item in model.features.inputs}
        self._block = model.block()

    @property
    def model(self) -> Mapping[str, str]:
        """Return the model block of the scored event."""
        return self._block

    def score(self, batch: Sequence[Question]) -> list[Answer]:
        """Propose for every readable case; one that lacks a required input, or has an invalid one, is abstained."""
        features = self._model.features
        reading = features.read([question.payload for question in batch])
        answers: list[Answer | None] = [None] * len(batch)
        for row, question in enumerate(batch):
            reason, fields = reading.refused.get(row, ("", ()))
            if not reason and not self._fields.isdisjoint(question.invalid):
                reason, fields = "invalid_input", tuple(sorted(self._fields & question.invalid))
            if reason:
                answers[row] = Abstained(reason, needing(fields, self._labels))
        open_rows = [row for row, answer in enumerate(answers) if answer is None]
        if open_rows:
            values = reading.values[open_rows]
            matrix = features.matrix(values)
            payloads = [batch[row].payload for row in open_rows]
            proposals = self._proposer.propose(payloads, matrix, features.outside(values))
            for row, proposal in zip(open_rows, proposals, strict=True):
                answers[row] = proposal
        return [answer for answer in answers if answer is not None]

    def positive_probability(self, matrix: Matrix) -> Matrix:
        """Return the artifact's own probability of the positive outcome; anything but probabilities is refused."""
        (both,) = self._session.run([PROBABILITIES], {self._input: matrix.astype(np.float32)})
        if both.shape != (len(matrix), 2) or not np.isfinite(both).all() or both.min() < 0.0 or both.max() > 1.0:
            raise ValueError(f"the model answered {both.shape} instead of two probabilities per case")
        positive: Matrix = both[:, 1].astype(np.float64)
        return positive
