import { Menu, useMantineColorScheme } from "@mantine/core";
import { Link, useLocation } from "wouter";

import { useConnectionLost } from "../api/connection";
import type { Me } from "../api/schema";
import { CommandKey, Keycap } from "../keys/Keycap";
import { useIsLive } from "../live/liveness";
import { unanswered } from "../ledger/ledger";
import { useLedger } from "../ledger/LedgerProvider";
import { decides } from "../session/roles";
import { useSignOut, useUndoSeconds } from "../session/useSession";
import { useCovering } from "../triage/case/useCovering";
import { useQueues } from "../triage/queue/useQueues";
import styles from "./Header.module.css";
import { initials } from "./initials";
import { Logo } from "./Logo";
import { isOn, pagesFor } from "./pages";

interface HeaderProps {
  readonly me: Me;
  readonly onKeys: () => void;
  readonly onPalette: () => void;
}

export function Header({ me, onKeys, onPalette }: HeaderProps) {
  const [location] = useLocation();
  return (
    <header className={styles.header}>
      <span className={styles.brand}>
        <Logo />
        <span>Countersign</span>
      </span>
      <nav className={styles.nav} aria-label="Pages">
        {pagesFor(me).map((page) => (
          <Link key={page.href} href={page.href} aria-current={isOn(page, location) ? "page" : undefined}>
            {page.label}
          </Link>
        ))}
      </nav>
      <div className={styles.facts}>
        <Pending />
        <Connection />
        {decides(me) && <DueSoon />}
        <button
          type="button"
          className={styles.pill}
          data-wide
          onClick={onPalette}
          aria-keyshortcuts="Control+K Meta+K"
        >
          Search, act <Keycap of="Ctrl K" modified />
        </button>
        <button type="button" className={styles.pill} data-wide onClick={onKeys} aria-keyshortcuts="?">
          Keys <CommandKey of="help" />
        </button>
        <Account me={me} />
      </div>
    </header>
  );
}

function Connection() {
  const lost = useConnectionLost();
  const live = useIsLive();
  return (
    <span
      className={styles.pill}
      data-state={lost ? "lost" : "live"}
      title={live ? "What changes appears here within a second" : "What changes appears here within some seconds"}
      role="status"
    >
      {lost ? "no connection" : live ? "live" : "connected"}
    </span>
  );
}

function Pending() {
  const { entries } = useLedger();
  const count = unanswered(entries);
  if (count === 0) return null;
  return (
    <span className={styles.pill} data-state="pending" role="status">
      {count} not recorded yet
    </span>
  );
}

function DueSoon() {
  const queues = useQueues();
  const soon = queues.data?.reduce((sum, queue) => sum + queue.due_within_hour, 0) ?? 0;
  if (soon === 0) return null;
  return (
    <span className={styles.pill} data-wide>
      {soon} due within the hour
    </span>
  );
}

const SCHEMES = [
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
  { value: "auto", label: "As the system" },
] as const;

const COVERING = [
  { value: false, label: "Shown at once" },
  { value: true, label: "Covered until I look" },
] as const;

const UNDO = [
  { seconds: null, label: "As the policy says" },
  { seconds: 15, label: "At least 15 seconds" },
  { seconds: 60, label: "At least a minute" },
] as const;

function Account({ me }: { me: Me }) {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const signOut = useSignOut();
  const undo = useUndoSeconds();
  const [covering, cover] = useCovering();
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <button
          type="button"
          className={styles.account}
          aria-label={`${initials(me.display_name)}, ${me.display_name}: appearance and sign out`}
        >
          {initials(me.display_name)}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{me.display_name}</Menu.Label>
        <Menu.Divider />
        <Menu.Label>Appearance</Menu.Label>
        {SCHEMES.map(({ value, label }) => (
          <Menu.Item
            key={value}
            onClick={() => setColorScheme(value)}
            rightSection={colorScheme === value ? "\u2713" : null}
            aria-current={colorScheme === value}
          >
            {label}
          </Menu.Item>
        ))}
        {decides(me) && (
          <>
            <Menu.Divider />
            <Menu.Label>Long texts of a case</Menu.Label>
            {COVERING.map(({ value, label }) => (
              <Menu.Item
                key={label}
                onClick={() => cover(value)}
                rightSection={covering === value ? "\u2713" : null}
                aria-current={covering === value}
              >
                {label}
              </Menu.Item>
            ))}
            <Menu.Divider />
            <Menu.Label>Time to undo a decision</Menu.Label>
            {UNDO.map(({ seconds, label }) => (
              <Menu.Item
                key={label}
                closeMenuOnClick={false}
                onClick={() => undo.mutate(seconds)}
                rightSection={me.undo_seconds === seconds ? "\u2713" : null}
                aria-current={me.undo_seconds === seconds}
              >
                {label}
              </Menu.Item>
            ))}
          </>
        )}
        <Menu.Divider />
        <Menu.Item onClick={() => signOut.mutate()}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
