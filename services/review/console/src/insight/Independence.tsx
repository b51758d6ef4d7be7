import type { Finding, Share } from "../api/feedback";
import type { Me } from "../api/schema";
import { TenantField, useTenantChoice } from "../tenants/TenantField";
import { Card } from "../ui/Card";
import { Trouble, Wide } from "../ui/Page";
import table from "../ui/table.module.css";
import styles from "./Insight.module.css";
import { useIndependence } from "./useInsight";
import { interval, share } from "./words";

/** Whether people decide for themselves: agreement with the model, beside what they say when they do not see it. */
export function Independence({ me, decisionType }: { me: Me; decisionType: string }) {
  const whose = useTenantChoice(me);
  const desk = useIndependence(decisionType, whose.tenant);
  if (!desk.data) return <Trouble error={desk.error} />;
  const { team, findings, people, text } = desk.data;
  const rows = [...(team ? [{ name: "everybody", finding: team }] : []), ...findings.map(named)];
  return (
    <Card title="How independent is review?" beside={`${people} ${people === 1 ? "person" : "people"}`}>
      {whose.tenants.length > 1 && (
        <div className={styles.question}>
          <TenantField {...whose} />
        </div>
      )}
      {rows.length > 0 && (
        <Wide label="Independence">
          <table className={table.table}>
            <thead>
              <tr>
                <th scope="col">Who</th>
                <th scope="col" data-number>
                  Reviews
                </th>
                <th scope="col">Agrees with the model</th>
                <th scope="col">Agrees when unseen</th>
                <th scope="col">Known errors caught</th>
                <th scope="col">Faster than one can read</th>
                <th scope="col">Overrode wrong more than right</th>
              </tr>
            </thead>
            <tbody>
              {rows.map(({ name, finding }) => (
                <tr key={name} title={finding.text}>
                  <th scope="row">
                    {name}
                    {finding.flagged && <small>worth a talk</small>}
                  </th>
                  <td data-number>{finding.reviews}</td>
                  <Counted of={finding.assisted} />
                  <Counted of={finding.blind} />
                  <td>
                    {finding.caught.k} of {finding.caught.n}
                  </td>
                  <Counted of={finding.too_fast} />
                  <td>
                    {finding.discrimination === null ? (
                      <span className={styles.few}>not known</span>
                    ) : (
                      points(finding.discrimination)
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
      <p className={styles.caption}>
        {text} Agreement with an accurate model is expected; compare it with the unseen column.
      </p>
    </Card>
  );
}

/** By how many points of a hundred wrong proposals are overridden more often than right ones. */
function points(difference: number): string {
  const rounded = Math.round(difference * 100);
  return `${rounded > 0 ? "+" : ""}${rounded} points`;
}

function named(finding: Finding) {
  return { name: finding.reviewer, finding };
}

function Counted({ of }: { of: Share }) {
  return (
    <td>
      {of.n === 0 ? (
        <span className={styles.few}>none yet</span>
      ) : (
        <>
          {share(of.k / of.n)}{" "}
          <span className={styles.few}>
            {interval(of)}, {of.k} of {of.n}
          </span>
        </>
      )}
    </td>
  );
}
