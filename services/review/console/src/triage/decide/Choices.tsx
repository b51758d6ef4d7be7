import { type KeyboardEvent, type Ref, useRef, useState } from "react";

import type { CodedText } from "../../api/schema";
import { Keycap } from "../../keys/Keycap";
import { useKey } from "../../keys/KeyProvider";
import styles from "./Choices.module.css";

interface ChoicesProps {
  readonly legend: string;
  readonly hint?: string;
  /** The legend is said by the card's own heading; here it is only for screen readers. */
  readonly quiet?: boolean;
  readonly options: readonly CodedText[];
  readonly selected: readonly string[];
  readonly onToggle: (code: string) => void;
  /** The digits work this group. */
  readonly numbered: boolean;
  readonly onFocus: () => void;
  readonly first?: Ref<HTMLInputElement>;
}

/** A row of things to tick. Tab enters and leaves it, arrows move inside, Space or the digit ticks. */
export function Choices({
  legend,
  hint,
  quiet = false,
  options,
  selected,
  onToggle,
  numbered,
  onFocus,
  first,
}: ChoicesProps) {
  const group = useRef<HTMLFieldSetElement>(null);
  const [stop, setStop] = useState(0);

  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = (stop + step + options.length) % options.length;
    setStop(next);
    group.current?.querySelectorAll("input")[next]?.focus();
  };

  return (
    <fieldset className={styles.group} ref={group} onKeyDown={move} onFocus={onFocus}>
      <legend className={quiet ? "visually-hidden" : styles.legend}>
        {legend} {hint && <span className={styles.hint}>{hint}</span>}
      </legend>
      {options.map(({ code, text }, index) => (
        <Choice
          key={code}
          text={text}
          checked={selected.includes(code)}
          digit={numbered && index < 9 ? String(index + 1) : null}
          tabIndex={index === stop ? 0 : -1}
          input={index === 0 ? first : undefined}
          onToggle={() => onToggle(code)}
        />
      ))}
    </fieldset>
  );
}

interface ChoiceProps {
  readonly text: string;
  readonly checked: boolean;
  readonly digit: string | null;
  readonly tabIndex: number;
  readonly input: Ref<HTMLInputElement> | undefined;
  readonly onToggle: () => void;
}

function Choice({ text, checked, digit, tabIndex, input, onToggle }: ChoiceProps) {
  useKey({ key: digit, label: text, group: "Reasons", layer: "panel", run: onToggle });
  return (
    <label className={styles.choice}>
      <input
        ref={input}
        type="checkbox"
        className="visually-hidden"
        checked={checked}
        tabIndex={tabIndex}
        onChange={onToggle}
      />
      <span className={styles.pill}>
        <span className={styles.tick} aria-hidden="true">
          {checked ? "\u2713" : ""}
        </span>
        {text}
        <Keycap of={digit} />
      </span>
    </label>
  );
}
