import { Button, PasswordInput, TextInput } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";

import { explain, NoAnswer } from "../api/problem";
import { Logo } from "../app/Logo";
import styles from "./SignIn.module.css";
import { useSignIn, useWasEnded } from "./useSession";

/** Takes the one-time token out of the address before anything else can see or keep it. */
function takeLoginToken(): string | null {
  const address = new URL(window.location.href);
  const token = address.searchParams.get("token");
  if (address.pathname === "/login") window.history.replaceState(null, "", "/");
  return token;
}

export function SignIn() {
  const signIn = useSignIn();
  const ended = useWasEnded();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const tried = useRef(false);

  useEffect(() => {
    if (tried.current) return;
    tried.current = true;
    const token = takeLoginToken();
    if (token) signIn.mutate({ login_token: token });
  }, [signIn]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    signIn.mutate({ username, password });
  };

  return (
    <main className={styles.page}>
      <form className={styles.card} onSubmit={submit} aria-labelledby="sign-in">
        <div className={styles.brand}>
          <Logo size={30} />
          <h1 id="sign-in">Countersign</h1>
        </div>
        {ended ? (
          <p role="status" className={styles.ended}>
            Your session has ended: it was unused for long, or somebody ended it. Sign in to go on where you were; what
            you wrote about a case is kept.
          </p>
        ) : (
          <p className={styles.promise}>
            The AI proposes, the right human countersigns, and everything is on the record.
          </p>
        )}
        <TextInput
          label="Name"
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          required
          withAsterisk={false}
          autoFocus
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
        />
        <PasswordInput
          label="Password"
          autoComplete="current-password"
          required
          withAsterisk={false}
          visibilityToggleButtonProps={{ tabIndex: 0, "aria-label": "Show the password" }}
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
        />
        <p role="alert" className={styles.error}>
          {signIn.error ? whatToDo(signIn.error) : ""}
        </p>
        <Button type="submit" fullWidth loading={signIn.isPending}>
          Sign in
        </Button>
      </form>
    </main>
  );
}

function whatToDo(error: Error): string {
  if (error instanceof NoAnswer) return "The server does not answer. Is it running? Try again in a moment.";
  return explain(error);
}
