import { useLocalStorage } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";

import { answerOf, api } from "../api/client";
import { reads } from "../session/roles";
import { useMe } from "../session/useSession";
import { useAddressed } from "../ui/useAddressed";

/** Every tenant at once; it is nobody's name. */
export const EVERY = "*";
// A tenant is new once in a long while.
const FRESH_MS = 60_000;

const NONE: readonly string[] = [];

/** The tenants whose cases this person sees, where there is something to tell apart; none where there is only one. */
export function useTenants(): readonly string[] {
  const me = useMe().data;
  const seen = useQuery({
    enabled: me ? reads(me) : false,
    queryKey: ["tenants"],
    meta: { names: "tenants" },
    queryFn: () => answerOf(api.GET("/api/review/v1/tenants")),
    select: ({ items }) => items,
    staleTime: FRESH_MS,
  });
  return seen.data && seen.data.length > 1 ? seen.data : NONE;
}

/**
 * The tenant in the address, else the one whose work this person chose last on this browser, `EVERY` before they have;
 * and how to choose another.
 */
export function useChosenTenant(person: string, tenants: readonly string[]): [string, (tenant: string) => void] {
  const [asked, ask] = useAddressed("tenant");
  const [last, keep] = useLocalStorage({
    key: `countersign.tenant.${person}`,
    defaultValue: EVERY,
    getInitialValueInEffect: false,
    sync: false,
  });
  const choose = (tenant: string) => {
    keep(tenant);
    ask(tenant);
  };
  const wanted = asked || last;
  // Where there is nothing to choose any more, what was chosen once must hide nothing.
  return [tenants.includes(wanted) ? wanted : EVERY, choose];
}
