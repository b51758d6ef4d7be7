import { Checkbox } from "@mantine/core";

import styles from "./Team.module.css";

interface TicksProps<Name extends string> {
  readonly legend: string;
  readonly all: readonly { readonly name: Name; readonly label: string }[];
  readonly ticked: readonly Name[];
  readonly onChange: (ticked: Name[]) => void;
}

/** Any number out of a few. */
export function Ticks<Name extends string>({ legend, all, ticked, onChange }: TicksProps<Name>) {
  return (
    <fieldset className={styles.roles}>
      <legend>{legend}</legend>
      {all.map(({ name, label }) => (
        <Checkbox
          key={name}
          size="xs"
          label={label}
          checked={ticked.includes(name)}
          onChange={({ currentTarget: { checked } }) =>
            onChange(checked ? [...ticked, name] : ticked.filter((one) => one !== name))
          }
        />
      ))}
    </fieldset>
  );
}
