import { Button } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useSearchParams } from "wouter";

import type { CaseRows } from "../api/schema";
import { moment } from "../format/time";
import { useNow } from "../format/useNow";
import { hasRole } from "../session/roles";
import { useMe } from "../session/useSession";
import { Coming, Nothing, Page, Trouble } from "../ui/Page";
import { useAddressedPages } from "../ui/useAddressed";
import styles from "./CasesPage.module.css";
import { CaseTable } from "./CaseTable";
import { Filters } from "./Filters";
import { OutsideQueues } from "./OutsideQueues";
import { SavedViews } from "./SavedViews";
import { addressOf, filtersOf, isEmpty, type Search, searchOf } from "./search";
import { useCases } from "./useCases";

// Long enough that a word is finished before it is searched for.
const TYPING_MS = 250;

/** All cases, automatic ones included. The search and its page are in the address, and can be sent to a colleague. */
export function CasesPage() {
  const me = useMe();
  const [address, setAddress] = useSearchParams();
  const search = searchOf(address);
  const [sought] = useDebouncedValue(addressOf(search).toString(), TYPING_MS);
  const [pages, setPages] = useAddressedPages();
  const cases = useCases(filtersOf(searchOf(new URLSearchParams(sought))), pages.at(-1) ?? null);

  // Which leads to its first page.
  const change = (next: Search) => setAddress(addressOf(next), { replace: true });

  return (
    <Page title="Cases">
      {me.data && hasRole(me.data, "lead") && isEmpty(search) && <OutsideQueues />}
      <Filters search={search} onChange={change} />
      <SavedViews search={search} onChange={change} />
      <Trouble error={cases.error} />
      <Coming when={cases.isPending} />
      {cases.data && <Found found={cases.data} search={search} />}
      <div className={styles.pager}>
        {pages.length > 1 && (
          <Button variant="default" onClick={() => setPages(pages.slice(0, -1))}>
            Newer
          </Button>
        )}
        {cases.data?.next_cursor && (
          <Button variant="default" onClick={() => setPages([...pages, cases.data?.next_cursor ?? null])}>
            Older
          </Button>
        )}
      </div>
    </Page>
  );
}

function Found({ found, search }: { found: CaseRows; search: Search }) {
  const now = useNow(60_000);
  return (
    <>
      {found.items.length > 0 && <CaseTable cases={found.items} />}
      {found.items.length === 0 && !found.searched_to && (
        <Nothing>
          {isEmpty(search)
            ? "There is no case for you to see yet. Cases appear here as soon as they have been routed."
            : "No case fits. Words are looked for in title, case id and subject; each may be cut short at its end."}
        </Nothing>
      )}
      {found.searched_to && (
        <p className={styles.note}>
          Looked back to {moment(found.searched_to, now)} so far; choose Older to look further.
        </p>
      )}
      {found.not_indexed > 0 && search.q && (
        <p className={styles.note}>The newest {found.not_indexed} cases are not in the word search yet.</p>
      )}
    </>
  );
}
