import { Button, CloseButton, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";

import { Trouble } from "../ui/Page";
import styles from "./CasesPage.module.css";
import { addressOf, filtersOf, isEmpty, type Search, searchFrom } from "./search";
import { useForgetView, useKeepView, useSavedViews } from "./useCases";

interface SavedViewsProps {
  readonly search: Search;
  readonly onChange: (search: Search) => void;
}

/** Searches that are kept, one press away; and the one at hand, to be kept. */
export function SavedViews({ search, onChange }: SavedViewsProps) {
  const views = useSavedViews();
  const forget = useForgetView();
  const here = addressOf(search).toString();
  const kept = views.data?.some(({ filters }) => addressOf(searchFrom(filters)).toString() === here) ?? false;
  return (
    <div className={styles.views} role="group" aria-label="Kept searches">
      {views.data?.map(({ name, filters }) => {
        const view = searchFrom(filters);
        const current = addressOf(view).toString() === here;
        return (
          <span key={name} className={styles.view} data-current={current}>
            <button type="button" aria-pressed={current} onClick={() => onChange(view)}>
              {name}
            </button>
            <CloseButton size="xs" aria-label={`Forget ${name}`} onClick={() => forget.mutate(name)} />
          </span>
        );
      })}
      {!isEmpty(search) && !kept && <Keep key={here} search={search} />}
      <Trouble error={views.error ?? forget.error} />
    </div>
  );
}

function Keep({ search }: { search: Search }) {
  const [naming, begin] = useState(false);
  const [name, setName] = useState("");
  const keep = useKeepView();
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim()) keep.mutate({ name: name.trim(), filters: filtersOf(search) });
  };
  if (!naming) {
    return (
      <Button size="compact-sm" variant="subtle" onClick={() => begin(true)}>
        Keep this search
      </Button>
    );
  }
  return (
    <form className={styles.keep} onSubmit={submit}>
      <TextInput
        size="xs"
        autoFocus
        aria-label="Name of this search"
        placeholder="Its name"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Button size="compact-sm" type="submit" variant="default" disabled={!name.trim()} loading={keep.isPending}>
        Keep
      </Button>
      <Trouble error={keep.error} />
    </form>
  );
}
