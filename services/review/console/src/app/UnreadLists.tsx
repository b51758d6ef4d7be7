import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";

import { useConnectionLost } from "../api/connection";
import { explain } from "../api/problem";
import styles from "./App.module.css";
import { useReadAgain, useUnread } from "./unread";

/** What is missing on the page though the page itself came. It stays while it is read again, and the button its focus. */
export function UnreadLists() {
  const lost = useConnectionLost();
  const { what, error } = useUnread();
  const again = useMutation({ mutationFn: useReadAgain() });
  // That nobody answers is said already, and these lists are among what does not come.
  if (what === "" || (lost && !again.isPending)) return null;
  return (
    <div role="alert" className={styles.unread}>
      <p>
        The {what} could not be read: where they belong, this page shows ids, or nothing. {error && explain(error)}
      </p>
      <Button size="compact-sm" variant="default" loading={again.isPending} onClick={() => again.mutate()}>
        Read them again
      </Button>
    </div>
  );
}
