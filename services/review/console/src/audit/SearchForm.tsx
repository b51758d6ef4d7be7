import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";

import { LAST_DAY } from "../format/day";
import { zoneWords } from "../format/zone";
import styles from "./Audit.module.css";

export interface FieldOf<Sought> {
  readonly name: keyof Sought & string;
  readonly label: string;
  readonly type?: string;
  /** How it is written, where nobody could guess. */
  readonly like?: string;
}

interface SearchFormProps<Sought> {
  /** What is searched. */
  readonly label: string;
  /** What its button says. */
  readonly act: string;
  readonly fields: readonly FieldOf<Sought>[];
  readonly nothing: Sought;
  readonly loading: boolean;
  readonly onSearch: (sought: Sought) => void;
}

/** What to look for. Nothing is asked before somebody says so: asking is on the record. */
export function SearchForm<Sought extends Record<keyof Sought, string>>(props: SearchFormProps<Sought>) {
  const [wanted, want] = useState(props.nothing);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    props.onSearch({ ...wanted });
  };
  return (
    <form className={styles.search} role="search" aria-label={props.label} onSubmit={submit}>
      {props.fields.map(({ name, label, type = "text", like }) => (
        <TextInput
          key={name}
          label={label}
          type={type}
          {...(type === "datetime-local" && { description: zoneWords(), max: `${LAST_DAY}T23:59` })}
          {...(like && { placeholder: like })}
          autoCapitalize="none"
          value={wanted[name]}
          onChange={(event) => want({ ...wanted, [name]: event.currentTarget.value })}
        />
      ))}
      <Button type="submit" variant="default" loading={props.loading}>
        {props.act}
      </Button>
    </form>
  );
}
