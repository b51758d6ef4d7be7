/** A rule of a policy, as a row of a table. */
export interface Rule {
  readonly kind: string;
  readonly id: string;
  /** The condition, as the policy writes it. */
  readonly when: string;
  readonly does: string;
  /** The reason the policy gives in plain words. */
  readonly text: string;
}

type Json = Readonly<Record<string, unknown>>;

const record = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.map(record) : []);
const text = (value: unknown): string => (typeof value === "string" ? value : "");

/** The rules of a policy in the order in which they bind: what nothing automates past comes first. */
export function rulesOf(document: Json): readonly Rule[] {
  return [
    ...floor(document),
    ...list(document["exceptions"]).map(exception),
    ...list(document["adjust"]).map(adjustment),
    ...reviewers(record(document["reviewers"])),
    ...documented(document["must_document"]),
  ];
}

function floor(document: Json): readonly Rule[] {
  const never = record(document["never_automate"]);
  if (!text(never["when"])) return [];
  return [
    {
      kind: "Floor",
      id: "never_automate",
      when: text(never["when"]),
      does: "a person decides",
      text: text(never["text"]),
    },
  ];
}

function exception(one: Json): Rule {
  const queue = text(one["queue"]);
  return {
    kind: "Exception",
    id: text(one["id"]),
    when: text(one["when"]),
    does: `level ${String(one["level"])}${queue ? `, queue ${queue.replaceAll("_", " ")}` : ""}`,
    text: text(one["text"]),
  };
}

function adjustment(one: Json): Rule {
  const bands = Object.entries(record(one["bands"])).filter(([, by]) => typeof by === "number" && by !== 0);
  const moved = bands.map(([band, by]) => `${band} band ${Number(by) > 0 ? "+" : "\u2212"}${Math.abs(Number(by))}`);
  const least = one["level_at_least"];
  const tiers = Array.isArray(one["only_tiers"]) ? `, only ${one["only_tiers"].join(", ")}` : "";
  const does = [...moved, ...(typeof least === "number" ? [`at least level ${least}`] : [])].join(", ");
  return {
    kind: "Adjustment",
    id: text(one["id"]),
    when: text(one["when"]),
    does: does + tiers,
    text: text(one["text"]),
  };
}

function reviewers(given: Json): readonly Rule[] {
  const when = text(given["four_eyes_when"]);
  if (!when) return [];
  return [{ kind: "Reviewers", id: "four_eyes", when, does: "two people decide, the second unseen", text: "" }];
}

function documented(given: unknown): readonly Rule[] {
  if (!Array.isArray(given) || given.length === 0) return [];
  const what = given.map(String).join(", ");
  return [{ kind: "Record", id: "must_document", when: what, does: "a reason must be given", text: "" }];
}
