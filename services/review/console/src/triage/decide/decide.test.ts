import { describe, expect, it } from "vitest";

import type { Claim, ContextPackage, OutcomeChoice } from "../../api/schema";
import { decisionRequest, digestInAdvance, termsFor } from "./answer";
import { departs, type Draft, EMPTY_DRAFT, missing, readDraft, toggle, unseen, without } from "./draft";
import { DECIMAL, initialTerms, termFields, termProblems, unitOf, withoutBlanks } from "./terms";

const outcome = (name: string, more: Partial<OutcomeChoice> = {}): OutcomeChoice => ({
  outcome: name,
  label: name,
  key: null,
  colour: null,
  adverse: false,
  rejects: false,
  params_schema: null,
  ...more,
});

const AMOUNT_SCHEMA = {
  type: "object",
  required: ["amount"],
  properties: {
    amount: { type: "integer", title: "Amount", minimum: 1000, maximum: 500000 },
    term_months: { enum: [180, 360], default: 360 },
    paid_back: { type: "object", properties: { value: { type: "string" }, currency: { type: "string" } } },
  },
};

const context = (more: Partial<ContextPackage> = {}): ContextPackage => ({
  decision_required: {
    headline: "Decide: $ 125,000 mortgage",
    decision_type: "loan_application",
    decision_type_label: "Loan application",
    tenant: "default",
    case_id: "loan-1",
    kind: "decision",
  },
  recommendation: {
    outcome: "approve",
    label: "Approve",
    outcome_params: { amount: 125000 },
    terms: [{ name: "amount", label: "Amount", formatted: "125,000" }],
    confidence: 0.81,
    band: "medium",
    plain_words: "fairly sure",
    second_choice: null,
    factors: [],
    summary: "",
    thresholds: null,
    model: "loan 3",
  },
  no_recommendation: null,
  withheld: false,
  matrix: null,
  key_facts: [],
  flags: [],
  history: { subject: [], similar: [], note: "" },
  policy_reference: null,
  actions: {
    outcomes: [
      outcome("approve"),
      outcome("decline", { adverse: true }),
      outcome("offer", { params_schema: AMOUNT_SCHEMA }),
    ],
    reason_codes: [{ code: "reserves", text: "reserves" }],
    principal_reason_codes: [{ code: "dti", text: "debts too high" }],
    must_document: ["override"],
    other: [],
  },
  ...more,
});

const choose = (name: string) => ({ outcome: name, editing: false });
const parts = (given: ContextPackage, name: string, draft: Draft = EMPTY_DRAFT) =>
  missing(given, choose(name), draft, []).map(({ part }) => part);

describe("what was written earlier is on the screen before it is sent", () => {
  const open = (name: string, editing = false) => ({ outcome: name, editing });
  const kept = (part: Partial<Draft>): Draft => ({ ...EMPTY_DRAFT, ...part });

  it.each([
    ["terms of this outcome", kept({ terms: { offer: { amount: 9_000 } } }), "offer", null, true],
    ["terms behind a form that asks for reasons", kept({ terms: { offer: {} } }), "offer", open("offer"), true],
    ["terms in the open form", kept({ terms: { offer: { amount: 9_000 } } }), "offer", open("offer", true), false],
    ["terms of another outcome", kept({ terms: { offer: { amount: 9_000 } } }), "decline", null, false],
    ["principal reasons", kept({ principal: ["dti"] }), "decline", null, true],
    ["principal reasons in the open form", kept({ principal: ["dti"] }), "decline", open("decline"), false],
    ["principal reasons that an approval leaves out", kept({ principal: ["dti"] }), "approve", null, false],
    ["the kind of difference", kept({ category: "edge_case" }), "decline", null, true],
    ["the kind of difference, where there is none", kept({ category: "edge_case" }), "approve", null, false],
    ["reasons and note, which always are", kept({ codes: ["reserves"], note: "seen" }), "approve", null, false],
  ] as const)("%s", (_, draft, name, shown, hidden) => {
    expect(unseen(context(), shown, name, draft)).toBe(hidden);
  });
});

describe("what must be said before an outcome can be recorded", () => {
  it("asks nothing where nothing is needed", () => {
    expect(parts(context(), "approve")).toEqual([]);
  });

  it("wants principal reasons and a reason for an adverse outcome that differs from the proposal", () => {
    expect(parts(context(), "decline")).toEqual(["principal", "reasons"]);
    expect(parts(context(), "decline", { ...EMPTY_DRAFT, principal: ["dti"], codes: ["reserves"] })).toEqual([]);
  });

  it("does not take a note for the reason of an override", () => {
    expect(parts(context(), "decline", { ...EMPTY_DRAFT, principal: ["dti"], note: "see file" })).toEqual(["reasons"]);
  });

  it("asks the same of every outcome while the proposal is withheld", () => {
    const blind = context({ recommendation: null, withheld: true });
    expect(parts(blind, "approve")).toEqual(["reasons"]);
    expect(parts(blind, "offer")).toEqual(["reasons"]);
    expect(parts(blind, "approve", { ...EMPTY_DRAFT, note: "income verified by phone" })).toEqual([]);
    expect(departs(blind, "decline")).toBe(false);
  });

  it("follows the policy's list, by outcome or by relation", () => {
    const { actions } = context();
    expect(parts(context({ actions: { ...actions, must_document: ["approve"] } }), "approve")).toEqual(["reasons"]);
    const modify = context({ actions: { ...actions, must_document: ["modify"] } });
    expect(parts(modify, "approve", { ...EMPTY_DRAFT, terms: { approve: { amount: 1 } } })).toEqual(["reasons"]);
  });

  it("wants words for the reason `other`", () => {
    expect(parts(context(), "approve", { ...EMPTY_DRAFT, codes: ["other"] })).toEqual(["words"]);
  });
});

