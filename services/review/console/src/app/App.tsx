import { useState } from "react";
import { Link, Redirect, Route, Switch } from "wouter";

import { useConnectionLost } from "../api/connection";
import { explain } from "../api/problem";
import type { Me } from "../api/schema";
import { CasePage } from "../cases/CasePage";
import { CasesPage } from "../cases/CasesPage";
import { KeyHelp } from "../keys/KeyHelp";
import { decides, reads } from "../session/roles";
import { SignIn } from "../session/SignIn";
import { useMe } from "../session/useSession";
import { TriagePage } from "../triage/TriagePage";
import styles from "./App.module.css";
import { Header } from "./Header";

export function App() {
  const me = useMe();
  if (me.data) return <Signed me={me.data} />;
  if (me.data === null) return <SignIn />;
  if (me.error) return <NotThere error={me.error} onRetry={() => void me.refetch()} />;
  return null;
}

function Signed({ me }: { me: Me }) {
  const [help, setHelp] = useState(false);
  const toggleHelp = () => setHelp((shown) => !shown);
  return (
    <div className={styles.app}>
      <Header me={me} onKeys={toggleHelp} />
      <LostConnection />
      <div className={styles.page}>
        <Switch>
          <Route path="/">
            {decides(me) ? <TriagePage /> : reads(me) ? <Redirect to="/cases" replace /> : <NoPage />}
          </Route>
          <Route path="/login">
            <Redirect to="/" replace />
          </Route>
          <Route path="/cases" component={CasesPage} />
          <Route path="/cases/:tenant/:caseId">
            {({ tenant, caseId }) => (
              <CasePage tenant={decodeURIComponent(tenant)} caseId={decodeURIComponent(caseId)} />
            )}
          </Route>
          <Route>
            <main className={styles.nowhere}>
              <h1>There is no such page</h1>
              <Link href="/">To the review desk</Link>
            </main>
          </Route>
        </Switch>
      </div>
      <KeyHelp opened={help} onToggle={toggleHelp} />
    </div>
  );
}

function NoPage() {
  return (
    <main className={styles.nowhere}>
      <h1>There is nothing for you here</h1>
      <p>The console is for people who decide or look at cases. Your roles are for programs and the command line.</p>
    </main>
  );
}

function LostConnection() {
  const lost = useConnectionLost();
  if (!lost) return null;
  return (
    <p role="alert" className={styles.lost}>
      The server does not answer. What you decide now is not recorded until it does; keep this page open, it tries again
      by itself.
    </p>
  );
}

function NotThere({ error, onRetry }: { error: Error; onRetry: () => void }) {
  return (
    <main className={styles.nowhere}>
      <h1>Countersign cannot be reached</h1>
      <p role="alert">{explain(error)}</p>
      <button type="button" onClick={onRetry}>
        Try again
      </button>
    </main>
  );
}
