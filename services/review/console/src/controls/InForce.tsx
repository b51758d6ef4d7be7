import type { Control } from "../api/router";
import type { Me } from "../api/schema";
import { useTypeName } from "../cases/useCases";
import { moment } from "../format/time";
import { useNow } from "../format/useNow";
import { Name } from "../people/Name";
import { Card } from "../ui/Card";
import { Wide } from "../ui/Page";
import table from "../ui/table.module.css";
import { bandWords } from "./bands";
import styles from "./Controls.module.css";
import { ALL, scopeWords } from "./scope";

const KINDS: Readonly<Record<string, string>> = {
  stop: "Stop switch",
  peak: "Busy period",
  trip: "Trip",
  policy: "Policy",
  "trip.cleared": "Trip lifted",
  "certificate.active": "Certificate",
  "certificate.proposed": "Proposed certificate",
  "calibrator.active": "Calibrator",
  "calibrator.proposed": "Proposed calibrator",
  "bands.tightened": "Bands tightened by evidence",
  "bands.relaxed": "Tightened bands relaxed",
  "bands.raised": "Bands raised",
  "bands.lowered": "Raised bands lowered",
};

/** Every control as it stands. */
export function InForce({ me, controls }: { me: Me; controls: readonly Control[] }) {
  const called = useTypeName();
  const now = useNow(30_000);
  return (
    <Card title="Every control, as it stands">
      {controls.length === 0 && (
        <p className={styles.mute}>
          {me.tenants.includes(ALL)
            ? "None has ever been set."
            : "None of your tenants has one, and none holds for every tenant."}
        </p>
      )}
      {controls.length > 0 && (
        <Wide label="Controls">
          <table className={`${table.table} ${table.stacked}`}>
            <thead>
              <tr>
                <th scope="col">Control</th>
                <th scope="col">Holds for</th>
                <th scope="col">State</th>
                <th scope="col">Changed</th>
                <th scope="col">By</th>
              </tr>
            </thead>
            <tbody>
              {controls.map((control) => (
                <tr key={`${control.kind} ${control.tenant} ${control.decision_type} ${control.tier}`}>
                  <td>{KINDS[control.kind] ?? control.kind}</td>
                  <td>
                    {scopeWords(control, called)}
                    {control.tier !== "*" && `, ${control.tier}`}
                  </td>
                  <td>{stateWords(control)}</td>
                  <td>
                    <span className={table.named}>changed: </span>
                    {moment(control.changed_at, now)}
                    <small>revision {control.revision}</small>
                  </td>
                  <td>
                    <span className={table.named}>by: </span>
                    <Name of={control.changed_by} recorded />
                    {control.signatures.length > 1 && <small>{control.signatures.length} signatures</small>}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
    </Card>
  );
}

function stateWords({ kind, state }: Control): string {
  if (kind === "policy" && state["version"] !== undefined) return `version ${String(state["version"])}`;
  if (Array.isArray(state["limits"])) return `${bandWords(state["limits"])}: ${String(state["reason"])}`;
  const said = typeof state["reason"] === "string" ? `: ${state["reason"]}` : "";
  if (typeof state["active"] === "boolean") return `${state["active"] ? "on" : "off"}${said}`;
  if (typeof state["threshold"] === "number") return `confidence from ${state["threshold"]}`;
  return said.slice(2) || "set";
}
