import type { ReactNode } from "react";

import styles from "./Card.module.css";

interface CardProps {
  readonly title: ReactNode;
  readonly children: ReactNode;
  /** Draws the eye: something must be said here before the decision can be recorded. */
  readonly asking?: boolean;
}

export function Card({ title, children, asking = false }: CardProps) {
  return (
    <section className={styles.card} data-asking={asking}>
      <h2 className={styles.title}>{title}</h2>
      {children}
    </section>
  );
}
