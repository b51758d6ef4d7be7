import { moment } from "../format/time";
import { useNow } from "../format/useNow";
import { Name } from "../people/Name";
import { Card } from "../ui/Card";
import { Trouble, Wide } from "../ui/Page";
import table from "../ui/table.module.css";
import styles from "./Audit.module.css";
import { Pages } from "./Pages";
import { type FieldOf, SearchForm } from "./SearchForm";
import { type SoughtLooks, useAccessLog } from "./useAudit";
import { useSearch } from "./useSearch";

const ANYBODY: SoughtLooks = { caseId: "", reader: "", since: "", until: "", tenant: "" };

const FIELDS: readonly FieldOf<SoughtLooks>[] = [
  { name: "caseId", label: "Case id" },
  { name: "reader", label: "Who" },
  { name: "since", label: "From", type: "datetime-local" },
  { name: "until", label: "To", type: "datetime-local" },
  { name: "tenant", label: "Tenant" },
];

/** Who looked at the record, and at what. */
export function AccessLog() {
  const { sought, search, cursors, go, cursor, turn } = useSearch<SoughtLooks>();
  const access = useAccessLog(sought, cursor, turn);
  const now = useNow(60_000);
  return (
    <Card title="Who looked">
      <SearchForm
        label="Who looked"
        act="Show the access log"
        fields={FIELDS}
        nothing={ANYBODY}
        loading={access.isFetching}
        onSearch={search}
      />
      <Trouble error={access.error} />
      {access.data?.items.length === 0 && (
        <p className={styles.mute}>Nobody has looked, or no look fits. Ids and pseudonyms are matched whole.</p>
      )}
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
                    {one.reader ? <Name of={one.reader} recorded /> : "unknown"}
                    {one.role && <small>{one.role}</small>}
                  </td>
                  <td>
                    {(one.what ?? one.kind ?? "").replaceAll("_", " ")}
                    {one.case && <small>{one.case}</small>}
                  </td>
                  <td data-number>
                    {one.entries != null && (
                      <>
                        <span className={table.named}>entries: </span>
                        {one.entries}
                      </>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Wide>
      )}
      <Pages cursors={cursors} go={go} next={access.data?.next_cursor} of="looks" newestFirst />
    </Card>
  );
}
