import type { Claim, CodedText, GivenAnswer } from "../../api/schema";
import { moment } from "../../format/time";
import { useNow } from "../../format/useNow";
import { Card } from "../../ui/Card";
import styles from "./Asked.module.css";
import { TermList } from "./TermList";

/** What kind of answer is wanted when it is not an ordinary one: a confirmation, or settling what others see differently. */
export function Asked({ claim }: { claim: Claim }) {
  const { asks, blind_answer: given, context } = claim;
  return (
    <>
      {asks === "confirmation" && given && (
        <div className={styles.reveal} role="status">
          You answered <strong>{given.label}</strong> unseen. Here is what was withheld: confirm your answer, or change
          it.
          <TermList terms={given.terms} />
        </div>
      )}
      {context.dispute && <Dispute dispute={context.dispute} actions={context.actions} />}
    </>
  );
}

type Actions = Claim["context"]["actions"];

function Dispute({ dispute, actions }: { dispute: NonNullable<Claim["context"]["dispute"]>; actions: Actions }) {
  const now = useNow(60_000);
  const { opinions, objections, standing } = dispute;
  return (
    <Card title={opinions.length > 0 ? "Two people differ; you settle it" : "A decision is objected to"}>
      {standing && (
        <div>
          Stands: <strong>{standing.label ?? standing.outcome}</strong>,{" "}
          {standing.automatic ? "automatic" : "by a person"}, {moment(standing.decided_at, now)}.
          <TermList terms={standing.terms} />
        </div>
      )}
      {objections.map(({ grounds, received_at: at }) => (
        <blockquote key={at} className={styles.words}>
          {grounds} <small>{moment(at, now)}</small>
        </blockquote>
      ))}
      {opinions.length > 0 && (
        <ul className={styles.opinions}>
          {opinions.map((opinion, index) => (
            // Nobody is named: the place in the list is all there is.
            <Opinion key={index} opinion={opinion} number={index + 1} actions={actions} />
          ))}
        </ul>
      )}
    </Card>
  );
}

function Opinion({ opinion, number, actions }: { opinion: GivenAnswer; number: number; actions: Actions }) {
  const { label, terms, reason, principal_reasons: principal } = opinion;
  const words = [...wordsOf(reason.codes, actions.reason_codes), ...wordsOf(principal, actions.principal_reason_codes)];
  return (
    <li>
      Opinion {number}: <strong>{label}</strong>
      <TermList terms={terms} />
      {words.length > 0 && <small>{words.join(", ")}</small>}
      {reason.other_text && <small>{reason.other_text}</small>}
      {reason.note && <small>{reason.note}</small>}
    </li>
  );
}

/** Reasons as the policy words them; one that it does not name any more is told by its code. */
function wordsOf(codes: readonly string[], named: readonly CodedText[]): string[] {
  return codes.map((code) => named.find((one) => one.code === code)?.text ?? code.replaceAll("_", " "));
}
