"""What is allowed in a policy and probably not meant."""

from collections.abc import Iterator

from countersign_router.domain.policy import HIGHEST_AUTOMATIC_LEVEL, TIERS
from countersign_router.language.diagnostics import Diagnostic
from countersign_router.language.loading import LoadedPolicy


def warnings(loaded: LoadedPolicy) -> list[Diagnostic]:
    """Say what deserves a second look in a policy that can be used."""
    found = [*_unread(loaded), *_unreachable(loaded), *_unpromised(loaded), *_untested(loaded)]
    return [*loaded.odd, *(Diagnostic(path, message, severity="warning") for path, message in found)]


def _unread(loaded: LoadedPolicy) -> Iterator[tuple[str, str]]:
    """A required input sends every case without it to a person, also when no rule needs it."""
    read = {name for expression in loaded.policy.expressions for name in expression.reads}
    for one in loaded.policy.inputs:
        if one.variable not in read:
            cost = "; cases without it go to people all the same" if one.required else ""
            yield f"inputs.{one.name}", f"no rule reads it{cost}"


def _unreachable(loaded: LoadedPolicy) -> Iterator[tuple[str, str]]:
    for number, rule in enumerate(loaded.policy.exceptions[:-1]):
        if rule.when.text.strip() == "true":
            yield f"exceptions[{number + 1}]", f"never reached: {rule.id} before it always matches"
            return


def _unpromised(loaded: LoadedPolicy) -> Iterator[tuple[str, str]]:
    automation = loaded.policy.automation
    if not automation.certificate_required:
        return
    for tier in TIERS:
        automatic = min(loaded.policy.matrix[tier].values()) <= HIGHEST_AUTOMATIC_LEVEL
        if automatic and tier in automation.tiers and tier not in automation.alpha:
            yield "automation", f"automates {tier} consequence and says no alpha for it: any certificate will do"


def _untested(loaded: LoadedPolicy) -> Iterator[tuple[str, str]]:
    if not loaded.document.examples:
        yield "", "no examples: nothing shows what this policy is meant to do"
