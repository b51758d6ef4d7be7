import { Button } from "@mantine/core";
import { useState } from "react";

import { moment } from "../format/time";
import { useNow } from "../format/useNow";
import { Card } from "../ui/Card";
import { Trouble, Wide } from "../ui/Page";
import table from "../ui/table.module.css";
import styles from "./Audit.module.css";
import { Pages } from "./Pages";
import { useAccessLog } from "./useAudit";

/** Who looked at the record, and at what. */
export function AccessLog() {
  const [asked, ask] = useState(false);
  const now = useNow(60_000);
  const [cursors, setCursors] = useState<readonly (string | null)[]>([null]);
  const access = useAccessLog(asked, cursors.at(-1) ?? null);
  return (
    <Card title="Who looked">
      <Trouble error={access.error} />
      {!access.data && (
        <Button size="compact-sm" variant="default" loading={access.isLoading} onClick={() => ask(true)}>
          Show the access log
        </Button>
      )}
      {access.data?.items.length === 0 && <p className={styles.mute}>Nobody has looked yet.</p>}
      {access.data && access.data.items.length > 0 && (
        <Wide label="Access log">
          <table className={`${table.table} ${table.stacked}`}>
            <thead>
              <tr>
                <th scope="col">When</th>
                <th scope="col">Who</th>
                <th scope="col">At what</th>
                <th scope="col" data-number>
                  Entries
                </th>
              </tr>
            </thead>
            <tbody>
              {access.data.items.map((one) => (
                <tr key={one.index}>
                  <td className={styles.when}>{one.occurred_at && moment(one.occurred_at, now)}</td>
                  <td>
                    {one.reader ?? "unknown"}
                    {one.role && <small>{one.role}</small>}
                  </td>
                  <td>
                    {one.what ?? one.kind}
                    {one.case && <small>{one.case}</small>}
                  </td>
                  <td data-number>{one.entries ?? ""}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
      <Pages cursors={cursors} go={setCursors} next={access.data?.next_cursor} of="looks" />
    </Card>
  );
}
