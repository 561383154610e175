// A hold on disk, and the machine's time since its boot.
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { uptime } from "node:os";
import { dirname } from "node:path";

import { isFields, parseJson } from "../connection/protocol.ts";
import type { HoldStore, Moment, StoredHold } from "../hold.ts";

export class HoldFile implements HoldStore {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  now(): Moment {
    return { bootId: readText("/proc/sys/kernel/random/boot_id"), bootMs: sinceBootMs(), wallMs: Date.now() };
  }

  read(): StoredHold | undefined {
    const content = parseJson(readText(this.#path));
    if (!isFields(content) || !isFields(content["at"])) return undefined;
    const { reason, remainingMs, at } = content;
    const { bootId, bootMs, wallMs } = at;
    const isWhole = typeof reason === "string" && typeof bootId === "string";
    if (!isWhole || !isNumber(remainingMs) || !isNumber(bootMs) || !isNumber(wallMs)) return undefined;
    return { reason, remainingMs, at: { bootId, bootMs, wallMs } };
  }

  write(hold: StoredHold | undefined): void {
    if (hold === undefined) {
      rmSync(this.#path, { force: true });
      return;
    }
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const file = openSync(`${this.#path}.new`, "w", 0o600);
    writeSync(file, JSON.stringify(hold));
    fsyncSync(file);
    closeSync(file);
    renameSync(`${this.#path}.new`, this.#path);
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}

/** With the time that the machine slept, which process.hrtime leaves out. */
function sinceBootMs(): number {
  const seconds = Number(readText("/proc/uptime").split(" ")[0]);
  return Math.round((seconds > 0 ? seconds : uptime()) * 1000);
}
