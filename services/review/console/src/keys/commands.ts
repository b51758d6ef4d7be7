import type { Layer } from "./registry";

interface Command {
  /** The key it has until somebody gives it another. */
  readonly key: string;
  readonly label: string;
  readonly group: string;
  readonly layer?: Layer;
  readonly repeats?: boolean;
  /** Enter and Escape mean the same everywhere and stay where they are. */
  readonly fixed?: boolean;
}

const define = <Name extends string>(commands: Readonly<Record<Name, Command>>): Readonly<Record<Name, Command>> =>
  commands;

/** Everything a single key does, outcomes and reasons apart: those belong to the decision type of the case. */
export const COMMANDS = define({
  down: { key: "j", label: "next in the queue", group: "Queue", repeats: true },
  up: { key: "k", label: "previous in the queue", group: "Queue", repeats: true },
  open: { key: "Enter", label: "open the next case", group: "Queue", fixed: true },
  queue: { key: "g", label: "go to another queue", group: "Queue" },
  tenant: { key: "w", label: "work for another tenant", group: "Queue" },
  facts: { key: "f", label: "show all facts, or the first", group: "Case" },
  cover: { key: "h", label: "show or cover long texts", group: "Case" },
  note: { key: "n", label: "write a note", group: "Case" },
  first: { key: "u", label: "take the more urgent case first", group: "Case" },
  skip: { key: "s", label: "skip", group: "Case" },
  comment: { key: "c", label: "comment on the case", group: "Case" },
  ask: { key: "i", label: "ask for information", group: "Case" },
  escalate: { key: "x", label: "escalate", group: "Case" },
  recuse: { key: "q", label: "recuse yourself", group: "Case" },
  tag: { key: "t", label: "tag", group: "Case" },
  back: { key: "b", label: "put it back into the queue", group: "Case" },
  more: { key: "m", label: "more to do with the case", group: "Case" },
  reverse: { key: "o", label: "open a decision again", group: "Case" },
  edit: { key: "e", label: "edit the terms", group: "Decide" },
  undo: { key: "z", label: "take the last decision back", group: "Decide" },
  search: { key: "/", label: "search", group: "Everywhere" },
  help: { key: "?", label: "show the keys", group: "Everywhere" },
  record: { key: "Enter", label: "record it", group: "Reasons", layer: "panel", fixed: true },
  cancel: { key: "Escape", label: "not yet", group: "Reasons", layer: "panel", fixed: true },
});

export type CommandName = keyof typeof COMMANDS;

export const COMMAND_NAMES = Object.keys(COMMANDS) as readonly CommandName[];
