import { TextInput } from "@mantine/core";
import { useState } from "react";

import type { Authority } from "../api/schema";
import { useDecisionTypes } from "../cases/useCases";
import { LAST_DAY } from "../format/day";
import { limitedTo, listed } from "./rights";
import { Ticks } from "./Ticks";

interface LimitsProps {
  readonly authority: Authority;
  readonly onChange: (part: Partial<Authority>) => void;
}

/** What narrows somebody's decisions beside consequence, skills and amount. */
export function Limits({ authority, onChange }: LimitsProps) {
  return (
    <>
      <Named
        label="Languages"
        placeholder="every language"
        names={authority.languages ?? null}
        onChange={(languages) => onChange({ languages })}
      />
      <Named
        label="May hand work to"
        placeholder="everybody"
        names={authority.delegates ?? null}
        onChange={(delegates) => onChange({ delegates })}
      />
      <TextInput
        label="Training valid until"
        // Not where somebody sits: the server judges it, by one day for everybody.
        description="the end of that day in UTC"
        inputWrapperOrder={["label", "input", "description"]}
        type="date"
        max={LAST_DAY}
        value={authority.training_valid_until ?? ""}
        onChange={(event) => onChange({ training_valid_until: event.currentTarget.value || null })}
      />
      <Kinds chosen={authority.decision_types ?? null} onChange={(types) => onChange({ decision_types: types })} />
    </>
  );
}

interface NamedProps {
  readonly label: string;
  readonly placeholder: string;
  readonly names: readonly string[] | null;
  readonly onChange: (names: string[] | null) => void;
}

function Named({ label, placeholder, names, onChange }: NamedProps) {
  const [before] = useState(names);
  const [text, setText] = useState((names ?? []).join(", "));
  return (
    <TextInput
      label={label}
      placeholder={before?.length === 0 ? "none" : placeholder}
      autoCapitalize="none"
      value={text}
      onChange={({ currentTarget: { value } }) => {
        setText(value);
        onChange(limitedTo(listed(value), before));
      }}
    />
  );
}

interface KindsProps {
  readonly chosen: readonly string[] | null;
  readonly onChange: (types: string[] | null) => void;
}

function Kinds({ chosen, onChange }: KindsProps) {
  const known = useDecisionTypes().data ?? [];
  const ticked = chosen ?? [];
  // A type that nobody declares any more stays where it was given.
  const others = ticked.filter((name) => known.every((type) => type.name !== name));
  return (
    <Ticks
      legend={`Kinds of decision${chosen === null ? ": every one, as none is ticked" : ""}`}
      all={[...known, ...others.map((name) => ({ name, label: name }))]}
      ticked={ticked}
      onChange={(types) => onChange(limitedTo(types))}
    />
  );
}
