import { Button, CloseButton, Textarea, TextInput } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";

import { ago } from "../format/time";
import { useNow } from "../format/useNow";
import { CommandKey } from "../keys/Keycap";
import { useCommand } from "../keys/KeyProvider";
import { Card } from "../ui/Card";
import { Trouble } from "../ui/Page";
import { useKeptText } from "../ui/useKeptText";
import styles from "./TalkCard.module.css";
import { type About, useChangeTags, useComment, useComments, useTags } from "./useTalk";

/** What colleagues say about a case, and the tags it has. */
export function TalkCard({ about }: { about: About }) {
  return (
    <Card title="Tags and comments">
      <Tags about={about} />
      <Comments about={about} />
    </Card>
  );
}

function Tags({ about }: { about: About }) {
  const tags = useTags(about);
  const change = useChangeTags(about);
  const [text, setText] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const key = useCommand("tag", { run: () => field.current?.focus() });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const tag = text.trim();
    if (!tag) return;
    // What was typed while it was on its way is the next one.
    const done = () => setText((now) => (now.trim() === tag ? "" : now));
    change.mutate({ add: [tag] }, { onSuccess: done });
  };
  return (
    <form className={styles.tags} onSubmit={submit}>
      {tags.data?.map((tag) => (
        <span key={tag} className={styles.tag}>
          {tag}
          <CloseButton size="xs" aria-label={`Remove ${tag}`} onClick={() => change.mutate({ remove: [tag] })} />
        </span>
      ))}
      <TextInput
        ref={field}
        size="xs"
        aria-label="Tag"
        aria-keyshortcuts={key}
        placeholder="Tag"
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
        rightSection={<CommandKey of="tag" />}
        rightSectionPointerEvents="none"
      />
      <Trouble error={change.error ?? tags.error} />
    </form>
  );
}

function Comments({ about }: { about: About }) {
  const now = useNow(60_000);
  const comments = useComments(about);
  const { text, write, sent } = useKeptText(`comment.${about.tenant}/${about.caseId}`);
  const comment = useComment(about, sent);
  const field = useRef<HTMLTextAreaElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const key = useCommand("comment", { run: () => field.current?.focus() });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (text.trim()) comment.mutate(text.trim());
  };
  return (
    <>
      <ul className={styles.comments} aria-label="Comments">
        {comments.data?.map((one) => (
          <li key={one.comment_id}>
            <bdi>{one.comment}</bdi>
            <small>
              {one.mine ? "you" : (one.by ?? "a colleague")}, {ago(one.commented_at, now)}
            </small>
          </li>
        ))}
      </ul>
      <form ref={form} className={styles.say} onSubmit={submit}>
        <Textarea
          ref={field}
          size="xs"
          aria-label="Comment"
          aria-keyshortcuts={key}
          placeholder="Comment, on the record"
          autosize
          minRows={1}
          maxRows={6}
          value={text}
          onChange={(event) => write(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") event.currentTarget.blur();
            if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.current?.requestSubmit();
          }}
          rightSection={<CommandKey of="comment" />}
          rightSectionPointerEvents="none"
        />
        {text.trim() && (
          <Button type="submit" size="compact-sm" variant="default" loading={comment.isPending}>
            Comment
          </Button>
        )}
      </form>
      <Trouble error={comment.error ?? comments.error} />
    </>
  );
}
