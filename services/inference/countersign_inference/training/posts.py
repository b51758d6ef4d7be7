"""Posts for moderation, made by a recipe: the same for ever, and with a known chance that people remove each.

No public collection of moderated posts may be shipped here, so these are put together from phrases. A post is of one
kind (chat, promotion, spam, insult, heated argument, quotation); its kind sets the chance that a moderator removes
it, and the label is drawn with that chance. So two posts of the same words can have different labels, as with real
people, no model can be right more often than the recipe allows (``Post.chance`` tells how often that is), and whether
a confidence is honest can be held against the truth. Every draw is a SHA-256 of seed, row and name: neither Python's
nor NumPy's generators enter, and a row stays the same however many there are.

Names, addresses and telephone numbers are those reserved for examples (RFC 2606; 555-01xx).
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from countersign_shared.clock import rfc3339

DECISION_TYPE = "content_moderation"
SEED = "countersign-posts-1"
ROWS = 12_000
"""Enough that a calibrator fitted to nine tenths of them leaves next to nothing to chance on the last."""
PROTECTED = ("author_religion", "author_gender")
JOINED = date(2025, 6, 30)

KINDS = {"chat": 0.50, "promotion": 0.10, "spam": 0.17, "insult": 0.11, "argument": 0.08, "quotation": 0.04}
"""How often each kind is drawn."""
REMOVED = {
    "chat": 0.01, "promotion": 0.25, "spam": 0.96, "insult": 0.90, "argument": 0.30, "quotation": 0.12,
}  # fmt: skip
"""How often moderators remove a post of the kind."""
SUSPECTED = {
    "chat": ("spam", "insult", "harassment"), "promotion": ("spam",), "spam": ("spam",),
    "insult": ("insult", "harassment"), "argument": ("insult", "harassment"), "quotation": ("insult", "harassment"),
}  # fmt: skip

SITES = ("deals.example", "shop.example", "crypto.example.net", "win.example.org", "garden.example.com")
NAMES = ("ann", "bela", "chidi", "dora", "emre", "fatou", "goran", "hana")
TAGS = ("giveaway", "sale", "football", "baking", "travel", "garden", "music", "crypto")
SUMS = ("$5", "$19.99", "$50", "$1,000", "250 EUR", "$75", "40 USD")

PHRASES: Mapping[str, Sequence[str]] = {
    "chat": (
        "The bread came out well this time, two hours of proving made the difference.",
        "Does anybody know when the library opens on Sunday?",
        "We took the night train and had breakfast by the sea.",
        "What a match, I have no voice left. #{tag}",
        "My tomatoes are finally red, thank you {name} for the advice.",
        "The new album is quieter than the last one, and better.",
        "Looking for a second-hand bicycle, not more than {sum}.",
        "The bus was late again, so I read half a book on the way.",
        "Happy birthday {name}, see you on Saturday!",
        "Photos from the hike are here: https://{site}/album/{number}",
        "I have been learning to play the cello for {small} months.",
        "The recipe says {number} grams of sugar, which cannot be right.",
        "Our dog is afraid of the vacuum cleaner and of nothing else.",
        "Somebody left an umbrella at the bakery, it is behind the counter.",
        "I think the referee was right, even if it hurt.",
    ),
    "promotion": (
        "Our bakery has a sale this weekend, everything for {sum}. #{tag}",
        "I have opened a small shop for pottery: https://{site}/pottery",
        "Tickets for the village concert are {sum} at the door.",
        "We teach the guitar on Tuesdays, write to lessons@{site}",
        "New in our garden centre: roses, {small} for {sum}.",
        "Buy one coffee this week and the second one is free.",
    ),
    "spam": (
        "Earn {sum} a day from home, click https://{site}/{number} now!!!",
        "You have won a free phone, claim it at https://{site}/win",
        "Buy {number} followers for only {sum}, guaranteed.",
        "My trader doubled my money in {small} days, write to him at invest@{site}",
        "Limited offer! Free crypto for the first {number} people https://{site}",
        "Lose ten kilos in {small} days with this one trick, click here",
        "Call +1 202-555-01{two} now, the loan is approved without any check",
        "Best replica watches, {sum}, free shipping, click https://{site}/w",
    ),
    "insult": (
        "You are an idiot and everybody knows it.",
        "Shut up, {name}, nobody likes you.",
        "What a pathetic clown you are.",
        "Only a moron would write something like this.",
        "You are too stupid to understand a bus timetable.",
        "Go away, loser, and take your ugly dog with you.",
        "Nobody asked you, you worthless fool.",
    ),
    "argument": (
        "That is the worst argument I have read this year, {name}.",
        "This is nonsense and you know it.",
        "People like you are why these meetings take {small} hours.",
        "Your plan is stupid, and here is why it will fail.",
        "I am sick of hearing the same lie about the station.",
        "Honestly, only a fool would pay {sum} for that.",
    ),
    "quotation": (
        'He wrote "you are an idiot" under my photo, can somebody look at that?',
        'In the play she says "shut up, you fool", and the whole room laughs.',
        'A stranger called my daughter "loser" at the match, I am still shaking.',
        'The scam says "you have won a free phone", do not click it.',
    ),
}
FILLERS = (
    "Good morning everybody.", "Thanks for reading.", "What do you think?", "More tomorrow.", "Have a nice weekend!",
    "Just saying.", "Please share.", "That is all.", "",
)  # fmt: skip
_LINK = re.compile(r"https://\S+")


@dataclass(frozen=True, slots=True)
class Post:
    """One post: what an upstream system would send, what a moderator decided, and how likely that was.

    `row` counts from 1. `chance` is the recipe's probability that the post is removed.
    """

    row: int
    case_id: str
    title: str
    payload: Mapping[str, Any]
    removed: bool
    chance: float
    protected: Mapping[str, str]

    def case_created(self, *, occurred_at: datetime, tenant: str = "default") -> dict[str, Any]:
        """Return the body of the `case.created` event that asks for this decision."""
        return {
            "tenant": tenant, "case_id": self.case_id, "decision_type": DECISION_TYPE,
            "subject_ref": f"author-{self.payload['author_id']}", "sequence": 1, "title": self.title,
            "payload": dict(self.payload), "submitted_by": "post-filter", "language": "en",
            "occurred_at": rfc3339(occurred_at),
        }  # fmt: skip


def posts(rows: int = ROWS) -> Iterator[Post]:
    """Make the posts, in order."""
    for row in range(1, rows + 1):
        yield post(row)


def post(row: int) -> Post:
    """Make one post."""
    draw = _Draw(row)
    kind = draw.kind()
    text = _text(draw, kind)
    category = draw.pick("category", SUSPECTED[kind])
    author = draw.whole("author", 400)
    protected = {
        "author_gender": draw.pick("gender", ("female", "male", "other")),
        "author_religion": draw.pick("religion", ("none", "christian", "muslim", "jewish", "hindu")),
    }
    payload: dict[str, Any] = {
        "post_id": f"{row:06}", "author_id": f"a-{author:03}", "text": text, "category": category,
        "followers": draw.whole("followers", 50) ** 2 * 20, "reports": 1 + draw.whole("reports", 9),
        "author_joined_on": (JOINED - timedelta(days=draw.whole("joined", 3_000))).isoformat(),
        "earlier_violations": draw.whole("violations", 4) if kind in {"spam", "insult"} else 0,
        **protected,
    }  # fmt: skip
    if links := _LINK.findall(text):
        payload["links"] = links
    chance = REMOVED[kind]
    return Post(
        row=row, case_id=f"post-{row:06}", title=f"Suspected {category} in a post by a-{author:03}", payload=payload,
        removed=draw.share("label") < chance, chance=chance, protected=protected,
    )  # fmt: skip


def _text(draw: "_Draw", kind: str) -> str:
    said = [draw.pick("first", PHRASES[kind])]
    # A third of the posts mix: people who insult also talk about their garden.
    if draw.share("mixed") < 1 / 3:
        said.append(draw.pick("second", PHRASES["chat"]))
    said.append(draw.pick("filler", FILLERS))
    if draw.share("order") < 1 / 2:
        said.reverse()
    return " ".join(one for one in said if one).format(
        site=draw.pick("site", SITES), name="@" + draw.pick("name", NAMES), tag=draw.pick("tag", TAGS),
        sum=draw.pick("sum", SUMS), number=100 + draw.whole("number", 900), small=2 + draw.whole("small", 9),
        two=f"{draw.whole('two', 100):02}",
    )  # fmt: skip


class _Draw:
    """Named draws of one row."""

    def __init__(self, row: int) -> None:
        self._row = row

    def share(self, name: str) -> float:
        """Draw from [0, 1)."""
        digest = hashlib.sha256(f"{SEED}/{self._row}/{name}".encode()).digest()
        return int.from_bytes(digest[:8], "big") / 2**64

    def whole(self, name: str, below: int) -> int:
        """Draw a whole number from 0 to `below` - 1."""
        return int(self.share(name) * below)

    def pick(self, name: str, among: Sequence[str]) -> str:
        """Draw one of several."""
        return among[self.whole(name, len(among))]

    def kind(self) -> str:
        """Draw the kind of post."""
        place = self.share("kind")
        for kind, share in KINDS.items():
            if place < share:
                return kind
            place -= share
        return "chat"


STRANGE = (
    "El tren de cercanías llega con retraso y nadie sabe por qué en la estación.",
    "Die Sitzung des Gemeinderates wurde auf den kommenden Donnerstag verlegt.",
    "def merge(left, right): return sorted(left + right, key=lambda row: row.id)",
    "2026-03-02T09:15:00Z ERROR connection reset by peer (errno 104) retrying",
    "The party of the first part shall indemnify the party of the second part against all claims arising hereunder.",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt.",
    "asdf jkl qwer zxcv uiop hjkl tyui bnmq wert",
    "Le conseil municipal se réunira jeudi prochain pour voter le budget.",
    "0x7fff5fbff8a0 mov rax, qword ptr [rbp - 8]; call malloc",
    "Serum creatinine and eGFR remained within reference ranges throughout follow-up.",
)
"""Declared out of distribution: other languages, code, logs, contracts, noise."""


def strange_payloads(count: int) -> Iterator[dict[str, Any]]:
    """Make payloads that the model was not made for: two of the strange texts each, under a usual category."""
    for number in range(count):
        draw = _Draw(-1 - number)
        text = f"{draw.pick('first', STRANGE)} {draw.pick('second', STRANGE)}"
        yield {"text": text, "category": draw.pick("category", ("spam", "insult", "harassment"))}
