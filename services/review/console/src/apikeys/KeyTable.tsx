import type { ApiKey, User } from "../api/schema";
import { tenantWords } from "../team/rights";
import { ago } from "../format/time";
import { useNow } from "../format/useNow";
import { Card } from "../ui/Card";
import { Wide } from "../ui/Page";
import table from "../ui/table.module.css";
import { sorted, standingOf } from "./apiKey";
import styles from "./ApiKeys.module.css";
import { Revoke } from "./Revoke";

interface KeyTableProps {
  readonly keys: readonly ApiKey[];
  readonly owners: readonly User[];
  readonly onRevoked: (key: ApiKey) => void;
}

/** The keys in force; those that are over stay to be looked up, out of the way. */
export function KeyTable({ keys, owners, onRevoked }: KeyTableProps) {
  const now = useNow(30_000);
  const { good, over } = sorted(keys, now);
  const rows = (some: readonly ApiKey[]) =>
    some.map((key) => (
      <KeyRow
        key={key.key_id}
        of={key}
        owner={owners.find(({ username }) => username === key.username)}
        now={now}
        onRevoked={onRevoked}
      />
    ));
  return (
    <Card title="Keys in force" beside={String(good.length)}>
      {good.length === 0 && <p className={styles.hint}>No program can sign in: no key is in force.</p>}
      {good.length > 0 && <Keys label="Keys">{rows(good)}</Keys>}
      {over.length > 0 && (
        <details className={styles.over}>
          <summary>{over.length === 1 ? "1 key that is over" : `${over.length} keys that are over`}</summary>
          <Keys label="Keys that are over">{rows(over)}</Keys>
        </details>
      )}
    </Card>
  );
}

function Keys({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <Wide label={label}>
      <table className={`${table.table} ${table.stacked}`}>
        <thead>
          <tr>
            <th scope="col">For</th>
            <th scope="col">Acts as</th>
            <th scope="col">Roles</th>
            <th scope="col">Made</th>
            <th scope="col">Last used</th>
            <th scope="col">In force</th>
            <th scope="col">
              <span className="visually-hidden">Revoke</span>
            </th>
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </Wide>
  );
}

interface KeyRowProps {
  readonly of: ApiKey;
  readonly owner: User | undefined;
  readonly now: number;
  readonly onRevoked: (key: ApiKey) => void;
}

function KeyRow({ of, owner, now, onRevoked }: KeyRowProps) {
  const { standing, words } = standingOf(of, now);
  const lost = owner ? of.roles.filter((role) => !owner.roles.includes(role)) : [];
  return (
    <tr>
      <td>
        {of.name}
        <small>{of.key_id}</small>
      </td>
      <td>
        {owner?.display_name ?? of.username}
        {owner && <small>{of.username}</small>}
      </td>
      <td>
        {named(of.roles)}
        {standing !== "over" && lost.length > 0 && <small>not {named(lost)} any more, as its owner is not</small>}
        {!of.tenants.includes("*") && <small>{tenantWords(of)}</small>}
      </td>
      <td className={styles.when}>
        <span className={table.named}>made: </span>
        {ago(of.created_at, now)}
      </td>
      <td className={styles.when}>
        <span className={table.named}>last used: </span>
        {of.last_used_at ? ago(of.last_used_at, now) : "never"}
      </td>
      <td data-standing={standing} className={styles.standing}>
        {words}
      </td>
      <td data-number>
        {standing !== "over" && !of.beyond_you && <Revoke of={of} onRevoked={() => onRevoked(of)} />}
        {standing !== "over" && of.beyond_you && (
          <span className={styles.hint}>also reaches tenants that are not yours</span>
        )}
      </td>
    </tr>
  );
}

const named = (roles: readonly string[]) => roles.map((role) => role.replaceAll("_", " ")).join(", ");