describe("choosing reasons", () => {
  it("adds, takes away, and stops at the limit", () => {
    expect(toggle(["a"], "b")).toEqual(["a", "b"]);
    expect(toggle(["a", "b"], "a")).toEqual(["b"]);
    expect(toggle(["a", "b", "c", "d"], "e", 4)).toEqual(["a", "b", "c", "d"]);
  });
});

describe("terms", () => {
  it("start at what was proposed, over the schema's defaults", () => {
    expect(initialTerms("approve", AMOUNT_SCHEMA, context().recommendation)).toEqual({
      amount: 125000,
      term_months: 360,
    });
    expect(initialTerms("offer", AMOUNT_SCHEMA, context().recommendation)).toEqual({ term_months: 360 });
  });

  it("become fields, with what may be entered", () => {
    expect(termFields(AMOUNT_SCHEMA).map(({ label, kind, required, hint }) => [label, kind, required, hint])).toEqual([
      ["Amount", "number", true, "1000 to 500000"],
      ["Term months", "choice", false, ""],
      ["Paid back", "money", false, ""],
    ]);
    expect(termFields(null)).toEqual([]);
  });

  it("are counted as the fact of their name, or in the currency of the case", () => {
    const properties = {
      loan_amount: { type: "string", pattern: DECIMAL },
      fee: { type: "string", pattern: DECIMAL },
      months: { type: "integer" },
      message: { type: "string", maxLength: 2000 },
    };
    const fact = { label: "", value: null, formatted: "", flag: null, spans: [] };
    const facts = [
      { ...fact, field: "loan_amount", format: "money", unit: "USD" },
      { ...fact, field: "months", format: "number", unit: "months" },
    ];
    expect(termFields({ properties }).map((field) => [field.kind, unitOf(field, facts)])).toEqual([
      ["amount", "USD"],
      ["amount", "USD"],
      ["number", "months"],
      ["letter", ""],
    ]);
    const paid = { ...fact, field: "paid", format: "money", unit: null, value: { value: "1", currency: "EUR" } };
    expect(termFields({ properties }).map((field) => unitOf(field, [paid]))).toEqual(["EUR", "EUR", "", ""]);
  });

  it.each([
    [{}, ["Amount: fill this in"]],
    [{ amount: 10 }, ["Amount: at least 1000"]],
    [{ amount: 1000.5 }, ["Amount must be a whole number"]],
    [{ amount: 2000, term_months: 7 }, ["Term months: choose one of the list"]],
    [{ amount: 2000, paid_back: { value: "1,5", currency: "USD" } }, ["Paid back: write the amount like 120.50"]],
    [{ amount: 2000, paid_back: { value: "", currency: "USD" } }, []],
    [{ amount: 2000 }, []],
  ])("%o: %o", (terms, problems) => {
    expect(termProblems(AMOUNT_SCHEMA, terms)).toEqual(problems);
  });

  it("leave out what was left empty", () => {
    expect(withoutBlanks({ a: "", b: null, c: 0, d: false, e: { value: "", currency: "USD" } })).toEqual({
      c: 0,
      d: false,
    });
  });
});

const SEEN = { shown: ["s"], attention: { active_seconds: 12.5, first_action_seconds: null } };

describe("the request", () => {
  const claim = {
    context: context(),
    payload_sha256: "p",
    execute_sha256_by_outcome: { approve: "x" },
  } as unknown as Claim;

  it("quotes what was shown and what will be carried out", () => {
    const request = decisionRequest(claim, SEEN, choose("approve"), { ...EMPTY_DRAFT, note: " fine " }, {}, "x");
    expect(request.binding).toEqual({ payload_sha256: "p", shown_sha256: ["s"], execute_sha256: "x" });
    expect(request.attention).toEqual(SEEN.attention);
    expect(request.reason?.note).toBe("fine");
    expect(request.reason?.other_text).toBeNull();
  });

  it("carries principal reasons only where the outcome is adverse", () => {
    const draft = { ...EMPTY_DRAFT, principal: ["dti"] };
    expect(decisionRequest(claim, SEEN, choose("approve"), draft, {}, "x").principal_reasons).toEqual([]);
    expect(decisionRequest(claim, SEEN, choose("decline"), draft, {}, "x").principal_reasons).toEqual(["dti"]);
  });

  it("uses the digest given in advance only for an outcome without terms", () => {
    expect(digestInAdvance(claim, "approve", {})).toBe("x");
    expect(digestInAdvance(claim, "approve", { amount: 1 })).toBeNull();
    expect(digestInAdvance(claim, "offer", {})).toBeNull();
    expect(termsFor(claim.context, "approve", EMPTY_DRAFT)).toEqual({});
  });
});

describe("drafts", () => {
  it("takes back what was kept, and leaves out what is no part of a draft", () => {
    const kept = { note: "n", codes: ["a"], terms: { approve: { amount: 1 } }, category: 7, principal: [1], odd: true };
    expect(readDraft(kept)).toEqual({ note: "n", codes: ["a"], terms: { approve: { amount: 1 } } });
    expect(readDraft(null)).toEqual({});
    expect(readDraft({ terms: null })).toEqual({});
  });

  it("knows which parts the server does not have yet", () => {
    const typed = { note: "more", codes: ["a"] };
    expect(without(typed, { ...EMPTY_DRAFT, note: "mor", codes: ["a"] })).toEqual({ note: "more" });
    expect(without(typed, { ...EMPTY_DRAFT, ...typed })).toEqual({});
  });
});
