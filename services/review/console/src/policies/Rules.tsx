import { Card } from "../ui/Card";
import { Trouble, Wide } from "../ui/Page";
import table from "../ui/table.module.css";
import { Diagnostics } from "./Diagnostics";
import styles from "./Policies.module.css";
import { rulesOf } from "./rules";
import { usePolicy } from "./usePolicies";

/** What holds beside the matrix, in the policy's own words. */
export function Rules({ sha256 }: { sha256: string }) {
  const policy = usePolicy(sha256);
  if (!policy.data) return <Trouble error={policy.error} />;
  const rules = rulesOf(policy.data.document);
  const doubts = policy.data.diagnostics;
  return (
    <Card title="Rules" beside={`version ${policy.data.version}, hash ${sha256.slice(0, 12)}`}>
      {doubts.length > 0 && (
        <section aria-label="Doubts">
          <p className={styles.caption}>It routes as it stands, but not without doubt:</p>
          <Diagnostics found={doubts} />
        </section>
      )}
      {rules.length === 0 && <p className={styles.caption}>None: the matrix alone decides.</p>}
      {rules.length > 0 && (
        <Wide label="Rules">
          <table className={`${table.table} ${table.stacked}`}>
            <thead>
              <tr>
                <th scope="col">Rule</th>
                <th scope="col">When</th>
                <th scope="col">Then</th>
              </tr>
            </thead>
            <tbody>
              {rules.map((rule) => (
                <tr key={`${rule.kind} ${rule.id}`}>
                  <td className={styles.rule}>
                    {rule.id.replaceAll("_", " ")}
                    <small>{rule.kind}</small>
                  </td>
                  <td>
                    {rule.text}
                    <code className={styles.when}>{rule.when}</code>
                  </td>
                  <td className={styles.does}>{rule.does}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
      <details className={styles.source}>
        <summary>As it is written</summary>
        <pre>{policy.data.yaml}</pre>
      </details>
    </Card>
  );
}
