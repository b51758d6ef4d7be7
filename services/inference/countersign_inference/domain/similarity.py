"""How like the training cases a case is, as a conformal p-value."""

from dataclasses import dataclass

import numpy as np

from countersign_inference.domain.features import Matrix

NEIGHBOURS = 5
CHUNK_PRODUCTS = 200_000
"""Most products of one matrix multiplication. From 262,144 on OpenBLAS wakes a thread per core, and those threads spin
on the cores that the other services need: without this limit a batch costs twice the CPU and no less time."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A sample of standardised training cases, and how far ordinary cases lie from it.

    `points` is (sample, columns); `ordinary` holds the distances of other cases of the same slice that are
    not in the sample, sorted ascending: against these a new case is measured, which is what makes the p-value hold.
    """

    points: Matrix
    ordinary: Matrix

    def distance(self, standardised: Matrix) -> Matrix:
        """Return each case's mean distance to its nearest neighbours in the sample."""
        rows = max(1, CHUNK_PRODUCTS // self.points.size)
        starts = range(0, len(standardised), rows)
        return np.concatenate([self._chunk(standardised[start : start + rows]) for start in starts] or [np.empty(0)])

    def _chunk(self, standardised: Matrix) -> Matrix:
        squared = standardised @ self.points.T
        squared *= -2.0
        squared += np.einsum("ij,ij->i", standardised, standardised)[:, None]
        squared += np.einsum("ij,ij->i", self.points, self.points)
        squared.partition(NEIGHBOURS - 1, axis=1)
        mean: Matrix = np.sqrt(np.maximum(squared[:, :NEIGHBOURS], 0.0)).mean(axis=1)
        return mean

    def p_value(self, distance: Matrix) -> Matrix:
        """Return the share of ordinary cases at least as far away, counting the case itself.

        For a case drawn like the ordinary ones, P(p <= u) <= u (split conformal prediction; Vovk et al., 2005).
        """
        at_least_as_far = self.ordinary.size - np.searchsorted(self.ordinary, distance, side="left")
        share: Matrix = ((at_least_as_far + 1.0) / (self.ordinary.size + 1.0)).astype(np.float64)
        return share
