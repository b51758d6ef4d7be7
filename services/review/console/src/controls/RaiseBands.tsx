import { Button, NativeSelect, Textarea } from "@mantine/core";
import { type FormEvent, useState } from "react";

import type { Me } from "../api/schema";
import { TenantField, useScopeChoice } from "../tenants/TenantField";
import { Card } from "../ui/Card";
import { Trouble } from "../ui/Page";
import styles from "./Controls.module.css";
import { ALL, scopeOf } from "./scope";
import { useDecisionTypes, useRaiseBands } from "./useControls";

const STEPS = [0, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2] as const;
const EVERY = "*";
const TIERS = ["negligible", "low", "medium", "high", "critical"] as const;
type Tier = (typeof TIERS)[number] | typeof EVERY;

/** Asks for more confidence than the policy does: at once by one person, back to the policy by two. */
export function RaiseBands({ me }: { me: Me }) {
  const types = useDecisionTypes();
  const [type, setType] = useState("");
  const [tier, setTier] = useState<Tier>(EVERY);
  const [high, setHigh] = useState(0);
  const [medium, setMedium] = useState(0);
  const [reason, setReason] = useState("");
  const whose = useScopeChoice(me);
  const raise = useRaiseBands();

  const submit = (event: FormEvent) => {
    event.preventDefault();
    raise.mutate(
      {
        scope: scopeOf({ tenant: whose.tenant, decision_type: type || ALL }),
        tier,
        high,
        medium,
        reason: reason.trim(),
      },
      { onSuccess: () => setReason("") },
    );
  };

  return (
    <Card title="Ask for more confidence">
      <form className={styles.stop} onSubmit={submit}>
        <NativeSelect
          label="Whose cases"
          data={[
            { value: "", label: "Everything" },
            ...(types.data ?? []).map(({ decision_type, label }) => ({ value: decision_type, label })),
          ]}
          value={type}
          onChange={(event) => setType(event.currentTarget.value)}
        />
        <TenantField {...whose} />
        <NativeSelect
          label="Of which consequence"
          data={[{ value: EVERY, label: "any" }, ...TIERS]}
          value={tier}
          onChange={(event) => setTier(event.currentTarget.value as Tier)}
        />
        <Limit label="High confidence begins higher by" value={high} onChange={setHigh} />
        <Limit label="Medium confidence begins higher by" value={medium} onChange={setMedium} />
        <Textarea
          className={styles.whole ?? ""}
          label="Why more is needed"
          description="Goes on the record. It holds until two people sign that the policy's own limits are enough."
          autosize
          minRows={1}
          required
          withAsterisk={false}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <div className={styles.act}>
          <Button
            type="submit"
            variant="default"
            loading={raise.isPending}
            disabled={!reason.trim() || high + medium === 0}
          >
            Raise the bands{whose.tenant !== ALL && ` for ${whose.tenant}`} now
          </Button>
          <span role="status" className={styles.done}>
            {raise.data
              ? "Raised. From the next batch on nothing is decided on less."
              : high + medium === 0 && "Choose by how much, and say why."}
          </span>
        </div>
        <Trouble error={raise.error} />
      </form>
    </Card>
  );
}

interface LimitProps {
  readonly label: string;
  readonly value: number;
  readonly onChange: (value: number) => void;
}

function Limit({ label, value, onChange }: LimitProps) {
  return (
    <NativeSelect
      label={label}
      data={STEPS.map((step) => ({ value: String(step), label: step === 0 ? "as the policy says" : `+${step}` }))}
      value={String(value)}
      onChange={(event) => onChange(Number(event.currentTarget.value))}
    />
  );
}
