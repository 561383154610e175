// What happened, in words: the last of it for people, all of it as a hash for telling two runs apart.

const kept = 400;

export class Trace {
  readonly #lines: string[] = [];
  readonly #print: ((line: string) => void) | null;
  #hash = 0x811c9dc5;
  #count = 0;

  /** `print` gets every line as it comes; null: only the last lines are kept. */
  constructor(print: ((line: string) => void) | null) {
    this.#print = print;
  }

  add(atMs: number, text: string): void {
    const line = `${seconds(atMs)} ${text}`;
    for (let index = 0; index < line.length; index += 1) {
      this.#hash = Math.imul(this.#hash ^ line.charCodeAt(index), 0x01000193);
    }
    this.#count += 1;
    this.#lines.push(line);
    if (this.#lines.length > 2 * kept) this.#lines.splice(0, kept);
    this.#print?.(line);
  }

  /** Equal for runs in which the same things happened. */
  get hash(): string {
    return `${(this.#hash >>> 0).toString(16).padStart(8, "0")}-${this.#count}`;
  }

  last(count: number): readonly string[] {
    return this.#lines.slice(-count);
  }
}

const epochMs = Date.UTC(2026, 0, 1);

function seconds(atMs: number): string {
  return ((atMs - epochMs) / 1000).toFixed(3).padStart(9);
}
