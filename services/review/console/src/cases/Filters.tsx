import { NativeSelect, TextInput } from "@mantine/core";
import { useRef } from "react";

import { LAST_DAY } from "../format/day";
import { zoneWords } from "../format/zone";
import { CommandKey } from "../keys/Keycap";
import { useCommand } from "../keys/KeyProvider";
import { useTenants } from "../tenants/useTenants";
import styles from "./CasesPage.module.css";
import { DECIDERS, LEVELS, type Search, STATES, TIERS } from "./search";
import { useDecisionTypes } from "./useCases";

const words = (name: string) => name.replaceAll("_", " ");
const choices = (any: string, values: readonly string[], prefix = "") => [
  { value: "", label: any },
  ...values.map((value) => ({ value, label: `${prefix}${words(value)}` })),
];

interface FiltersProps {
  readonly search: Search;
  readonly onChange: (search: Search) => void;
}

export function Filters({ search, onChange }: FiltersProps) {
  const types = useDecisionTypes();
  const tenants = useTenants();
  const field = useRef<HTMLInputElement>(null);
  const key = useCommand("search", { run: () => field.current?.focus() });
  const type = types.data?.find(({ name }) => name === search.type);
  const select = (name: keyof Search, label: string, data: readonly { value: string; label: string }[]) => (
    <NativeSelect
      aria-label={label}
      data={[...data]}
      value={search[name]}
      onChange={(event) => onChange({ ...search, [name]: event.currentTarget.value })}
    />
  );
  const day = (name: "since" | "until", label: string) => (
    <TextInput
      className={styles.day ?? ""}
      type="date"
      max={LAST_DAY}
      label={label}
      description={zoneWords()}
      inputWrapperOrder={["label", "input", "description"]}
      value={search[name]}
      onChange={(event) => onChange({ ...search, [name]: event.currentTarget.value })}
    />
  );

  return (
    <div className={styles.search} role="search">
      <TextInput
        ref={field}
        className={styles.field ?? ""}
        aria-label="Words, case id or subject"
        aria-keyshortcuts={key}
        placeholder="Words, case id or subject"
        value={search.q}
        onChange={(event) => onChange({ ...search, q: event.currentTarget.value })}
        rightSection={<CommandKey of="search" />}
        rightSectionPointerEvents="none"
      />
      {select("state", "State", choices("Every state", STATES))}
      {select("by", "Decided by", choices("By anybody", DECIDERS, "by "))}
      {tenants.length > 0 &&
        select("tenant", "Tenant", [
          { value: "", label: "Every tenant" },
          ...tenants.map((value) => ({ value, label: value })),
        ])}
      {(types.data?.length ?? 0) > 1 &&
        select("type", "Kind", [
          { value: "", label: "Every kind" },
          ...(types.data ?? []).map(({ name: value, label }) => ({ value, label })),
        ])}
      {type &&
        select("outcome", "Outcome", [
          { value: "", label: "Every outcome" },
          ...type.outcomes.map(({ outcome: value, label }) => ({ value, label })),
        ])}
      {select("tier", "Consequence", choices("Any consequence", TIERS))}
      {select("level", "Level", choices("Any level", LEVELS, "level "))}
      {day("since", "From")}
      {day("until", "To")}
    </div>
  );
}
