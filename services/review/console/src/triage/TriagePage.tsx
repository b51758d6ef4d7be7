import { useEffect, useState } from "react";

import type { Me, QueueItem } from "../api/schema";
import { useAnswered } from "../ledger/LedgerProvider";
import { LedgerStatus, RefusedDecisions } from "../ledger/LedgerStatus";
import { useDesk } from "./desk/useDesk";
import { Overtaken } from "./Overtaken";
import { OpenCase } from "./OpenCase";
import { QueuePane } from "./queue/QueuePane";
import { useChosenQueue, useFirstQueue, useQueueItems, useQueues } from "./queue/useQueues";
import { useChosenTenant, useTenants } from "../tenants/useTenants";
import { Stage } from "./Stage";
import styles from "./TriagePage.module.css";

// What became of a case that was handed on is news for a moment.
const NEWS_MS = 10_000;

/** The review desk: queue, case, precedents; the decision bar below, always. */
export function TriagePage({ me }: { me: Me }) {
  const tenants = useTenants();
  const [tenant, chooseTenant] = useChosenTenant(me.username, tenants);
  const queues = useQueues(true, tenant);
  const { queue, choose, begin } = useChosenQueue(me.username, queues.data);
  const name = queue?.queue ?? null;
  const items = useQueueItems(name, tenant);
  const answered = useAnswered();
  const waiting = items.data?.filter(({ review_id }) => !answered.has(review_id));
  const { desk, notice, prepared, ...actions } = useDesk(name, tenant);
  const { openNext, leave, tell, openReview, takeFirst, takeAgain, stay, reopen, lookAgain, skip, putBack } = actions;
  useFirstQueue(desk, queues.data, begin);
  const [said, setSaid] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSaid(""), NEWS_MS);
    return () => clearTimeout(timer);
  }, [said]);
  const open = desk.phase === "open" ? desk.claim : null;
  const status = <LedgerStatus onUndone={(claimId) => void reopen(claimId)} />;
  const notices = (
    <>
      <RefusedDecisions onReopen={(claimId) => void reopen(claimId)} />
      <p role="status" className={styles.notice}>
        {said}
      </p>
      <p role="alert" className={styles.notice}>
        {notice}
      </p>
      <p role="alert" className={styles.notice}>
        {desk.phase === "open" &&
          desk.revised &&
          "New evidence came in while you looked. Read the case again before you decide."}
      </p>
      {desk.phase === "open" && desk.overtaken && <Overtaken by={desk.overtaken} onTake={takeFirst} onStay={stay} />}
    </>
  );

  return (
    <div className={styles.desk} data-open={open !== null} data-prepared={prepared}>
      <QueuePane
        queues={queues.data ?? []}
        chosen={queue}
        onChoose={choose}
        tenants={tenants}
        tenant={tenant}
        onTenant={chooseTenant}
        items={waiting}
        trouble={items.error}
        open={open}
        onOpen={(item: QueueItem) => void openReview(item)}
      />
      {desk.phase === "open" ? (
        <OpenCase
          key={desk.claim.claim_id}
          hold={desk.hold}
          claim={desk.claim}
          leaseExpiresAt={desk.leaseExpiresAt}
          notice={notices}
          status={status}
          onLeft={() => leave(desk.claim.claim_id)}
          onRevealed={lookAgain}
          onAside={(said) => {
            leave(desk.claim.claim_id);
            setSaid(said);
          }}
          onAsideFailed={(said) => tell(desk.claim.claim_id, said)}
          onSkip={skip}
          onPutBack={putBack}
        />
      ) : (
        <>
          <main className={styles.wide} aria-label="Case">
            {notices}
            <Stage
              desk={desk}
              queue={queue}
              unread={queues.data === undefined}
              trouble={queues.error}
              onAgain={() => void queues.refetch()}
              elsewhere={queues.data?.find((other) => other.queue !== name && other.depth > 0) ?? null}
              onNext={openNext}
              onElsewhere={choose}
              onTakeAgain={takeAgain}
            />
          </main>
          <footer className={styles.bar}>
            <div className={styles.status}>{status}</div>
          </footer>
        </>
      )}
    </div>
  );
}
