import { type ReactNode, useEffect, useRef } from "react";

import { explain, NoAnswer } from "../api/problem";
import styles from "./Page.module.css";

interface PageProps {
  readonly title: string;
  /** One sentence on what the page is for. */
  readonly lead?: ReactNode;
  /** What narrows the page down, beside its title. */
  readonly beside?: ReactNode;
  readonly children: ReactNode;
}

/** A page of its own: it scrolls, and its heading has the focus when it opens. */
export function Page({ title, lead, beside, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <main className={styles.page}>
      <header className={styles.head}>
        <div>
          <h1 ref={heading} tabIndex={-1} className={styles.title}>
            {title}
          </h1>
          {lead && <p className={styles.lead}>{lead}</p>}
        </div>
        {beside && <div className={styles.beside}>{beside}</div>}
      </header>
      {children}
    </main>
  );
}

/** What went wrong, in the place where the answer would be. */
export function Trouble({ error }: { error: unknown }) {
  if (!error) return null;
  return (
    <p role="alert" className={styles.trouble}>
      {explain(error)}
    </p>
  );
}

/** What is shown was read before, and could not be read anew. That nobody answers at all the header says, for all. */
export function Old({ what, error }: { what: string; error: unknown }) {
  if (!error || error instanceof NoAnswer) return null;
  return (
    <p role="status" className={styles.nothing}>
      This {what} could not be read anew, and may be old. {explain(error)}
    </p>
  );
}

/** Something was asked for and is not here yet. What comes at once is not announced. */
export function Coming({ when }: { when: boolean }) {
  return (
    <div role="status" className={styles.coming}>
      {when && <p className="coming">Loading &hellip;</p>}
    </div>
  );
}

/** Nothing to show, and what that means or what to do. */
export function Nothing({ children }: { children: ReactNode }) {
  return <p className={styles.nothing}>{children}</p>;
}

/** The address names something that is not there, or not for this person: what is shown instead is something else. */
export function NotAmong({ name, those }: { readonly name: string; readonly those: string }) {
  return (
    <p role="status" className={styles.nothing}>
      The address asks for <strong>{name}</strong>, which is not among those {those}.
    </p>
  );
}

/** Figures that are wider than a phone scroll in their own frame. */
export function Wide({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className={styles.wide} role="region" aria-label={label} tabIndex={0}>
      {children}
    </div>
  );
}
