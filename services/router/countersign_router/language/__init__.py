"""The policy language: a document read, checked with positions, compiled; its expressions kept within bounds."""
