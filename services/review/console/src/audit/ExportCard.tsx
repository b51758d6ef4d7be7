import { TextInput } from "@mantine/core";
import { useState } from "react";

import { answerOf, api } from "../api/client";
import type { Me } from "../api/schema";
import { FileLink } from "../files/FileLink";
import { actsFor } from "../session/roles";
import { Card } from "../ui/Card";
import styles from "./Audit.module.css";

const DEFAULT = "default";

/**
 * The whole log, or the proof of one case, as a file that anybody can check without this system. The log is every
 * tenant's, so it is for whoever acts for all of them.
 */
export function ExportCard({ me }: { me: Me }) {
  const [purpose, setPurpose] = useState("");
  const [caseId, setCaseId] = useState("");
  const [tenant, setTenant] = useState("");
  const why = purpose.trim() ? `purpose=${encodeURIComponent(purpose.trim())}` : "";
  const id = caseId.trim();
  const all = me.tenants.includes("*");
  const usual = actsFor(me, DEFAULT) ? DEFAULT : (me.tenants[0] ?? DEFAULT);
  const whose = tenant.trim() || usual;
  const params = { path: { case_id: id }, query: { tenant: whose, purpose: purpose.trim() || null } };
  return (
    <Card title="Take it with you">
      <div className={styles.search}>
        <TextInput
          label="Case id"
          value={caseId}
          onChange={(event) => setCaseId(event.currentTarget.value)}
          autoCapitalize="none"
        />
        <TextInput
          label="Tenant"
          placeholder={usual}
          value={tenant}
          onChange={(event) => setTenant(event.currentTarget.value)}
          autoCapitalize="none"
        />
        <TextInput
          label="Why you take it"
          value={purpose}
          onChange={(event) => setPurpose(event.currentTarget.value)}
        />
      </div>
      <div className={styles.act}>
        {all && (
          <a href={`/api/audit/v1/export?${why}`} download="countersign-log.entries">
            The whole log
          </a>
        )}
        {id && (
          <FileLink
            key={id}
            href={`/api/audit/v1/cases/${encodeURIComponent(id)}/proof?tenant=${encodeURIComponent(whose)}&${why}`}
            name={`${id}-proof.json`}
            fetch={() => answerOf(api.GET("/api/audit/v1/cases/{case_id}/proof", { params, parseAs: "blob" }))}
          >
            Proof of {id}
          </FileLink>
        )}
      </div>
      {all ? (
        <p className={styles.mute}>
          For whoever should not have to trust this server: <code>countersign audit export DIR</code> writes the log as
          files that C2SP verifiers accept; <code>countersign-verify</code> checks it, or one case, offline.
        </p>
      ) : (
        <p className={styles.mute}>
          Name a case to take its proof along; <code>countersign-verify</code> checks it offline. The whole log holds
          every tenant’s entries, so people who act for all of them take it.
        </p>
      )}
    </Card>
  );
}
