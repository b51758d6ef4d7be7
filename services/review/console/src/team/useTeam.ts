import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { answerOf, api } from "../api/client";
import type { DelegationRequest, User, UserRequest } from "../api/schema";
import type { Rights } from "./rights";

const USERS = ["users"];
const DELEGATIONS = ["delegations"];
const COLLEAGUES = ["colleagues"];
const MOST = 200;

export function useUsers(cursor: string | null) {
  return useQuery({
    queryKey: [...USERS, cursor],
    queryFn: () => answerOf(api.GET("/api/review/v1/users", { params: { query: { limit: MOST, cursor } } })),
    placeholderData: (before) => before,
  });
}

/** Everybody, by name; those who have left, too. Asked for only when `wanted`. */
export function useEverybody(wanted = true) {
  return useQuery({
    queryKey: [...USERS, "all"],
    meta: { names: "people" },
    queryFn: everybody,
    enabled: wanted,
  });
}

async function everybody(): Promise<readonly User[]> {
  const found: User[] = [];
  let cursor: string | null = null;
  do {
    const query: { limit: number; cursor: string | null } = { limit: MOST, cursor };
    const page = await answerOf(api.GET("/api/review/v1/users", { params: { query } }));
    found.push(...page.items);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return found;
}

/** A write after which some reading is old; who works at the desk is old after every one. */
function useWrite<Wish, Answer>(stale: readonly string[], write: (wish: Wish) => Promise<Answer>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: write,
    onSettled: () => Promise.all([stale, COLLEAGUES].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
}

const named = (username: string) => ({ params: { path: { username } } });

export function useAddUser() {
  return useWrite(USERS, (body: UserRequest) => answerOf(api.POST("/api/review/v1/users", { body })));
}

interface UserWithRights {
  readonly user: User;
  readonly rights: Rights;
}

export function useChangeUser() {
  return useWrite(USERS, ({ user: { username, version }, rights }: UserWithRights) => {
    const { display_name, roles, tenants, authority } = rights;
    return answerOf(
      api.PUT("/api/review/v1/users/{username}", {
        params: { path: { username }, header: { "If-Match": `"${version}"` } },
        body: { display_name, roles, tenants, authority },
      }),
    );
  });
}

export function useDisableUser() {
  return useWrite(USERS, (username: string) =>
    answerOf(api.POST("/api/review/v1/users/{username}/disable", named(username))),
  );
}

export function useEnableUser() {
  return useWrite(USERS, (username: string) =>
    answerOf(api.POST("/api/review/v1/users/{username}/enable", named(username))),
  );
}

export function useNewPassword() {
  return useWrite(USERS, (username: string) =>
    answerOf(api.POST("/api/review/v1/users/{username}/password", named(username))),
  );
}

export function useDelegations() {
  return useQuery({
    queryKey: DELEGATIONS,
    queryFn: () => answerOf(api.GET("/api/review/v1/delegations")),
    select: ({ items }) => items,
  });
}

export function useDelegate() {
  return useWrite(DELEGATIONS, (body: DelegationRequest) => answerOf(api.POST("/api/review/v1/delegations", { body })));
}

export function useEndDelegation() {
  return useWrite(DELEGATIONS, (delegation_id: string) =>
    answerOf(api.POST("/api/review/v1/delegations/{delegation_id}/end", { params: { path: { delegation_id } } })),
  );
}

/** The people at the desk of one's tenants: whom work can be handed to. */
export function useColleagues() {
  return useQuery({
    queryKey: COLLEAGUES,
    meta: { names: "colleagues" },
    queryFn: () => answerOf(api.GET("/api/review/v1/colleagues")),
    select: ({ items }) => items,
  });
}
