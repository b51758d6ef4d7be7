import type { KeyFact, Recommendation } from "../../api/schema";
import type { Terms } from "./draft";

interface PropertySchema {
  readonly type?: string | readonly string[];
  readonly title?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly multipleOf?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly properties?: Readonly<Record<string, PropertySchema>>;
}

/** One term of an outcome as a form shows it. */
export interface TermField {
  readonly name: string;
  readonly label: string;
  readonly kind: "number" | "choice" | "flag" | "money" | "amount" | "date" | "text" | "letter" | "json";
  readonly whole: boolean;
  readonly required: boolean;
  readonly hint: string;
  readonly options: readonly unknown[];
  readonly schema: PropertySchema;
}

export type ParamsSchema = Readonly<Record<string, unknown>> | null;

/** The fields of an outcome's parameter schema, in its own order. */
export function termFields(schema: ParamsSchema): TermField[] {
  const properties = (schema?.["properties"] ?? {}) as Record<string, PropertySchema>;
  const required = new Set((schema?.["required"] ?? []) as string[]);
  return Object.entries(properties).map(([name, property]) => ({
    name,
    label: property.title ?? sentence(name),
    kind: kindOf(property),
    whole: property.type === "integer",
    required: required.has(name),
    hint: property.description ?? limits(property),
    options: property.enum ?? [],
    schema: property,
  }));
}

// Longer than this it is written on several lines.
const LINE = 200;

function kindOf({
  type,
  enum: options,
  format,
  properties,
  pattern,
  maxLength = 0,
}: PropertySchema): TermField["kind"] {
  if (options) return "choice";
  if (type === "number" || type === "integer") return "number";
  if (type === "boolean") return "flag";
  if (type === "object" && properties?.["value"] && properties["currency"]) return "money";
  if (type === "object" || type === "array") return "json";
  if (format === "date") return "date";
  if (pattern === DECIMAL) return "amount";
  return maxLength > LINE ? "letter" : "text";
}

function sentence(name: string): string {
  const words = name.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function limits({ minimum, maximum }: PropertySchema): string {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} to ${maximum}`;
  if (minimum !== undefined) return `at least ${minimum}`;
  return maximum !== undefined ? `at most ${maximum}` : "";
}

/** Where the terms of an outcome start: what was proposed for it, then the schema's own defaults. */
export function initialTerms(outcome: string, schema: ParamsSchema, recommendation: Recommendation | null): Terms {
  const proposed = recommendation?.outcome === outcome ? recommendation.outcome_params : {};
  const defaults = termFields(schema)
    .filter((field) => field.schema.default !== undefined)
    .map((field) => [field.name, field.schema.default]);
  return { ...Object.fromEntries(defaults), ...proposed };
}

/** What a term is counted in: as the fact of its name; an amount without one is in the currency of the case. */
export function unitOf({ name, kind }: TermField, facts: readonly KeyFact[]): string {
  const named = facts.find(({ field }) => field === name)?.unit;
  if (named) return named;
  if (kind !== "money" && kind !== "amount") return "";
  for (const { format, unit, value } of facts) {
    if (format !== "money") continue;
    const own = (value as { currency?: unknown } | null)?.currency;
    if (typeof own === "string") return own;
    if (unit) return unit;
  }
  return "";
}

/** An amount as the contracts write it: a decimal number as text, and its currency. */
export interface Money {
  readonly value: string;
  readonly currency: string;
}

/** How the contracts write a decimal number as text; the same pattern stands in the schemas of decision types. */
export const DECIMAL = String.raw`^(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?$`;
const AMOUNT = new RegExp(DECIMAL, "u");

/** What is wrong with one term, in words, or null. The server checks again, and fully. */
export function termProblem(field: TermField, value: unknown): string | null {
  const { schema, label } = field;
  if (isBlank(value)) return field.required ? `${label}: fill this in` : null;
  switch (field.kind) {
    case "choice":
      return field.options.includes(value) ? null : `${label}: choose one of the list`;
    case "number":
      return numberProblem(field, value);
    case "money":
      return moneyProblem(label, value as Money);
    case "json":
      return typeof value === "string" ? `${label} is not valid JSON` : null;
    default:
      return textProblem(label, schema, value);
  }
}

/** Empty fields are absent, not empty strings. */
export function isBlank(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  return typeof value === "object" && "value" in value && value.value === "";
}

function moneyProblem(label: string, { value, currency }: Money): string | null {
  if (!AMOUNT.test(value)) return `${label}: write the amount like 120.50`;
  return /^[A-Z]{3}$/.test(currency) ? null : `${label}: name the currency in three letters`;
}

function textProblem(label: string, { maxLength, pattern }: PropertySchema, value: unknown): string | null {
  if (typeof value !== "string") return null;
  if (maxLength !== undefined && value.length > maxLength) return `${label}: at most ${maxLength} characters`;
  if (!pattern || new RegExp(pattern, "u").test(value)) return null;
  return pattern === DECIMAL ? `${label}: write the amount like 120.50` : `${label} is not written as expected`;
}

function numberProblem({ label, whole, schema }: TermField, value: unknown): string | null {
  if (typeof value !== "number" || Number.isNaN(value)) return `${label} must be a number`;
  if (whole && !Number.isInteger(value)) return `${label} must be a whole number`;
  if (schema.minimum !== undefined && value < schema.minimum) return `${label}: at least ${schema.minimum}`;
  if (schema.maximum !== undefined && value > schema.maximum) return `${label}: at most ${schema.maximum}`;
  return null;
}

/** Every problem of a set of terms. */
export function termProblems(schema: ParamsSchema, terms: Terms): string[] {
  return termFields(schema).flatMap((field) => termProblem(field, terms[field.name]) ?? []);
}

/** Terms without what was left empty. */
export function withoutBlanks(terms: Terms): Terms {
  return Object.fromEntries(Object.entries(terms).filter(([, value]) => !isBlank(value)));
}
