import type { Proposal } from "../api/router";
import { bandWords, type RaisedLimits } from "./bands";

/** Of the states that wait for signatures, what is read of them here; the router has checked them. */
interface State {
  readonly threshold?: number;
  readonly alpha: number;
  readonly delta: number;
  readonly errors: number;
  readonly labels: number;
  readonly model: { readonly name?: string | null; readonly version: string };
  readonly calibrator_version?: string | null;
  readonly method?: string;
  readonly model_name: string;
  readonly model_version: string;
  readonly evidence?: {
    readonly trip?: { readonly reason: string };
    readonly raised?: { readonly limits: readonly RaisedLimits[]; readonly reason: string };
  } | null;
}

/** What would hold once it is signed; null where the state does not say. */
export function said({ becomes, state }: Proposal): string | null {
  const one = state as unknown as State;
  if (becomes === "certificate.active" && one.threshold !== undefined) return promise(one, one.threshold);
  if (becomes === "calibrator.active" && one.method !== undefined)
    return `${one.method} ${one.calibrator_version} for ${one.model_name} ${one.model_version}.`;
  const { trip, raised } = one.evidence ?? {};
  if (trip) return `Tripped because: ${trip.reason}`;
  return raised ? `Now: ${bandWords(raised.limits)} (${raised.reason}).` : null;
}

function promise({ alpha, delta, errors, labels, model, calibrator_version: calibrator }: State, from: number): string {
  const speaker =
    [model.name, model.version].filter(Boolean).join(" ") + (calibrator ? `, calibrator ${calibrator}` : "");
  return `From a confidence of ${from} on at most ${points(alpha)} are wrong, ${points(1 - delta)} sure (${errors} of ${labels} were; model ${speaker}).`;
}

/** Without the last digits of a number that is not quite what was meant, and never rounded to certainty. */
function points(value: number): string {
  return `${Number((100 * value).toPrecision(12))} %`;
}

/** What speaks against signing, as the router found it, and the certificates that would end. */
export function against({ doubts, certificates_voided: voided }: Proposal): readonly string[] {
  const ends = voided.map(
    ({ tenant, tier, threshold }) =>
      `it voids the certificate of ${tenant}, ${tier} consequence, from a confidence of ${threshold} on`,
  );
  return [...doubts, ...ends];
}
