export interface RaisedLimits {
  readonly high: number;
  readonly medium: number;
  readonly model_version?: string | null;
  readonly model_name?: string | null;
  readonly calibrator_version?: string | null;
}

/** By how much the limits lie higher, and for which models: from the router, which has checked it. */
export function bandWords(limits: readonly RaisedLimits[]): string {
  return limits
    .map((one) => {
      const speaker = [one.model_name, one.model_version, one.calibrator_version].filter(Boolean).join(" ");
      const moved = [one.high && `high +${one.high}`, one.medium && `medium +${one.medium}`].filter(Boolean).join(", ");
      return `${moved || "no higher"}${one.model_version ? ` for ${speaker}` : ""}`;
    })
    .join("; ");
}
