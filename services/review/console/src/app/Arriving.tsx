import { Button } from "@mantine/core";
import { useEffect, useState } from "react";

import { NoAnswer, explain } from "../api/problem";
import styles from "./App.module.css";

// Nobody waits longer without wondering whether anything still happens.
const SLOW_MS = 5_000;
const ASKED = "/api/review/v1/me";

interface AskingProps {
  readonly onRetry: () => void;
}

/** While nobody knows who is signed in: that the console is loading, and soon what it waits for. */
export function Arriving({ onRetry }: AskingProps) {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setSlow(true), SLOW_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <main className={styles.nowhere}>
      <p role="status" className="coming">
        Countersign is loading &hellip;
      </p>
      <div role="alert">
        {slow && (
          <p>
            The server has not answered for some seconds. The console asked it who is signed in ({address()}), and goes
            on asking.
          </p>
        )}
      </div>
      {slow && (
        <Button variant="default" onClick={onRetry}>
          Ask again now
        </Button>
      )}
    </main>
  );
}

/** Nobody could say who is signed in: why, who was asked, and a way to ask again. */
export function NotThere({ error, onRetry }: AskingProps & { readonly error: Error }) {
  return (
    <main className={styles.nowhere}>
      <h1>Countersign cannot be reached</h1>
      <p role="alert">
        {error instanceof NoAnswer ? error.message : explain(error)} The console asked who is signed in ({address()}).
      </p>
      <Button variant="default" onClick={onRetry}>
        Try again
      </Button>
    </main>
  );
}

function address(): string {
  return `${window.location.origin}${ASKED}`;
}
