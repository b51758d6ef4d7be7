import { describe, expect, it } from "vitest";

import type { Proposal } from "../api/router";
import { against, said } from "./proposal";

const SCOPE = { tenant: "default", decision_type: "refund", tier: "low", revision: 1, sha256: "ab", why: "" };

function proposal(becomes: string, state: Proposal["state"], more: Partial<Proposal> = {}): Proposal {
  return { ...SCOPE, becomes, state, doubts: [], certificates_voided: [], signatures_needed: 2, said: [], ...more };
}

const CERTIFICATE = {
  threshold: 0.9474,
  alpha: 0.02,
  delta: 0.05,
  errors: 1,
  labels: 1262,
  model: { name: "refund-approve", version: "3" },
  calibrator_version: "platt-2",
};

describe("what waits for a signature", () => {
  it("says what a certificate promises, and from how many labels", () => {
    expect(said(proposal("certificate.active", CERTIFICATE))).toBe(
      "From a confidence of 0.9474 on at most 2 % are wrong, 95 % sure (1 of 1262 were; model refund-approve 3, calibrator platt-2).",
    );
    const bare = { ...CERTIFICATE, alpha: 0.001, delta: 0.025, calibrator_version: null };
    expect(said(proposal("certificate.active", bare))).toContain("at most 0.1 % are wrong, 97.5 % sure");
    expect(said(proposal("certificate.active", bare))).not.toContain("calibrator");
  });

  it("says what else would hold", () => {
    const calibrator = {
      method: "platt",
      calibrator_version: "platt-2",
      model_name: "refund-approve",
      model_version: "3",
    };
    expect(said(proposal("calibrator.active", calibrator))).toBe("platt platt-2 for refund-approve 3.");
    const tripped = { trip_id: "t", evidence: { trip: { reason: "9 of 40 were wrong." } } };
    expect(said(proposal("trip.cleared", tripped))).toBe("Tripped because: 9 of 40 were wrong.");
    const raised = { limits: [{ high: 0.05, medium: 0 }], reason: "a new shop" };
    expect(said(proposal("bands.lowered", { evidence: { raised } }))).toBe("Now: high +0.05 (a new shop).");
    expect(said(proposal("certificate.active", {}))).toBeNull();
    expect(said(proposal("unheard.of", CERTIFICATE))).toBeNull();
  });

  it("says what speaks against it, and what it voids", () => {
    const voided = { tenant: "default", tier: "low", certificate_id: "c-1", threshold: 0.9, model_version: "3" };
    const found = proposal(
      "calibrator.active",
      {},
      {
        doubts: ["its labels were not compared with traffic: 3 of 200 confidences known"],
        certificates_voided: [{ ...voided, expires_at: null }],
      },
    );
    expect(against(found)).toEqual([
      "its labels were not compared with traffic: 3 of 200 confidences known",
      "it voids the certificate of default, low consequence, from a confidence of 0.9 on",
    ]);
    expect(against(proposal("trip.cleared", {}))).toEqual([]);
  });
});
