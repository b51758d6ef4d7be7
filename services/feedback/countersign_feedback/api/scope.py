"""Whose cases are asked about, and who may ask."""

from datetime import date
from typing import Annotated

from fastapi import Query

from countersign_feedback.domain.summary import Scope
from countersign_shared.http import Principal, Problem, require

reader = require("analyst", "lead", "operator", "auditor", "policy_author", "policy_approver", "admin")
"""Who may see figures. Reviewers may not: a running error rate would colour their blind answers."""


def scope(
    principal: Annotated[Principal, reader],
    tenant: Annotated[str | None, Query(max_length=64, description="Absent: every tenant you may see.")] = None,
    decision_type: Annotated[str | None, Query(max_length=64, description="Absent: all decision types.")] = None,
    since: Annotated[date | None, Query(description="Cases routed on this UTC day or later.")] = None,
    until: Annotated[date | None, Query(description="Cases routed on this UTC day or earlier.")] = None,
) -> Scope:
    """Return the scope of a summary; a tenant that is not the caller's is a 403."""
    return Scope(tenants=_tenants(principal, tenant), decision_type=decision_type, since=since, until=until)


def one_type(
    principal: Annotated[Principal, reader],
    decision_type: Annotated[str, Query(max_length=64, description="Whose decisions.")],
    tenant: Annotated[str | None, Query(max_length=64, description="Absent: every tenant you may see.")] = None,
) -> Scope:
    """Return the scope of a question about one decision type."""
    return Scope(tenants=_tenants(principal, tenant), decision_type=decision_type)


def whose(principal: Principal, tenant: str) -> str:
    """Return a tenant that the caller may see; another one is a 403."""
    if not principal.sees(tenant):
        raise Problem(403, "forbidden", "Not your tenant", f"You may not see tenant {tenant}.")
    return tenant


def _tenants(principal: Principal, tenant: str | None) -> tuple[str, ...] | None:
    if tenant is None:
        return None if "*" in principal.tenants else tuple(sorted(principal.tenants))
    return (whose(principal, tenant),)
