"""A reviewer's hour, chapter by chapter, and what the record must say of it in the end."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import expect

from tests.e2e.console.parts import FAMOUS, Desk, Person
from tests.e2e.console.seats import Seat, skip_until

SENT_SECONDS = 60.0


@dataclass
class Hour:
    """One person at the desk, and what was decided there: fields of ``decision.made`` by case."""

    desk: Desk
    here: Seat
    decided: dict[str, dict[str, Any]] = field(default_factory=dict)
    judged: dict[str, dict[str, Any]] = field(default_factory=dict)
    pseudonym: str = ""
    album: Path | None = None

    def moment(self, name: str) -> None:
        """Keep this moment in the documentation's pictures, when those are taken."""
        if self.album is not None:
            self.here.picture(self.album, f"hour-{name}")

    def begin(self, person: Person) -> None:
        """Sign in and open the first case without a mouse."""
        here = self.here
        here.page.goto(self.desk.url)
        expect(here.page.get_by_label("Name")).to_be_focused()
        here.type(person.username)
        here.press("Tab")
        here.type(person.password)
        here.press("Enter")
        expect(here.page.get_by_role("heading", level=1)).to_be_focused()
        me = here.page.evaluate("async () => (await fetch('/api/review/v1/me')).json()")
        self.pseudonym = me["pseudonym"]
        here.work_on("Underwriting")
        here.open_next()

    def as_proposed(self) -> None:
        """Decide the open case as proposed, or approve it where nothing is; of the blind ones only the first."""
        here, case_id, proposed = self.here, self.here.case_id, self.here.proposed
        if here.withheld:
            if self.judged:
                self.skip()
            else:
                self.answer_unseen()
            return
        if proposed == "Decline":
            here.press("d", "1", "Tab", "Space", "Enter")
            self.decided[case_id] = {"outcome": "decline", "relation": "agreed", "principal_reasons": 1}
        else:
            here.press("a")
            if here.page.get_by_text("Still needed").count():
                here.press("1", "Enter")
            relation = "agreed" if proposed else "no_proposal"
            self.decided[case_id] = {"outcome": "approve", "relation": relation, "principal_reasons": 0}
        here.expect_case(other_than=case_id)

    def skip(self) -> None:
        """Leave the open case to somebody else."""
        left = self.here.case_id
        self.here.press("s")
        self.here.expect_case(other_than=left)

    def override(self) -> None:
        """Something else than proposed, to the applicant's disadvantage: both kinds of reasons are asked for."""
        here = self.here
        case_id = skip_until(here, "Approve")
        here.press("d")
        expect(here.page.get_by_text("Still needed: one to four principal reasons")).to_be_visible()
        here.press("1", "2")
        self.moment("principal")
        here.press("Enter")
        expect(here.page.get_by_text("Still needed: a reason, because this differs")).to_be_visible()
        here.press("2", "n")
        here.type("a letter from the employer is missing, and so is d")
        self.moment("override")
        here.press("Control+Enter")
        here.expect_status(re.compile(f"{case_id}, Decline: (recorded|sent)"))
        here.expect_case(other_than=case_id)
        self.decided[case_id] = {
            "outcome": "decline", "relation": "overrode", "principal_reasons": 2, "codes": 1,
            "note": "a letter from the employer is missing, and so is d",
        }  # fmt: skip

    def edit_terms(self) -> None:
        """The outcome that is proposed, on other terms."""
        here = self.here
        case_id = skip_until(here, "Approve")
        here.press("e")
        amount = here.page.get_by_label("Loan amount (USD)")
        expect(amount).to_be_focused()
        here.press("Control+a")
        here.type("not a number")
        here.press("Enter")
        expect(here.page.get_by_text("write the amount like 120.50").first).to_be_visible()
        here.press("Control+a")
        here.type("95000.00")
        self.moment("terms")
        here.press("Enter")
        here.expect_status(re.compile(f"{case_id}, Approve: (recorded|sent)"))
        here.expect_case(other_than=case_id)
        self.decided[case_id] = {"outcome": "approve", "relation": "modified", "params": {"loan_amount": "95000.00"}}

    def take_back(self) -> None:
        """A decision is taken back inside the grace; what was written is there again, and is decided anew."""
        here = self.here
        case_id = skip_until(here, "Approve")
        here.press("n")
        here.type("looked at twice")
        here.press("Escape", "a")
        here.expect_status(re.compile(f"{case_id}, Approve: recorded, leaves in [1-5] s"))
        self.moment("undo")
        here.press("z")
        here.expect_status(f"{case_id}, Approve: taken back")
        expect(here.page.get_by_text(f"case {case_id}", exact=True)).to_be_visible()
        expect(here.page.get_by_label("Note", exact=True)).to_have_value("looked at twice")
        here.until_settled()
        here.press("a")
        here.expect_case(other_than=case_id)
        self.decided[case_id] = {"outcome": "approve", "relation": "agreed", "note": "looked at twice"}

    def answer_unseen(self) -> None:
        """A case whose proposal is withheld: nothing tells it before the answer."""
        here = self.here
        expect(here.page.get_by_role("heading", name="What would you decide?")).to_be_visible()
        for told in ("What the model proposes", "Where this case sits", "differs from the model", "Show the timeline"):
            expect(here.page.get_by_text(told)).to_have_count(0)
        case_id = here.case_id
        self.moment("unseen")
        here.press("a")
        expect(here.page.get_by_text("Still needed: a reason or a note")).to_be_visible()
        here.press("1", "Enter")
        here.expect_status(re.compile(f"{case_id}, Approve: (kept as your unseen answer|recorded|sent)"))
        self.confirm("a")
        here.expect_case(other_than=case_id)
        self.judged[case_id] = {"outcome": "approve", "blind": True}

    def confirm(self, key: str) -> None:
        """Give the same answer again where the first one was given unseen."""
        here = self.here
        if here.page.locator("footer").get_by_text("kept as your unseen answer").count():
            expect(here.page.get_by_text(re.compile("^You answered .* unseen"))).to_be_visible()
            expect(here.page.get_by_role("heading", level=1, name=re.compile("^Decide: "))).to_be_focused()
            here.until_settled()
            here.press(key)

    def refund(self, case_id: str, amount: str | None = None) -> None:
        """Pay an open refund back in part, or in full; no model proposes anything."""
        here = self.here
        expect(here.page.get_by_role("heading", name="No proposal")).to_be_visible()
        if amount is None:
            here.press("a")
        else:
            here.press("p")
            expect(here.page.get_by_label("Amount to pay back (EUR)")).to_be_focused()
            here.press("Control+a")
            here.type(amount)
            here.press("Enter")
        if here.page.get_by_text("Still needed").count():
            here.press("1", "Enter")
        label = "Refund in full" if amount is None else "Refund in part"
        here.expect_status(re.compile(f"{case_id}, {label}: (recorded|sent)"))
        self.decided[case_id] = {"outcome": "approve" if amount is None else "partial", "relation": "no_proposal"}
        if amount is not None:
            self.decided[case_id]["params"] = {"amount": {"value": amount, "currency": "EUR"}}

    def ask(self, case_id: str) -> None:
        """Ask, and decide once upstream has answered."""
        here = self.here
        here.open_row(case_id)
        here.press("i")
        here.type("When was it bought?")
        self.moment("asked")
        here.press("Control+Enter")
        expect(here.page.get_by_text(f"{case_id}: asked; the case comes back with the answer.")).to_be_visible()
        expect(here.row(case_id)).to_have_count(0)
        question = self.desk.read("activity.recorded", case_id, kind="review.information_requested")
        self.desk.post(f"/cases/default/{case_id}/updates", {
            "kind": "information_provided",
            "body": {"question_id": question["body"]["question_id"], "data": {"purchased_on": "2026-03-02"}},
        })  # fmt: skip
        here.open_row(case_id)
        expect(here.page.locator("main")).to_contain_text(re.compile("Bought on\\s*2 March 2026"))
        self.refund(case_id)

    def look_at_what_is_named(self, pictures: Path) -> None:
        """What a post names is underlined, and said to who cannot see that."""
        here = self.here
        here.work_on("Moderation senior")
        here.open_row(FAMOUS)
        if here.withheld:
            # One case in ten is drawn to be answered unseen: then what was found in the text is withheld, too.
            return
        marks = here.page.locator("mark")
        expect(marks).to_have_count(4)
        said = ["$50 (money)", "https://shop.example/cakes (link)", "lessons@shop.example (email)", "@bela (mention)"]
        assert marks.all_text_contents() == said
        for scheme in ("light", "dark"):
            here.page.emulate_media(color_scheme=scheme)
            here.page.screenshot(path=pictures / f"console-marked-{scheme}.png")
        assert here.serious_findings() == []
        here.page.emulate_media(color_scheme="light")

    def first_or_second_opinion(self) -> None:
        """Answer the post that two people must look at; whoever is second learns nothing of the first."""
        here = self.here
        here.work_on("Moderation senior")
        here.open_row(FAMOUS)
        expect(here.page.locator("main")).not_to_contain_text(re.compile("Ada|Bea|Opinion"))
        self.moment("second")
        here.press("1")
        if here.page.get_by_text("Still needed").count():
            here.press("1", "Enter")
        here.expect_status(re.compile(f"{FAMOUS}, .*: (recorded|sent|kept)"))
        self.confirm("1")
        here.expect_status(re.compile(f"{FAMOUS}, .*: (recorded|sent)"))

    def reverse_an_automatic_one(self) -> tuple[str, str]:
        """Find what automation decided by its subject, and decide it otherwise; returns case and first decision."""
        here = self.here
        here.act("cases", re.compile("^Cases"))
        here.press("/", "Tab", "Tab")
        expect(here.page.get_by_label("Decided by")).to_be_focused()
        here.press("End")
        automatic = here.page.get_by_role("row", name=re.compile("automation")).get_by_role("link").first
        expect(automatic).to_be_visible()
        case_id = automatic.inner_text()
        first = self.desk.decision_on(case_id)
        here.act(first["subject_ref"], re.compile(f"{case_id}, .*by automation"))
        expect(here.page.get_by_role("button", name="Open it again")).to_be_visible()
        here.press("o")
        here.type("the salary was misread")
        self.moment("reversal")
        here.press("Control+Enter")
        here.expect_case()
        expect(here.page.get_by_text(f"case {case_id}", exact=True)).to_be_visible()
        here.press("d", "1", "Tab", "Space", "Enter")
        here.expect_status(re.compile(f"{case_id}, Decline: (recorded|sent|kept)"))
        here.expect_status(f"{case_id}, Decline: sent", seconds=SENT_SECONDS)
        return case_id, first["decision_id"]


def told(decision: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Return of a decision what a chapter promised of it, in the chapter's words."""
    reason = decision["reason"]
    said = {
        **decision, "principal_reasons": len(decision["principal_reasons"]), "codes": len(reason["codes"]),
        "note": reason["note"], "params": decision["outcome_params"],
    }  # fmt: skip
    if "params" in wanted:
        said["params"] = {name: value for name, value in said["params"].items() if name in wanted["params"]}
    return {name: said[name] for name in wanted}
