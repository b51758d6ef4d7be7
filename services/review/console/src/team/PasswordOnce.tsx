import { Button } from "@mantine/core";

import type { UserCreated } from "../api/schema";
import { Card } from "../ui/Card";
import styles from "./Team.module.css";

/** A password that was just made, in this answer and nowhere else. */
export function PasswordOnce({ user, onDone }: { user: UserCreated; onDone: () => void }) {
  return (
    <Card title={`${user.display_name} may sign in`} asking>
      <p role="status">
        As <code>{user.username}</code> with the password <code>{user.password}</code>. It is shown this once; hand it
        over in a way that you trust.
      </p>
      <div className={styles.act}>
        <Button variant="default" onClick={onDone}>
          Done
        </Button>
      </div>
    </Card>
  );
}
