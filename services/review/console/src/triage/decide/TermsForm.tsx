import { Checkbox, JsonInput, NativeSelect, NumberInput, Textarea, TextInput } from "@mantine/core";
import { useState } from "react";

import { money } from "../../format/money";
import type { KeyFact } from "../../api/schema";
import type { Terms } from "./draft";
import styles from "./TermsForm.module.css";
import { type Money, type ParamsSchema, type TermField, termFields, termProblem, unitOf } from "./terms";

interface TermsFormProps {
  readonly schema: ParamsSchema;
  readonly terms: Terms;
  readonly onChange: (terms: Terms) => void;
  /** The facts of the case: a term of the same name has the same unit. */
  readonly facts: readonly KeyFact[];
  /** Problems are shown only once someone tried to record. */
  readonly strict: boolean;
}

/** The terms of an outcome, one field for each property of its schema. */
export function TermsForm({ schema, terms, onChange, facts, strict }: TermsFormProps) {
  return (
    <div className={styles.fields}>
      {termFields(schema).map((field) => (
        <Term
          key={field.name}
          field={field}
          value={terms[field.name]}
          unit={unitOf(field, facts)}
          error={strict ? termProblem(field, terms[field.name]) : null}
          onChange={(value) => onChange({ ...terms, [field.name]: value })}
        />
      ))}
    </div>
  );
}

function withUnit(label: string, unit: string): string {
  return unit === "" || label.includes(unit) ? label : `${label} (${unit})`;
}

interface TermProps {
  readonly field: TermField;
  readonly value: unknown;
  /** Of a number, or the currency of an amount that names none. */
  readonly unit: string;
  readonly error: string | null;
  readonly onChange: (value: unknown) => void;
}

function Term({ field, value, unit, error, onChange }: TermProps) {
  const common = {
    label: withUnit(field.label, unit),
    description: field.hint || null,
    error,
    required: field.required,
    size: "sm" as const,
  };
  const text = typeof value === "string" ? value : "";
  switch (field.kind) {
    case "number":
      return (
        <NumberInput
          {...common}
          value={typeof value === "number" ? value : ""}
          allowDecimal={!field.whole}
          hideControls
          thousandSeparator=","
          onChange={(next) => onChange(next === "" ? undefined : Number(next))}
        />
      );
    case "choice":
      return <ChoiceTerm {...{ field, value, error, onChange, unit }} />;
    case "flag":
      return (
        <Checkbox
          label={field.label}
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    case "money":
      return <MoneyTerm {...{ field, value, error, onChange, unit }} />;
    case "json":
      return <JsonTerm {...{ field, value, error, onChange, unit }} />;
    case "date":
      return (
        <TextInput {...common} type="date" value={text} onChange={(event) => onChange(event.currentTarget.value)} />
      );
    case "amount":
      return (
        <TextInput
          {...common}
          inputMode="decimal"
          // What was typed, read back: zeros are miscounted easily.
          description={money(text, unit) ?? common.description}
          value={text}
          onChange={(event) => onChange(event.currentTarget.value.trim())}
        />
      );
    case "letter":
      return <LetterTerm {...{ field, value, error, onChange, unit }} />;
    case "text":
      return <TextInput {...common} value={text} onChange={(event) => onChange(event.currentTarget.value)} />;
  }
}

function ChoiceTerm({ field, value, error, onChange }: TermProps) {
  const index = field.options.indexOf(value);
  return (
    <NativeSelect
      label={field.label}
      error={error}
      required={field.required}
      value={index < 0 ? "" : String(index)}
      data={[
        { value: "", label: "" },
        ...field.options.map((option, at) => ({ value: String(at), label: String(option) })),
      ]}
      onChange={({ currentTarget: { value: at } }) => onChange(at === "" ? undefined : field.options[Number(at)])}
    />
  );
}

function MoneyTerm({ field, value, error, onChange, unit }: TermProps) {
  const amount = (value ?? { value: "", currency: unit }) as Money;
  return (
    <TextInput
      label={withUnit(field.label, amount.currency || "currency?")}
      description={money(amount.value, amount.currency)}
      error={error}
      required={field.required}
      inputMode="decimal"
      value={amount.value}
      onChange={(event) => onChange({ ...amount, value: event.currentTarget.value.trim() })}
    />
  );
}

function LetterTerm({ field, value, error, onChange }: TermProps) {
  return (
    <Textarea
      className={styles.letter ?? ""}
      label={field.label}
      description={field.hint || null}
      error={error}
      required={field.required}
      autosize
      minRows={2}
      maxRows={8}
      value={typeof value === "string" ? value : ""}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

function JsonTerm({ field, value, error, onChange }: TermProps) {
  const [text, setText] = useState(value === undefined ? "" : JSON.stringify(value, null, 2));
  const write = (next: string) => {
    setText(next);
    try {
      onChange(next.trim() === "" ? undefined : (JSON.parse(next) as unknown));
    } catch {
      // Kept as text until it parses; as text it is refused.
      onChange(next);
    }
  };
  return (
    <JsonInput
      label={field.label}
      description="Written as JSON"
      error={error}
      required={field.required}
      autosize
      value={text}
      onChange={write}
    />
  );
}
