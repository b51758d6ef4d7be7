"""What decides about automation: the parts of a policy that certificates are bound to."""

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from countersign_router.language.document import PolicyDocument

AUTOMATION_PARTS = (
    "inputs", "outcomes", "consequence", "bands", "matrix", "signal_caps", "adjust", "exceptions", "never_automate",
)  # fmt: skip
"""Editing anything else leaves certificates in force, but for ``PRINCIPAL_FIELDS``."""
PRINCIPAL_FIELDS = "the fields of reasons.principal"
"""Of the reasons that affected persons are told. They count where adverse outcomes may be automatic: a case whose
explanation speaks of none of them goes to a person, and so is none that a certificate was made of."""


def automation_parts(document: PolicyDocument, adverse: Collection[str] = ()) -> Mapping[str, Any]:
    """Return what certificates are bound to, by name and without words; ``adverse`` as in ``automation_sha256``."""
    untold: Any = {"adjust": {"__all__": {"text"}}, "exceptions": {"__all__": {"text"}}, "never_automate": True}
    parts = document.model_dump(mode="json", include=set(AUTOMATION_PARTS), exclude=untold)
    for declared in parts["inputs"].values():
        # Limits came later: where none is set, the hash is the one of before.
        for limit in ("max_length", "max_items"):
            if declared[limit] is None:
                del declared[limit]
    for name, outcome in parts["outcomes"].items():
        if name in adverse:
            outcome["adverse"] = True
    # The expression alone, however it was written.
    parts["never_automate"] = document.never_automate.when if document.never_automate is not None else None
    # An adverse outcome is automatic only where that is said.
    if any(outcome.automatic for outcome in document.outcomes.values()):
        parts[PRINCIPAL_FIELDS] = sorted({field for one in document.reasons.principal for field in one.fields})
    return parts


def automation_sha256(document: PolicyDocument, adverse: Collection[str] = ()) -> str:
    """Hash what decides about automation, in canonical JSON: comments, order of keys and texts do not count.

    ``adverse``: the outcomes that the decision type calls adverse, whether or not the policy repeats it.
    """
    parts = automation_parts(document, adverse)
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
