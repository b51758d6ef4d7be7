import { useDebouncedValue } from "@mantine/hooks";
import { queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { explain } from "../../api/problem";
import type { Claim, Preview as PreviewAnswer } from "../../api/schema";
import { previewTerms } from "../desk/claims";
import { digestInAdvance, schemaOf, termsFor } from "./answer";
import { EMPTY_DRAFT, type Terms } from "./draft";
import styles from "./Preview.module.css";
import { termProblems } from "./terms";

// Long enough that a number is typed to its end first.
const TYPING_MS = 300;

/** What would be carried out by these terms on the case as it was last shown. */
export function previewQuery(claim: Claim, outcome: string, terms: Terms) {
  return queryOptions({
    queryKey: ["preview", claim.claim_id, claim.shown_sha256, outcome, terms],
    queryFn: () => previewTerms(claim.claim_id, outcome, terms),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
}

/** Asks again whenever the terms being edited have settled. */
export function usePreview(claim: Claim, outcome: string, terms: Terms, wanted: boolean) {
  const [settled] = useDebouncedValue(terms, TYPING_MS);
  // What has settled may still be what was wrong a moment ago.
  const sound = termProblems(schemaOf(claim.context, outcome), settled).length === 0;
  return useQuery({ ...previewQuery(claim, outcome, settled), enabled: wanted && sound });
}

/** Has the digests of outcomes with terms at hand before a key is pressed. */
export function usePreparedPreviews(claim: Claim): void {
  const queries = useQueryClient();
  useEffect(() => {
    for (const { outcome } of claim.context.actions.outcomes) {
      const terms = termsFor(claim.context, outcome, EMPTY_DRAFT);
      const sound = termProblems(schemaOf(claim.context, outcome), terms).length === 0;
      if (sound && !digestInAdvance(claim, outcome, terms))
        void queries.prefetchQuery(previewQuery(claim, outcome, terms));
    }
  }, [claim, queries]);
}

export function Preview({ preview, error }: { preview: PreviewAnswer | undefined; error: Error | null }) {
  if (error) return <p className={styles.error}>{explain(error)}</p>;
  if (!preview) return null;
  if (!preview.execute)
    return <p className={styles.none}>Nothing is carried out by this decision itself; it is published.</p>;
  return (
    <details className={styles.details}>
      <summary>What will be carried out</summary>
      <pre>{JSON.stringify(preview.execute, null, 2)}</pre>
    </details>
  );
}
