import { Button } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";
import { type AriaAttributes, Fragment, type ReactNode, useState } from "react";

import type { KeyFact } from "../../api/schema";
import { CommandKey } from "../../keys/Keycap";
import { useCommand } from "../../keys/KeyProvider";
import { Card } from "../../ui/Card";
import { useCovering } from "./useCovering";
import styles from "./KeyFacts.module.css";

type Fact = Pick<KeyFact, "field" | "label" | "formatted"> & {
  readonly flag?: string | null;
  readonly spans?: KeyFact["spans"];
};

// Longer texts (a customer's message) get the whole width and are set as prose.
const PROSE = 40;
// From here on facts stand in lines, label and value, instead of tiles.
const MANY = 8;
// As many as leave room for the proposal and the reasons on one screen; the decision type puts the telling ones first.
const FIRST = 12;

/** The facts of a case under decision: the first ones and every flagged one; all of them at a key press, from then on. */
export function KeyFacts({ facts }: { facts: readonly KeyFact[] }) {
  const [all, showAll] = useLocalStorage({
    key: "countersign.allFacts",
    defaultValue: false,
    getInitialValueInEffect: false,
  });
  const first = facts.filter((fact, index) => index < FIRST || fact.flag);
  const folded = facts.length - first.length;
  const [covering] = useCovering();
  const [wish, cover] = useState<boolean | null>(null);
  const covered = wish ?? covering;
  const texts = facts.filter(isProse).length;
  const coverKey = useCommand("cover", { when: texts > 0, run: () => cover(!covered) });
  const toggle = () => showAll(!all);
  const key = useCommand("facts", { when: folded > 0, run: toggle });
  return (
    <Card title="Key facts">
      <FactList facts={all ? facts : first} covered={covered} />
      {texts > 0 && (covering || covered) && (
        <Toggle of="cover" shortcut={coverKey} aria-pressed={covered} onClick={() => cover(!covered)}>
          {covered ? "Show the text" : "Cover the text"}
        </Toggle>
      )}
      {folded > 0 && (
        <Toggle of="facts" shortcut={key} aria-expanded={all} onClick={toggle}>
          {all ? "Fewer facts" : `${folded} more facts`}
        </Toggle>
      )}
    </Card>
  );
}

interface ToggleProps extends Pick<AriaAttributes, "aria-pressed" | "aria-expanded"> {
  readonly of: "cover" | "facts";
  readonly children: ReactNode;
  readonly shortcut: string | undefined;
  readonly onClick: () => void;
}

function Toggle({ of, shortcut, ...rest }: ToggleProps) {
  return (
    <Button
      className={styles.toggle ?? ""}
      size="compact-xs"
      variant="subtle"
      aria-keyshortcuts={shortcut}
      rightSection={<CommandKey of={of} />}
      {...rest}
    />
  );
}

/** A number and its percent sign stay on one line. */
function unbroken(text: string): string {
  return text.replace(/ %$/u, "\u00a0%");
}

/** What a text names, as people call it. */
function kindOf(type: string): string {
  return type === "url" ? "link" : type.replaceAll("_", " ");
}

/** A text with what it names underlined and said. Spans count code points, so the text is cut by those. */
function Marked({ text, spans }: { text: string; spans: NonNullable<KeyFact["spans"]> }) {
  const letters = Array.from(text);
  const part = (start: number, end?: number) => letters.slice(start, end).join("");
  return (
    <>
      {spans.map(({ type, start, end }, index) => (
        <Fragment key={start}>
          {part(spans[index - 1]?.end ?? 0, start)}
          <mark className={styles.named} title={kindOf(type)}>
            {part(start, end)}
            <span className="visually-hidden"> ({kindOf(type)})</span>
          </mark>
        </Fragment>
      ))}
      {part(spans.at(-1)?.end ?? 0)}
    </>
  );
}

/** A value as people read it. One without a letter is told apart from one that has not been painted. */
function Value({ of: { formatted, spans } }: { of: Fact }) {
  if (formatted.trim() === "") return <span className={styles.empty}>empty</span>;
  return spans?.length ? <Marked text={formatted} spans={spans} /> : unbroken(formatted);
}

function isProse({ formatted }: Fact): boolean {
  return formatted.length > PROSE;
}

interface FactListProps {
  readonly facts: readonly Fact[];
  /** Long texts are there and cannot be read, not by a screen reader either. */
  readonly covered?: boolean;
}

export function FactList({ facts, covered = false }: FactListProps) {
  return (
    <div className={styles.box}>
      <dl className={styles.facts} data-dense={facts.length > MANY}>
        {facts.map((fact) => (
          <div key={fact.field} data-flagged={Boolean(fact.flag)} data-prose={isProse(fact)}>
            <dt>{fact.label}</dt>
            <dd>
              {covered && isProse(fact) && <span className="visually-hidden">covered</span>}
              <bdi
                className={styles.value}
                data-covered={covered && isProse(fact)}
                aria-hidden={(covered && isProse(fact)) || undefined}
              >
                <Value of={fact} />
              </bdi>
              {fact.flag && <span className={styles.flag}>{fact.flag}</span>}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
