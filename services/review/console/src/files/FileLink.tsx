import { useMutation } from "@tanstack/react-query";
import type { MouseEvent, ReactNode } from "react";

import { Trouble } from "../ui/Page";
import { save } from "./save";

interface FileLinkProps {
  /** Where it is, for a browser that is asked for the link itself. */
  readonly href: string;
  readonly name: string;
  readonly fetch: () => Promise<unknown>;
  readonly children: ReactNode;
}

/** Gives a file of the server to whoever follows it, or says why not: a browser says of a refusal that it has failed. */
export function FileLink({ href, name, fetch, children }: FileLinkProps) {
  const take = useMutation({ mutationFn: async () => save(name, (await fetch()) as Blob) });
  const follow = (event: MouseEvent) => {
    event.preventDefault();
    if (!take.isPending) take.mutate();
  };
  return (
    <>
      <a href={href} download={name} aria-busy={take.isPending} onClick={follow}>
        {children}
      </a>
      <Trouble error={take.error} />
    </>
  );
}
