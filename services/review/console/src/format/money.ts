const CURRENCY = /^[A-Z]{3}$/u;
const DECIMAL = /^-?\d+(\.\d+)?$/u;

/** An amount for people, like `$125,000` or `CHF 12.50`; null when this is no amount of a known currency. */
export function money(value: unknown, currency: unknown): string | null {
  if (typeof value !== "string" || !DECIMAL.test(value)) return null;
  if (typeof currency !== "string" || !CURRENCY.test(currency)) return null;
  return new Intl.NumberFormat("en-US", {
    style: "currency",
    currency,
    trailingZeroDisplay: "stripIfInteger",
    // As text, so that no digit of a large amount is lost.
  }).format(value as Intl.StringNumericLiteral);
}
