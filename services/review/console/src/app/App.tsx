import { lazy, Suspense, useEffect, useState } from "react";
import { Link, Redirect, Route, Switch, useLocation } from "wouter";

import { useConnectionLost } from "../api/connection";
import type { Me } from "../api/schema";
import { CasePage } from "../cases/CasePage";
import { CasesPage } from "../cases/CasesPage";
import { useLive } from "../live/useLive";
import { KeyHelp } from "../keys/KeyHelp";
import { KeyProvider } from "../keys/KeyProvider";
import { Palette } from "../palette/Palette";
import { decides } from "../session/roles";
import { SignIn } from "../session/SignIn";
import { useAskAgain, useMe, useSessionEnd } from "../session/useSession";
import { TriagePage } from "../triage/TriagePage";
import { Coming } from "../ui/Page";
import { useKeptFocus } from "../ui/useKeptFocus";
import styles from "./App.module.css";
import { Arriving, NotThere } from "./Arriving";
import { Boundary } from "./Boundary";
import { Header } from "./Header";
import { isOn, pagesFor } from "./pages";
import { UnreadLists } from "./UnreadLists";

// The desk and the cases come with the first file; what is opened seldom comes when it is opened.
const SELDOM = {
  "/policies": lazy(() => import("../policies/PoliciesPage")),
  "/insight": lazy(() => import("../insight/InsightPage")),
  "/controls": lazy(() => import("../controls/ControlsPage")),
  "/audit": lazy(() => import("../audit/AuditPage")),
  "/keys": lazy(() => import("../apikeys/ApiKeysPage")),
  "/team": lazy(() => import("../team/TeamPage")),
} as const;

export function App() {
  const me = useMe();
  const askAgain = useAskAgain();
  useKeptFocus();
  if (me.data) {
    return (
      <KeyProvider key={me.data.username} person={me.data.username}>
        <Signed me={me.data} />
      </KeyProvider>
    );
  }
  if (me.data === null) return <SignIn />;
  if (me.error) return <NotThere error={me.error} onRetry={askAgain} />;
  return <Arriving onRetry={askAgain} />;
}

function Signed({ me }: { me: Me }) {
  const [help, setHelp] = useState(false);
  const [palette, setPalette] = useState(false);
  const toggleHelp = () => setHelp((shown) => !shown);
  const togglePalette = () => setPalette((shown) => !shown);
  useLive(me.username, useSessionEnd());
  useTitle(me);
  const [location] = useLocation();
  const open = new Set(pagesFor(me).map(({ href }) => href));
  return (
    <div className={styles.app}>
      <Header me={me} onKeys={toggleHelp} onPalette={togglePalette} />
      <LostConnection />
      <UnreadLists />
      <div className={styles.page}>
        <Boundary at={location}>
          <Switch>
            <Route path="/">{decides(me) ? <TriagePage me={me} /> : <Elsewhere me={me} />}</Route>
            <Route path="/login">
              <Redirect to="/" replace />
            </Route>
            <Route path="/cases" component={CasesPage} />
            <Route path="/cases/:tenant/:caseId">
              {({ tenant, caseId }) => (
                <CasePage tenant={decodeURIComponent(tenant)} caseId={decodeURIComponent(caseId)} />
              )}
            </Route>
            {Object.entries(SELDOM)
              .filter(([href]) => open.has(href))
              .map(([href, Page]) => (
                <Route key={href} path={href}>
                  <Suspense fallback={<Coming when />}>
                    <Page me={me} />
                  </Suspense>
                </Route>
              ))}
            <Route>
              <main className={styles.nowhere}>
                <h1>There is no such page for you</h1>
                <Link href="/">To where you can go on</Link>
              </main>
            </Route>
          </Switch>
        </Boundary>
      </div>
      <Palette me={me} opened={palette} onToggle={togglePalette} />
      <KeyHelp opened={help} onToggle={toggleHelp} />
    </div>
  );
}

/** Tabs are told apart by their page. No case is named: what a browser keeps of them, no erasure reaches. */
function useTitle(me: Me) {
  const [location] = useLocation();
  const page = pagesFor(me).find((one) => isOn(one, location));
  useEffect(() => {
    document.title = page ? `${page.label} \u2013 Countersign` : "Countersign";
    return () => {
      document.title = "Countersign";
    };
  }, [page]);
}

/** Whoever does not decide begins at the first page that is there for them. */
function Elsewhere({ me }: { me: Me }) {
  const first = pagesFor(me)[0];
  return first ? <Redirect to={first.href} replace /> : <NoPage />;
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
