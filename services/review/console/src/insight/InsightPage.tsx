import { NativeSelect } from "@mantine/core";

import type { Assessment, TypeSummary } from "../api/feedback";
import type { Me } from "../api/schema";
import { useTypeName } from "../cases/useCases";
import { Coming, Nothing, NotAmong, Page, Trouble } from "../ui/Page";
import { useAddressed } from "../ui/useAddressed";
import { CalibrationCard } from "./CalibrationCard";
import { EvidenceCard } from "./EvidenceCard";
import { FiguresTable } from "./FiguresTable";
import { Independence } from "./Independence";
import styles from "./Insight.module.css";
import { RiskCard } from "./RiskCard";
import { Tiles } from "./Tiles";
import { useAssessments, usePromise, useSummary } from "./useInsight";

const ALPHAS = [0.005, 0.01, 0.02, 0.05, 0.1];
// What is chosen within a decision type, in the address.
const POPULATION = "of";
const PROMISE = "promise";

/** What may run by itself, and whether it still keeps its promise. */
export default function InsightPage({ me }: { me: Me }) {
  const summary = useSummary();
  const called = useTypeName();
  const types = summary.data?.decision_types ?? [];
  const [asked, choose] = useAddressed("type", POPULATION, PROMISE);
  const named = types.find(({ decision_type: name }) => name === asked);
  const type = named ?? types[0];
  return (
    <Page
      title="What may run by itself, and is it still true?"
      beside={
        types.length > 1 && (
          <NativeSelect
            aria-label="Decision type"
            data={types.map(({ decision_type: name }) => ({ value: name, label: called(name) }))}
            value={type?.decision_type ?? ""}
            onChange={(event) => choose(event.currentTarget.value)}
          />
        )
      }
    >
      <Trouble error={summary.error} />
      <Coming when={summary.isPending} />
      {summary.data && asked && !named && (
        <NotAmong name={asked} those="that were counted for you; these figures are of another one" />
      )}
      {summary.data && !type && (
        <Nothing>There is no case to count yet. Figures appear here with the first ones, each with its count.</Nothing>
      )}
      {type && (
        <>
          <Tiles figures={type.total} />
          <Pictures key={type.decision_type} type={type} />
          <Independence me={me} decisionType={type.decision_type} />
          <FiguresTable type={type} />
          <HowToRead />
        </>
      )}
    </Page>
  );
}

/** What the figures are, by the names that they have on this page. */
function HowToRead() {
  return (
    <p className={styles.reading}>
      Automatic: share of all routed cases that the machine decided by itself. Wrong among automatic: share of randomly
      drawn automatic decisions for which people, asked blind, would have chosen another outcome; other terms of the
      same outcome do not count. Overridden: share of assisted reviews that chose another outcome than the proposal; it
      watches reviews and is not the model&rsquo;s error rate. Differs when unseen: share of answers given unseen that
      were another outcome than the proposal. Square brackets hold the exact 95 % interval. Weighted: each audit counted
      for as many decisions as it stands for, where some were likelier to be audited than others. A case with several
      reasons is counted under each of them.
    </p>
  );
}

/** The three pictures: what could be promised, whether the promise holds, whether confidences can be believed. */
function Pictures({ type }: { type: TypeSummary }) {
  const promise = usePromise(type.decision_type);
  const [asked, setAlpha] = useAddressed(PROMISE);
  const [wanted, choose] = useAddressed(POPULATION);
  const [tier] = wanted.split(" ");
  const promised = (tier && promise.data?.[tier]) || firstOf(promise.data);
  const alpha = ALPHAS.find((one) => String(one) === asked) ?? promised ?? 0.05;
  const assessments = useAssessments({ decisionType: type.decision_type, alpha });
  const byName = new Map(assessments.data?.map((one) => [nameOf(one), one]));
  const shown = byName.get(wanted) ?? mostLabelled(assessments.data);
  const alphas = [...new Set([...ALPHAS, alpha])].toSorted((one, other) => one - other);
  return (
    <>
      <div className={styles.question} role="group" aria-label="The promise">
        <NativeSelect
          label="Consequence and model"
          data={[...byName].map(([name, { labels, population }]) => ({
            value: name,
            // The model last: on a phone its name is what may be cut.
            label: `${population.tier}, ${labels === 1 ? "1 label" : `${labels} labels`}: ${population.model_name} ${population.model_version}`,
          }))}
          value={shown ? nameOf(shown) : ""}
          onChange={(event) => choose(event.currentTarget.value)}
        />
        <NativeSelect
          label="Promise: wrong at most"
          data={alphas.map((one) => ({
            value: String(one),
            label: `${Number((one * 100).toPrecision(3))} %${one === promised ? ", as the policy asks" : ""}`,
          }))}
          value={String(alpha)}
          onChange={(event) => setAlpha(event.currentTarget.value)}
        />
      </div>
      <Trouble error={assessments.error} />
      {assessments.data && !shown && (
        <Nothing>
          No case of this kind has been scored by a model yet: there is nothing that could be promised. It begins with
          blind answers, which people give at the desk.
        </Nothing>
      )}
      {shown && (
        <div className={styles.pictures}>
          <RiskCard assessment={shown} />
          <EvidenceCard population={shown.population} />
          <CalibrationCard population={shown.population} reliability={shown.reliability} refit={shown.refit} />
        </div>
      )}
    </>
  );
}

/** Certificates are for one tier of one model under one policy. */
function nameOf({ population: of }: Assessment): string {
  return [of.tier, of.tenant, of.model_name, of.model_version, of.calibrator_version, of.automation_sha256].join(" ");
}

function mostLabelled(assessments: readonly Assessment[] | undefined): Assessment | undefined {
  return assessments?.toSorted((one, other) => other.labels - one.labels)[0];
}

function firstOf(promises: Readonly<Record<string, number | null>> | undefined): number | null {
  return Object.values(promises ?? {}).find((alpha) => alpha !== null) ?? null;
}
