import { type ReactNode, useState } from "react";

import styles from "./TriagePage.module.css";
import { Asked } from "./case/Asked";
import { CaseHead } from "./case/CaseHead";
import { KeyFacts } from "./case/KeyFacts";
import { MatrixCard } from "./case/MatrixCard";
import { Precedents } from "./case/Precedents";
import { Proposal } from "./case/Proposal";
import { TimelineOnDemand } from "../cases/TimelineOnDemand";
import { TalkCard } from "../talk/TalkCard";
import type { Aside } from "./aside/aside";
import { AsideCard } from "./aside/AsideCard";
import { AnswerCard } from "./decide/AnswerCard";
import { DecisionBar } from "./decide/DecisionBar";
import { useDecision } from "./decide/useDecision";
import type { Claim } from "../api/schema";
import type { Hold } from "./desk/hold";

interface OpenCaseProps {
  readonly hold: Hold;
  readonly claim: Claim;
  readonly leaseExpiresAt: string | null;
  readonly notice: ReactNode;
  readonly status: ReactNode;
  readonly onLeft: () => void;
  readonly onRevealed: () => void;
  /** The case left the desk without a decision: what became of it. */
  readonly onAside: (said: string) => void;
  readonly onAsideFailed: (said: string) => void;
  readonly onSkip: () => void;
  readonly onPutBack: () => void;
}

/** One case on the desk: the question, the evidence, the proposal, then the answer. */
export function OpenCase({
  hold,
  claim,
  leaseExpiresAt,
  notice,
  status,
  onLeft,
  onRevealed,
  onAside,
  onAsideFailed,
  onSkip,
  onPutBack,
}: OpenCaseProps) {
  const { context } = claim;
  const question = context.decision_required;
  const [aside, begin] = useState<Aside | null>(null);
  const decision = useDecision({ hold, claim, onLeft, onRevealed });
  return (
    <>
      <main className={styles.case} aria-label="Case">
        <button type="button" className={styles.back} onClick={onPutBack}>
          &lsaquo; Put back, to the queue
        </button>
        {notice}
        <CaseHead claim={claim} leaseExpiresAt={leaseExpiresAt} />
        <Asked claim={claim} />
        <KeyFacts facts={context.key_facts} />
        <div className={context.matrix ? styles.pair : undefined}>
          <Proposal context={context} />
          {context.matrix && <MatrixCard matrix={context.matrix} />}
        </div>
        {aside && (
          <AsideCard
            key={aside.action}
            aside={aside}
            hold={hold}
            claim={claim}
            onCancel={() => begin(null)}
            onDone={onAside}
            onFailed={onAsideFailed}
          />
        )}
        <AnswerCard claim={claim} decision={decision} />
      </main>
      <aside className={styles.side} aria-label="Precedents and policy">
        <Precedents context={context} />
        <TalkCard about={{ tenant: question.tenant, caseId: question.case_id }} />
        {!context.withheld && <TimelineOnDemand tenant={question.tenant} caseId={question.case_id} />}
      </aside>
      <footer className={styles.bar}>
        <DecisionBar
          context={context}
          decision={decision}
          onAside={begin}
          onSkip={() => decision.settled && onSkip()}
          onPutBack={onPutBack}
        />
        <div className={styles.said}>{status}</div>
      </footer>
    </>
  );
}
