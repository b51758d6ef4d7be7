import { NativeSelect } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";

import type { Me } from "../api/schema";
import { useTypeName } from "../cases/useCases";
import { hasRole } from "../session/roles";
import { Nothing, Page, Trouble } from "../ui/Page";
import { Drafts } from "./Drafts";
import { MatrixHeat } from "./MatrixHeat";
import { Rules } from "./Rules";
import { usePolicies } from "./usePolicies";
import { Versions } from "./Versions";

/** Who decides what: the policy in force with what came of it, and what is on its way to replace it. */
export default function PoliciesPage({ me }: { me: Me }) {
  const policies = usePolicies();
  const called = useTypeName();
  const [wanted, choose] = useLocalStorage({
    key: "countersign.policy",
    defaultValue: "",
    getInitialValueInEffect: false,
  });
  const inForce = policies.data?.filter((policy) => policy.in_force) ?? [];
  const policy = inForce.find(({ id }) => id === wanted) ?? inForce[0];
  return (
    <Page
      title="Policies"
      lead="A policy weighs how sure the machine is against what a wrong decision would cost."
      beside={
        inForce.length > 1 && (
          <NativeSelect
            aria-label="Policy"
            data={inForce.map(({ id, tenant, decision_type: type, version }) => ({
              value: id,
              label: `${called(type)}${tenant === "default" ? "" : ` of ${tenant}`}, version ${version}`,
            }))}
            value={policy?.id ?? ""}
            onChange={(event) => choose(event.currentTarget.value)}
          />
        )
      }
    >
      <Trouble error={policies.error} />
      {policies.data && !policy && (
        <Nothing>No policy is in force, so every case goes to people. Publish one, or let the router load it.</Nothing>
      )}
      {policy && (
        <>
          <MatrixHeat key={policy.decision_type} decisionType={policy.decision_type} />
          <Rules sha256={policy.sha256} />
          <Drafts me={me} policy={policy} />
          <Versions
            versions={policies.data?.filter(({ id }) => id === policy.id) ?? []}
            mayRollBack={hasRole(me, "policy_author")}
          />
        </>
      )}
    </Page>
  );
}
