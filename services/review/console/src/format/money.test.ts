import { describe, expect, it } from "vitest";

import { money, termText } from "./money";

describe("money", () => {
  it("is written with its currency, and without decimals that say nothing", () => {
    expect(money("125000.00", "USD")).toBe("$125,000");
    expect(money("40.50", "EUR")).toBe("€40.50");
    expect(money("123456789012345.67", "USD")).toBe("$123,456,789,012,345.67");
  });

  it("is nothing that only looks like it", () => {
    expect(money("12.50", "%")).toBeNull();
    expect(money("<b>12</b>", "USD")).toBeNull();
    expect(money(12, "USD")).toBeNull();
  });
});

describe("a term of a decision", () => {
  const facts = [
    { field: "loan_amount", unit: "USD" },
    { field: "loan_to_value", unit: "%" },
  ];

  it("that is an amount says its currency", () => {
    expect(termText("amount", { value: "40.00", currency: "CHF" }, []).replace("\u00a0", " ")).toBe("CHF 40");
    expect(termText("loan_amount", "90000.00", facts)).toBe("$90,000");
  });

  it("that is no amount is written as it stands", () => {
    expect(termText("term_months", 360, facts)).toBe("360");
    expect(termText("loan_to_value", "80", facts)).toBe("80");
    expect(termText("note", "<script>hit()</script>\u202e", facts)).toBe("<script>hit()</script>\u202e");
  });
});
