import { useQuery } from "@tanstack/react-query";

import type { Timeline } from "../api/audit";
import { answerOf, api } from "../api/client";

/**
 * A case's entries in the audit log. Every reading of it is itself put on the record, so it is read
 * once for each state of the case (`asOf`) and never polled.
 */
export function useTimeline(tenant: string, caseId: string, asOf: string, wanted: boolean) {
  return useQuery({
    queryKey: ["timeline", tenant, caseId, asOf],
    queryFn: async () => {
      const path = { tenant, case_id: caseId };
      const answer = await answerOf(api.GET("/api/review/v1/cases/{tenant}/{case_id}/timeline", { params: { path } }));
      // Review passes on what audit said; its shape is in audit's own contract.
      return answer as unknown as Timeline;
    },
    enabled: wanted,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
}
