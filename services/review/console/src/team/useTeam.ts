import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { answerOf, api } from "../api/client";
import type { UserRequest } from "../api/schema";

const USERS = ["users"];

export function useUsers() {
  return useQuery({
    queryKey: USERS,
    queryFn: () => answerOf(api.GET("/api/review/v1/users")),
    select: ({ items }) => items,
  });
}

export function useAddUser() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: UserRequest) => answerOf(api.POST("/api/review/v1/users", { body })),
    onSuccess: () => queries.invalidateQueries({ queryKey: USERS }),
  });
}

export function useDisableUser() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (username: string) =>
      answerOf(api.POST("/api/review/v1/users/{username}/disable", { params: { path: { username } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: USERS }),
  });
}
