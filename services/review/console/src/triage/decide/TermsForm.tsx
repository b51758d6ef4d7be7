import { Checkbox, JsonInput, NativeSelect, NumberInput, TextInput } from "@mantine/core";
import { useState } from "react";

import type { Terms } from "./draft";
import styles from "./TermsForm.module.css";
import { type Money, type ParamsSchema, type TermField, termFields, termProblem } from "./terms";

interface TermsFormProps {
  readonly schema: ParamsSchema;
  readonly terms: Terms;
  readonly onChange: (terms: Terms) => void;
  /** Written into an amount that has no currency yet: the case's own. */
  readonly currency: string;
  /** Problems are shown only once someone tried to record. */
  readonly strict: boolean;
}

/** The terms of an outcome, one field for each property of its schema. */
export function TermsForm({ schema, terms, onChange, currency, strict }: TermsFormProps) {
  return (
    <div className={styles.fields}>
      {termFields(schema).map((field) => (
        <Term
          key={field.name}
          field={field}
          value={terms[field.name]}
          currency={currency}
          error={strict ? termProblem(field, terms[field.name]) : null}
          onChange={(value) => onChange({ ...terms, [field.name]: value })}
        />
      ))}
    </div>
  );
}

interface TermProps {
  readonly field: TermField;
  readonly value: unknown;
  readonly currency: string;
  readonly error: string | null;
  readonly onChange: (value: unknown) => void;
}

function Term({ field, value, currency, error, onChange }: TermProps) {
  const common = {
    label: field.label,
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
      return <ChoiceTerm {...{ field, value, error, onChange, currency }} />;
    case "flag":
      return (
        <Checkbox
          label={field.label}
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    case "money":
      return <MoneyTerm {...{ field, value, error, onChange, currency }} />;
    case "json":
      return <JsonTerm {...{ field, value, error, onChange, currency }} />;
    case "date":
      return (
        <TextInput {...common} type="date" value={text} onChange={(event) => onChange(event.currentTarget.value)} />
      );
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

function MoneyTerm({ field, value, error, onChange, currency }: TermProps) {
  const money = (value ?? { value: "", currency }) as Money;
  return (
    <TextInput
      label={`${field.label} (${money.currency || "currency?"})`}
      error={error}
      required={field.required}
      inputMode="decimal"
      value={money.value}
      onChange={(event) => onChange({ ...money, value: event.currentTarget.value.trim() })}
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
