import { Button, NativeSelect, Textarea } from "@mantine/core";
import { type FormEvent, type KeyboardEvent, useEffect, useEffectEvent, useId, useRef, useState } from "react";

import type { Claim } from "../../api/schema";
import { CommandKey } from "../../keys/Keycap";
import { useCommand } from "../../keys/KeyProvider";
import { Card } from "../../ui/Card";
import styles from "./AnswerCard.module.css";
import { schemaOf, termsFor } from "./answer";
import { Choices } from "./Choices";
import { type Category, departs, MOST_PRINCIPAL_REASONS, OTHER, type Part, toggle } from "./draft";
import { Preview, usePreview } from "./Preview";
import { TermsForm } from "./TermsForm";
import { termProblems } from "./terms";
import type { Decision } from "./useDecision";

const CATEGORIES: readonly { readonly value: Category; readonly label: string }[] = [
  { value: "none", label: "Not said" },
  { value: "ai_error", label: "The model is wrong" },
  { value: "edge_case", label: "An unusual case" },
  { value: "policy_change", label: "The policy has changed" },
  { value: "human_error", label: "An earlier human error" },
];

const TYPED_IN = "textarea, input:not([type=checkbox])";

interface AnswerCardProps {
  readonly claim: Claim;
  readonly decision: Decision;
}

/** Reasons and note, always at hand; once an outcome is chosen it also asks for what that outcome still needs. */
export function AnswerCard({ claim, decision }: AnswerCardProps) {
  const { context } = claim;
  const { draft, change, intent, needed, attempts } = decision;
  const form = useRef<HTMLFormElement>(null);
  const [numbered, setNumbered] = useState<Part>("reasons");
  const chosen = context.actions.outcomes.find(({ outcome }) => outcome === intent?.outcome);
  const asksPrincipal = chosen?.adverse ?? false;
  const digits = intent ? (numbered === "principal" && !asksPrincipal ? "reasons" : numbered) : null;

  const focusGap = useEffectEvent(() => {
    const part = needed[0]?.part ?? "terms";
    if (part === "principal" || part === "reasons") setNumbered(part);
    const target = form.current?.querySelector<HTMLElement>(`[data-part="${part}"] :is(input, textarea, select)`);
    form.current?.scrollIntoView({ block: "nearest" });
    target?.focus({ preventScroll: true });
  });
  useEffect(() => {
    if (attempts > 0) focusGap();
  }, [attempts]);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    decision.confirm();
  };
  const leaveOrSend = (event: KeyboardEvent) => {
    if (!(event.target instanceof HTMLElement && event.target.matches(TYPED_IN))) return;
    if (event.key === "Escape") event.target.blur();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && intent) form.current?.requestSubmit();
  };
  const reasons = [
    ...context.actions.reason_codes.filter(({ code }) => code !== OTHER),
    { code: OTHER, text: "other..." },
  ];

  return (
    <Card title={chosen ? `${chosen.label}: before it is recorded` : "Your reasons"} asking={intent !== null}>
      <form className={styles.form} ref={form} onSubmit={submit} onKeyDown={leaveOrSend} noValidate>
        {intent && <Needed decision={decision} />}
        {intent?.editing && <Terms claim={claim} decision={decision} outcome={intent.outcome} />}
        {asksPrincipal && (
          <PrincipalReasons
            claim={claim}
            decision={decision}
            numbered={digits === "principal"}
            onFocus={() => setNumbered("principal")}
          />
        )}
        <div data-part="reasons">
          <Choices
            legend="Your reasons"
            quiet={intent === null}
            options={reasons}
            selected={draft.codes}
            onToggle={(code) => change({ codes: toggle(draft.codes, code) })}
            numbered={digits === "reasons"}
            onFocus={() => setNumbered("reasons")}
          />
        </div>
        {draft.codes.includes(OTHER) && (
          <div data-part="words">
            <Textarea
              aria-label="The other reason, in words"
              placeholder="The other reason, in words"
              autosize
              minRows={1}
              value={draft.otherText}
              onChange={(event) => change({ otherText: event.currentTarget.value })}
            />
          </div>
        )}
        {intent && departs(context, intent.outcome) && (
          <NativeSelect
            className={styles.category ?? ""}
            label="What kind of difference is it?"
            data={[...CATEGORIES]}
            value={draft.category}
            onChange={(event) => change({ category: event.currentTarget.value as Category })}
          />
        )}
        <Note decision={decision} />
        {chosen && <Finish label={chosen.label} decision={decision} />}
      </form>
    </Card>
  );
}

