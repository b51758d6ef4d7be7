import { useMe } from "../session/useSession";
import { useNames } from "./useNames";

interface NameProps {
  /** The pseudonym, or whatever else a record names as having acted. */
  readonly of: string;
  /** Whether what is shown is the record itself, which is searched by pseudonym. */
  readonly recorded?: boolean;
}

/** Somebody by the name their colleagues know, for whoever may know it; for everybody else by their pseudonym. */
export function Name({ of, recorded = false }: NameProps) {
  const me = useMe().data;
  const name = useNames(of).get(of) ?? (me?.pseudonym === of ? "you" : undefined);
  if (!name) return of;
  return (
    <>
      <bdi>{name}</bdi>
      {recorded && <small>{of}</small>}
    </>
  );
}
