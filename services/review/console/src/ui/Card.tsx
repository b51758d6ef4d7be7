import type { ReactNode } from "react";

import styles from "./Card.module.css";

interface CardProps {
  readonly title: ReactNode;
  /** Small print beside the title. */
  readonly beside?: ReactNode;
  readonly children: ReactNode;
  /** Draws the eye: something must be said here before the decision can be recorded. */
  readonly asking?: boolean;
}

export function Card({ title, beside, children, asking = false }: CardProps) {
  return (
    <section className={styles.card} data-asking={asking}>
      <div className={styles.head}>
        <h2 className={styles.title}>{title}</h2>
        {beside && <span className={styles.beside}>{beside}</span>}
      </div>
      {children}
    </section>
  );
}
