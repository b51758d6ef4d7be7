import { useQuery } from "@tanstack/react-query";

import { explain } from "../../api/problem";
import type { Preview as PreviewAnswer } from "../../api/schema";
import { previewTerms } from "../desk/claims";
import type { Terms } from "./draft";
import styles from "./Preview.module.css";

/** What would be carried out, and its digest; asked for again whenever the terms change. */
export function usePreview(claimId: string, outcome: string, terms: Terms, wanted: boolean) {
  return useQuery({
    queryKey: ["preview", claimId, outcome, terms],
    queryFn: () => previewTerms(claimId, outcome, terms),
    enabled: wanted,
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
}

export function Preview({ preview, error }: { preview: PreviewAnswer | undefined; error: Error | null }) {
  if (error) return <p className={styles.error}>{explain(error)}</p>;
  if (!preview) return null;
  if (!preview.execute) return <p className={styles.none}>Nothing is carried out by this decision itself; it is published.</p>;
  return (
    <details className={styles.details}>
      <summary>What will be carried out</summary>
      <pre>{JSON.stringify(preview.execute, null, 2)}</pre>
    </details>
  );
}
