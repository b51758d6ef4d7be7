import { NativeSelect } from "@mantine/core";
import { useLocalStorage } from "@mantine/hooks";

import type { PolicyEntry } from "../api/router";
import type { Me } from "../api/schema";
import { useTypeName } from "../cases/useCases";
import { hasRole } from "../session/roles";
import { Coming, Nothing, NotAmong, Page, Trouble } from "../ui/Page";
import { useAddressed } from "../ui/useAddressed";
import { Drafts } from "./Drafts";
import { MatrixHeat } from "./MatrixHeat";
import { Rules } from "./Rules";
import { usePolicies } from "./usePolicies";
import { Versions } from "./Versions";

const DEFAULT = "default";

/** Who decides what: the policy in force with what came of it, and what is on its way to replace it. */
export default function PoliciesPage({ me }: { me: Me }) {
  const policies = usePolicies();
  const called = useTypeName();
  const [last, keep] = useLocalStorage({
    key: "countersign.policy",
    defaultValue: "",
    getInitialValueInEffect: false,
    sync: false,
  });
  const [asked, ask] = useAddressed("policy");
  const choose = (id: string) => {
    keep(id);
    ask(id);
  };
  const inForce = policies.data?.filter((policy) => policy.in_force) ?? [];
  const named = inForce.find(({ id }) => id === asked);
  const policy = named ?? inForce.find(({ id }) => id === last) ?? inForce[0];
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
              label: `${called(type)}${tenant === DEFAULT ? "" : ` of ${tenant}`}, version ${version}`,
            }))}
            value={policy?.id ?? ""}
            onChange={(event) => choose(event.currentTarget.value)}
          />
        )
      }
    >
      <Trouble error={policies.error} />
      <Coming when={policies.isPending} />
      {policies.data && asked && !named && (
        <NotAmong name={asked} those="that are in force and shown to you; this is another policy" />
      )}
      {policies.data && !policy && (
        <Nothing>
          {me.tenants.includes("*")
            ? "No policy is in force, so every case goes to people. Publish one, or let the router load it."
            : "None of your tenants has a policy of its own. The default tenant’s, which is not shown to you, speaks for " +
              "their cases; where that has none, every case goes to people."}
        </Nothing>
      )}
      {policy && (
        <>
          <MatrixHeat key={policy.id} decisionType={policy.decision_type} tenant={whoseMatrix(me, policy)} />
          <Rules sha256={policy.sha256} />
          <Drafts key={policy.id} me={me} policy={policy} />
          <Versions
            versions={policies.data?.filter(({ id }) => id === policy.id) ?? []}
            mayRollBack={hasRole(me, "policy_author")}
          />
        </>
      )}
    </Page>
  );
}

/** Of whom the cases are counted: of all tenants together only for who sees all, and where no tenant's own policy is looked at. */
function whoseMatrix(me: Me, { tenant }: PolicyEntry): string | null {
  return tenant === DEFAULT && me.tenants.includes("*") ? null : tenant;
}
