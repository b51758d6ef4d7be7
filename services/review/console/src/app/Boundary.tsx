import { Button } from "@mantine/core";
import { Component, type ReactNode } from "react";

import styles from "./App.module.css";

interface BoundaryProps {
  /** Where the page is: another address is another try. */
  readonly at: string;
  readonly children: ReactNode;
}

/**
 * Keeps what breaks to its page: the others, and what is being recorded, go on. A page that was not there yet when the
 * console was updated is one; the address of nothing is another.
 */
export class Boundary extends Component<BoundaryProps, { readonly broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError() {
    return { broken: true };
  }

  override componentDidUpdate(before: BoundaryProps) {
    if (this.state.broken && before.at !== this.props.at) this.setState({ broken: false });
  }

  override render() {
    if (!this.state.broken) return this.props.children;
    return (
      <main className={styles.nowhere}>
        <h1 ref={(heading) => heading?.focus()} tabIndex={-1}>
          This page cannot be shown
        </h1>
        <p role="alert">
          The console may have been updated since you opened it, or the address leads nowhere. What you have decided is
          not touched by it.
        </p>
        <Button variant="default" onClick={() => window.location.reload()}>
          Load the console anew
        </Button>
      </main>
    );
  }
}
