"""What people have said of a case before, for those who must know it: two answers to settle, an objection to weigh."""

from typing import Any

import orjson

from countersign_review.domain.review import Kind, Stage
from countersign_review.domain.saying import Saying
from countersign_review.store.events import SQL, Connection
from countersign_shared.postgres import Queries


class Disputes:
    """Reads what is in dispute about a review. Names are in none of it: an answer is weighed, not a colleague."""

    def __init__(self) -> None:
        self._queries = Queries.load(SQL / "desk.sql")

    async def of(self, connection: Connection, review: Any, saying: Saying) -> dict[str, Any] | None:
        """Return the answers to settle and the objections to a decision; None for an ordinary review.

        Whoever looks at a decision again without being told of it does not learn its outcome here.
        """
        opinions, objections, standing = [], [], None
        if review["stage"] == Stage.ADJUDICATION:
            rows = await connection.fetch(self._queries.standing_answers, review["review_id"])
            opinions = [saying.answer(orjson.loads(row["said"])) for row in rows if row["part"] == "opinion"]
        if review["kind"] == Kind.REVERSAL:
            rows = await connection.fetch(self._queries.objections, review["tenant"], review["case_id"])
            said = [(orjson.loads(row["body"])["body"], row["received_at"]) for row in rows]
            objections = [
                {"grounds": body["grounds"], "received_at": received_at}
                for body, received_at in said
                if body["decision_id"] == review["supersedes"]
            ]
            if not review["withheld"]:
                row = await connection.fetchrow(
                    self._queries.decision, review["tenant"], review["case_id"], review["supersedes"]
                )
                standing = _standing(row, saying) if row else None
        if not opinions and not objections and standing is None:
            return None
        return {"opinions": opinions, "objections": objections, "standing": standing}


def _standing(row: Any, saying: Saying) -> dict[str, Any]:
    outcome, params = row["outcome"], orjson.loads(row["outcome_params"])
    return {
        "decision_id": row["decision_id"], "outcome": outcome, "outcome_params": params,
        "label": outcome and saying.label(outcome), "terms": saying.terms(outcome, params),
        "automatic": row["mode"] == "automatic", "decided_at": row["decided_at"],
    }  # fmt: skip
