/**
 * The one place that knows which key does what.
 *
 * Three layers: "page" is always there, "panel" lies over it while a decision is being
 * completed, "dialog" shuts out everything below. The topmost layer that knows a key gets it.
 */
export type Layer = "page" | "panel" | "dialog";

export interface Binding {
  /** A character as the keyboard produces it ("a", "?", "1") or a name ("Enter", "Escape"). */
  readonly key: string;
  readonly layer: Layer;
  /** What the key does, as the help prints it. */
  readonly label: string;
  readonly group: string;
  /** Whether holding the key down repeats it. Only movement does. */
  readonly repeats?: boolean;
  readonly run: () => void;
}

export interface Press {
  readonly key: string;
  readonly modified: boolean;
  readonly repeat: boolean;
  /** The press happened where someone types text. */
  readonly inField: boolean;
  /** The focused thing has a meaning of its own for Enter and Space. */
  readonly onControl: boolean;
}

export class KeyClash extends Error {
  constructor(
    readonly refused: Binding,
    readonly holder: Binding,
  ) {
    super(`the key "${refused.key}" already means "${holder.label}"; it cannot also mean "${refused.label}"`);
    this.name = "KeyClash";
  }
}

const LAYERS: readonly Layer[] = ["dialog", "panel", "page"];

export function normaliseKey(key: string): string {
  return key.length === 1 ? key.toLowerCase() : key;
}

export class KeyRegistry {
  #bindings: readonly Binding[] = [];
  #listeners = new Set<() => void>();
  #dialogs = 0;

  /** Takes a binding and returns how to give it back. Throws KeyClash when the key is taken in that layer. */
  add(binding: Binding): () => void {
    const key = normaliseKey(binding.key);
    const holder = this.#bindings.find((other) => other.layer === binding.layer && normaliseKey(other.key) === key);
    if (holder) throw new KeyClash(binding, holder);
    this.#replace([...this.#bindings, binding]);
    return () => this.#replace(this.#bindings.filter((other) => other !== binding));
  }

  /** Shuts out the lower layers until the returned function is called. */
  openDialog(): () => void {
    this.#dialogs += 1;
    return () => {
      this.#dialogs -= 1;
    };
  }

  /** The binding a press is meant for, or undefined when it is nobody's business here. */
  resolve(press: Press): Binding | undefined {
    if (press.modified || press.inField) return undefined;
    if (press.onControl && (press.key === "Enter" || press.key === " ")) return undefined;
    const layers = this.#dialogs > 0 ? LAYERS.slice(0, 1) : LAYERS;
    const key = normaliseKey(press.key);
    for (const layer of layers) {
      const found = this.#bindings.find((binding) => binding.layer === layer && normaliseKey(binding.key) === key);
      if (found) return press.repeat && !found.repeats ? undefined : found;
    }
    return undefined;
  }

  readonly list = (): readonly Binding[] => this.#bindings;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  #replace(bindings: readonly Binding[]): void {
    this.#bindings = bindings;
    for (const listener of this.#listeners) listener();
  }
}
