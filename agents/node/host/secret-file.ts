// A small file for the agent's eyes alone, which is there whole or not at all.
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Undefined: there is none that can be read. */
export function readSecretFile(path: string): string | undefined {
  try {
    // An earlier agent, or a backup that was put back, may have left it open.
    chmodSync(path, 0o600);
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

export function writeSecretFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const file = openSync(`${path}.new`, "w", 0o600);
  try {
    // All of it: a single write may put down a part and call that done.
    writeFileSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
  // Without it the new name may be lost with the power.
  const directory = openSync(dirname(path), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
