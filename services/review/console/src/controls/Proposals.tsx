import { Button, TextInput } from "@mantine/core";
import { useState } from "react";

import type { Proposal } from "../api/router";
import type { Me } from "../api/schema";
import { useTypeName } from "../cases/useCases";
import { moment } from "../format/time";
import { useNow } from "../format/useNow";
import { Name } from "../people/Name";
import { actsFor, hasRole } from "../session/roles";
import { Card } from "../ui/Card";
import { Trouble } from "../ui/Page";
import styles from "./Controls.module.css";
import { against, said } from "./proposal";
import { scopeWords } from "./scope";
import { useAnswerProposal, useProposals } from "./useControls";

const BECOMES: Readonly<Record<string, string>> = {
  "certificate.active": "Certificate",
  "calibrator.active": "Calibrator",
  "trip.cleared": "Lift a trip",
  "bands.relaxed": "Relax tightened bands",
  "bands.lowered": "Lower raised bands",
};

/** What evidence proposes or holds back; two people sign before it acts. */
export function Proposals({ me }: { me: Me }) {
  const proposals = useProposals();
  return (
    <Card title="Waiting for signatures">
      <Trouble error={proposals.error} />
      {proposals.data?.length === 0 && (
        <p className={styles.mute}>
          Nothing. Certificates, calibrators, tripped tiers and raised bands appear here while a change waits for
          people.
        </p>
      )}
      {proposals.data?.map((proposal) => (
        <ProposalRow key={`${proposal.sha256} ${proposal.becomes}`} me={me} proposal={proposal} />
      ))}
    </Card>
  );
}

function ProposalRow({ me, proposal }: { me: Me; proposal: Proposal }) {
  const called = useTypeName();
  const now = useNow(30_000);
  const words = said(proposal);
  const signatures = proposal.said.filter(({ signed }) => signed);
  const signed = signatures.some(({ pseudonym }) => pseudonym === me.pseudonym);
  return (
    <section className={styles.proposal}>
      <h3>
        {BECOMES[proposal.becomes] ?? proposal.becomes}: {scopeWords(proposal, called)}
        {proposal.tier !== "*" && `, ${proposal.tier} consequence`}
      </h3>
      <p>{proposal.why}</p>
      {words && <p>{words}</p>}
      {against(proposal).map((doubt) => (
        <p key={doubt} className={styles.doubt}>
          Before you sign: {doubt}
        </p>
      ))}
      <p className={styles.mute}>
        {signatures.length} of {proposal.signatures_needed} signatures; hash {proposal.sha256.slice(0, 12)}
      </p>
      {proposal.said.map((word) => (
        <p key={`${word.pseudonym} ${word.signed_at}`} className={styles.mute}>
          {word.pseudonym === me.pseudonym ? "you" : <Name of={word.pseudonym} />} ({word.role}){" "}
          {word.signed ? "signed" : "refused"}, {moment(word.signed_at, now)}: {word.reason}
        </p>
      ))}
      {hasRole(me, "lead", "policy_approver") && !signed && actsFor(me, proposal.tenant) && (
        <Answer proposal={proposal} />
      )}
      {hasRole(me, "lead", "policy_approver") && !actsFor(me, proposal.tenant) && (
        <p className={styles.mute}>It is about every tenant: people who act for all of them sign or refuse it.</p>
      )}
      {signed && <p className={styles.mute}>You have signed. The other signature must be another person&rsquo;s.</p>}
    </section>
  );
}

function Answer({ proposal }: { proposal: Proposal }) {
  const [reason, setReason] = useState("");
  const answer = useAnswerProposal();
  const say = (sign: boolean) => answer.mutate({ proposal, sign, reason: reason.trim() });
  return (
    <div className={styles.release}>
      <TextInput
        label="Why you sign or refuse"
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
      />
      <Button variant="default" disabled={!reason.trim()} loading={answer.isPending} onClick={() => say(true)}>
        Sign
      </Button>
      <Button variant="default" disabled={!reason.trim()} loading={answer.isPending} onClick={() => say(false)}>
        Refuse
      </Button>
      <Trouble error={answer.error} />
    </div>
  );
}
