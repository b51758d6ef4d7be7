"""What people do with a case beside answering it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field

from countersign_review.api.models.desk import CodedText
from countersign_review.api.models.text import Code, Line, Model, Terms


def _sayable(text: str) -> str:
    if not text.strip():
        raise ValueError("says nothing")
    if any((ord(char) < 0x20 and char not in "\n\t") or 0x7F <= ord(char) < 0xA0 for char in text):  # noqa: PLR2004 - C0, DEL, C1
        raise ValueError("control characters cannot be recorded")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("is no complete text") from error
    return text


Words = Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_sayable)]


class Justification(Model):
    """Why, in words."""

    reason: Words


class MaybeJustification(Model):
    """Why, in words, where there is something to say."""

    reason: Words | None = None


class Escalation(Model):
    """Why a case goes to the leads, and to which of them."""

    reason: Words
    to: Line | None = Field(default=None, description="Username of a lead; without one every lead may take it.")


class Delegation(Model):
    """To whom a case goes."""

    to: Line = Field(description="Username of a colleague who may decide it.")
    reason: Words | None = None


class InformationRequest(Model):
    """A question to upstream."""

    question: Words


class InformationRequested(BaseModel):
    """The question was recorded, and leaves as `review.information_requested`."""

    question_id: str


class Draft(Model):
    """Anything a client wants back later, at most 16 KiB as JSON."""

    draft: Terms


class DraftSaved(BaseModel):
    """A draft as it was saved."""

    draft: dict[str, Any]
    saved_at: datetime | None


class CommentRequest(Model):
    """A remark on a case."""

    comment: Words


class Comment(BaseModel):
    """A remark on a case; on the record."""

    comment_id: str
    commented_at: datetime
    comment: str
    by: str | None = Field(description="Display name of its author.")
    mine: bool


class Comments(BaseModel):
    """A case's comments, oldest first; while an answer must be given unseen, only your own."""

    items: list[Comment]


class TagRequest(Model):
    """Tags to put on a case and to take off, for example `train-on-this`, `policy-issue`, `teaching-example`."""

    add: list[Code] = Field(default_factory=list, max_length=50)
    remove: list[Code] = Field(default_factory=list, max_length=50)


class Tags(BaseModel):
    """All tags a case has."""

    tags: list[str]


class CaseUpdateRequest(Model):
    """What is new about a case, as on the topic `case.updated`; `body` is checked as there."""

    kind: Literal["information_provided", "withdrawn", "deadline_changed", "contested", "outcome_reported"]
    body: Terms


class CaseUpdateAccepted(BaseModel):
    """The update is durable, applied here, and leaves on `case.updated`."""

    event_id: str


class ReversalRequest(Model):
    """Why a decision is to be looked at again."""

    reason: Words


class AsideReview(BaseModel):
    """A review outside the queues."""

    review_id: str
    case_id: str
    tenant: str
    decision_type: str
    queue: str
    title: str
    kind: Literal["decision"] = Field(default="decision", description="What is asked for, as its reviewer sees it.")
    state: Literal["waiting", "asked", "blocked"]
    due_at: datetime
    at_risk_at: datetime
    kept_for: str | None = Field(default=None, description="Display name of the person it is kept for.")
    question: str | None = Field(default=None, description="What upstream was asked.")
    missing: list[CodedText] = Field(default_factory=list, description="What everybody at the desk lacks for it.")


class AsideReviews(BaseModel):
    """Reviews outside the queues, oldest or most urgent first."""

    items: list[AsideReview]
