import { useEffect, useRef } from "react";

import type { Claim, Flag } from "../../api/schema";
import { countdown, due } from "../../format/time";
import { useNow } from "../../format/useNow";
import { useTenants } from "../../tenants/useTenants";
import { takeFocus } from "../../ui/takeFocus";
import styles from "./CaseHead.module.css";

// From here on the lease is shown as a warning.
const LOW_MS = 90_000;

/** Which case, whose and for how long, the question, and why it is put to this person. */
export function CaseHead({ claim, leaseExpiresAt }: { claim: Claim; leaseExpiresAt: string | null }) {
  const { decision_required: question, flags } = claim.context;
  const tenanted = useTenants().length > 0;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => takeFocus(heading.current), [claim.claim_id, claim.asks]);

  return (
    <header className={styles.head}>
      <p className={styles.crumb}>
        <span>{question.decision_type_label}</span>
        <span>case {question.case_id}</span>
        {(tenanted || question.tenant !== "default") && <span>{question.tenant}</span>}
        <Deadline claim={claim} />
        <LeaseLeft leaseExpiresAt={leaseExpiresAt} />
      </p>
      <h1 ref={heading} tabIndex={-1} className={styles.question}>
        {question.headline}
      </h1>
      {flags.length > 0 && (
        <ul className={styles.flags} aria-label="Why you">
          {[...flags].sort(mostTellingFirst).map((flag, index) => (
            <li key={`${flag.code} ${flag.rule_id ?? flag.text}`}>
              {index === 0 && "Why you: "}
              {flag.text}
              {flag.rule_id && <span className={styles.rule}>{flag.rule_id}</span>}
            </li>
          ))}
        </ul>
      )}
    </header>
  );
}

/** A colleague who passed the case on says most, then a rule that was written for such cases, then the table for all. */
function mostTellingFirst(one: Flag, other: Flag): number {
  return telling(other) - telling(one);
}

function telling({ code, rule_id: rule }: Flag): number {
  return code === "handed_on" ? 2 : Number(rule !== null);
}

function Deadline({ claim }: { claim: Claim }) {
  const deadline = due(claim.due_at, claim.at_risk_at, useNow(15_000));
  return deadline && <span data-urgency={deadline.urgency}>{deadline.text}</span>;
}

function LeaseLeft({ leaseExpiresAt }: { leaseExpiresAt: string | null }) {
  const now = useNow(1_000);
  if (leaseExpiresAt === null) return <span>held for you</span>;
  const left = Date.parse(leaseExpiresAt) - now;
  const low = left < LOW_MS;
  return (
    <span data-urgency={low ? "soon" : "calm"}>
      held for you, <span className={styles.clock}>{countdown(left)}</span> left{low && ": do anything here to keep it"}
    </span>
  );
}
