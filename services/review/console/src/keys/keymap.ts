import { COMMAND_NAMES, type CommandName, COMMANDS } from "./commands";
import { normaliseKey } from "./registry";

/** The keys somebody has changed; every other command has the key it comes with. */
export type Keymap = Readonly<Partial<Record<CommandName, string>>>;

export type Remapped = { readonly keymap: Keymap } | { readonly refused: string };

export function keyOf(keymap: Keymap, name: CommandName): string {
  return keymap[name] ?? COMMANDS[name].key;
}

/** Gives a command another key, or says why it cannot have it. */
export function remap(keymap: Keymap, name: CommandName, pressed: string): Remapped {
  const key = normaliseKey(pressed);
  const refused = whyNot(keymap, name, key);
  if (refused) return { refused };
  const { [name]: _, ...others } = keymap;
  return { keymap: key === COMMANDS[name].key ? others : { ...others, [name]: key } };
}

function whyNot(keymap: Keymap, name: CommandName, key: string): string | null {
  if (COMMANDS[name].fixed) return `${COMMANDS[name].key} always means this.`;
  if ([...key].length !== 1 || key === " ") return "Only a character can be a key of its own: a letter or a sign.";
  if (/^\d$/u.test(key)) return "Digits choose outcomes and reasons.";
  const holder = COMMAND_NAMES.find((other) => other !== name && keyOf(keymap, other) === key);
  return holder
    ? `"${key.toUpperCase()}" already means "${COMMANDS[holder].label}". Give that another key first.`
    : null;
}

/** Characters that are spoken for: a decision type cannot have them for an outcome. */
export function takenKeys(keymap: Keymap): ReadonlySet<string> {
  return new Set(COMMAND_NAMES.map((name) => keyOf(keymap, name)));
}

/** Reads what was stored. Whatever is not (or no longer) a possible map of keys is left out, command by command. */
export function readKeymap(stored: unknown): Keymap {
  if (typeof stored !== "object" || stored === null) return {};
  return COMMAND_NAMES.reduce<Keymap>((keymap, name) => {
    const key: unknown = (stored as Record<string, unknown>)[name];
    if (typeof key !== "string") return keymap;
    const next = remap(keymap, name, key);
    return "keymap" in next ? next.keymap : keymap;
  }, {});
}
