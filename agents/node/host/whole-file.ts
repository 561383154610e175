// A file that is there whole or not at all, whatever the moment the power goes: two generations, each with a checksum.
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";

const formatVersion = 1;

/** `lares <format> <generation> <sha256 of the body>`, a newline, the body. */
function encode(generation: number, body: string): string {
  return `lares ${formatVersion} ${generation} ${checksum(body)}\n${body}`;
}

type Generation = { readonly generation: number; readonly body: string };

/** Null for anything that was not written whole by `encode`. */
export function decode(text: string): Generation | null {
  const end = text.indexOf("\n");
  const [name, format, generation, sum] = text.slice(0, Math.max(end, 0)).split(" ");
  const body = text.slice(end + 1);
  if (name !== "lares" || Number(format) !== formatVersion || sum !== checksum(body)) return null;
  return { generation: Number(generation), body };
}

function checksum(body: string): string {
  return createHash("sha256").update(body).digest("hex");
}

export class WholeFile {
  readonly #slots: readonly [string, string];
  #generation = 0;
  /** Of the slots: which holds the newer generation. */
  #newest = 1;
  /** Of the body that is there; the body itself may be large. */
  #sum: string | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** Generations are kept at `<path>.a` and `<path>.b`. */
  constructor(path: string) {
    this.#slots = [`${path}.a`, `${path}.b`];
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  }

  /** The newest generation that can be read; undefined when there is none. */
  async read(): Promise<string | undefined> {
    const found = await Promise.all(this.#slots.map(readGeneration));
    let body: string | undefined;
    for (const [slot, generation] of found.entries()) {
      if (generation === null || generation.generation < this.#generation) continue;
      this.#generation = generation.generation;
      this.#newest = slot;
      body = generation.body;
    }
    this.#sum = body === undefined ? undefined : checksum(body);
    return body;
  }

  /** Done when it would survive a loss of power. What is there already is not written again. */
  write(body: string): Promise<void> {
    // One after the other; a write that fails does not fail the next.
    const result = this.#writing.catch(() => {}).then(() => this.#write(body));
    this.#writing = result;
    return result;
  }

  async #write(body: string): Promise<void> {
    const sum = checksum(body);
    if (sum === this.#sum) return;
    const slot = 1 - this.#newest;
    const path = this.#slots[slot] ?? this.#slots[0];
    const file = await open(`${path}.new`, "w", 0o600);
    try {
      await file.writeFile(encode(this.#generation + 1, body));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
    await syncDirectory(dirname(path));
    this.#generation += 1;
    this.#newest = slot;
    this.#sum = sum;
  }
}

async function readGeneration(path: string): Promise<Generation | null> {
  try {
    return decode(await readFile(path, "utf8"));
  } catch {
    return null;
  }
}

/** Without it the new name may be lost with the power. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
