import { Button } from "@mantine/core";
import { useState } from "react";

import { explain } from "../api/problem";
import { Card } from "../ui/Card";
import styles from "./TimelineCard.module.css";
import { TimelineCard } from "./TimelineCard";
import { useTimeline } from "./useTimeline";

/** The log's account of a case, read only when asked for: reading it is itself put on the record. */
export function TimelineOnDemand({ tenant, caseId }: { tenant: string; caseId: string }) {
  const [asked, ask] = useState(false);
  const timeline = useTimeline(tenant, caseId, "open", asked);
  if (timeline.data) return <TimelineCard timeline={timeline.data} />;
  return (
    <Card title="On the record">
      {timeline.error ? (
        <p role="alert">{explain(timeline.error)}</p>
      ) : (
        <>
          <Button size="compact-sm" variant="default" loading={timeline.isLoading} onClick={() => ask(true)}>
            Show the timeline
          </Button>
          <p className={styles.note}>That you read it goes on the record, too.</p>
        </>
      )}
    </Card>
  );
}