function Needed({ decision: { needed } }: { decision: Decision }) {
  return (
    <p className={styles.needed} role="status">
      {needed.length > 0 ? `Still needed: ${needed.map(({ text }) => text).join("; ")}.` : "Complete."}
    </p>
  );
}

function Terms({ claim, decision, outcome }: AnswerCardProps & { readonly outcome: string }) {
  const { draft, change, attempts } = decision;
  const schema = schemaOf(claim.context, outcome);
  const terms = termsFor(claim.context, outcome, draft);
  const sound = termProblems(schema, terms).length === 0;
  const preview = usePreview(claim, outcome, terms, sound);
  const offered = claim.context.actions.outcomes.filter((choice) => choice.params_schema);
  return (
    <div data-part="terms" className={styles.terms}>
      {offered.length > 1 && (
        <NativeSelect
          label="Outcome"
          data={offered.map((choice) => ({ value: choice.outcome, label: choice.label }))}
          value={outcome}
          onChange={(event) => decision.edit(event.currentTarget.value)}
        />
      )}
      <TermsForm
        schema={schema}
        terms={draft.terms[outcome] ?? terms}
        facts={claim.context.key_facts}
        strict={attempts > 1}
        onChange={(next) => change({ terms: { ...draft.terms, [outcome]: next } })}
      />
      {sound && <Preview preview={preview.data} error={preview.error} />}
    </div>
  );
}

interface PrincipalReasonsProps extends AnswerCardProps {
  readonly numbered: boolean;
  readonly onFocus: () => void;
}

function PrincipalReasons({ claim, decision: { draft, change }, numbered, onFocus }: PrincipalReasonsProps) {
  const options = claim.context.actions.principal_reason_codes;
  const hint = "one to four; the person affected is told these";
  return (
    <div data-part="principal">
      {options.length > 0 ? (
        <Choices
          legend="Principal reasons"
          hint={hint}
          options={options}
          selected={draft.principal}
          onToggle={(code) => change({ principal: toggle(draft.principal, code, MOST_PRINCIPAL_REASONS) })}
          numbered={numbered}
          onFocus={onFocus}
        />
      ) : (
        <Textarea
          label="Principal reason"
          description={hint}
          autosize
          value={draft.principal.join("\n")}
          onChange={({ currentTarget: { value } }) =>
            change({ principal: value ? value.split("\n").slice(0, MOST_PRINCIPAL_REASONS) : [] })
          }
        />
      )}
    </div>
  );
}

function Note({ decision }: { decision: Decision }) {
  const note = useRef<HTMLTextAreaElement>(null);
  const kept = useId();
  const key = useCommand("note", { run: () => note.current?.focus() });
  return (
    <div className={styles.note}>
      <Textarea
        ref={note}
        aria-label="Note"
        aria-keyshortcuts={key}
        aria-describedby={decision.kept ? kept : undefined}
        placeholder="Note, kept as a draft while you type"
        autosize
        minRows={1}
        maxRows={6}
        value={decision.draft.note}
        onChange={(event) => decision.change({ note: event.currentTarget.value })}
        rightSection={<CommandKey of="note" />}
        rightSectionPointerEvents="none"
      />
      {decision.kept && (
        <p id={kept} className={styles.kept}>
          {decision.kept}
        </p>
      )}
    </div>
  );
}

function Finish({ label, decision }: { label: string; decision: Decision }) {
  useCommand("cancel", { run: decision.cancel });
  useCommand("record", { label: `record ${label}`, run: decision.confirm });
  return (
    <div className={styles.finish}>
      <Button type="submit" rightSection={<CommandKey of="record" />}>
        Record: {label}
      </Button>
      <Button type="button" variant="default" onClick={decision.cancel} rightSection={<CommandKey of="cancel" />}>
        Not yet
      </Button>
    </div>
  );
}
