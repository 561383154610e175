// A program by the name of systemctl that does nothing but note down what it is told, for as long as it is let.
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";

const script = `#!/bin/sh
at="\${0%/*}"
test "$1" = --quiet && shift
echo "$*" >>"$at/asked"
while test -e "$at/hangs"; do sleep 0.02; done
test -e "$at/refuses" && echo "Failed to connect to bus: Connection refused" >&2 && exit 1
echo "$*" >>"$at/done"
`;

export class Systemctl {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "systemctl"), script);
    chmodSync(join(directory, "systemctl"), 0o755);
  }

  /** With it in the place of the machine's own. */
  get path(): string {
    return [this.#directory, process.env["PATH"]].join(delimiter);
  }

  /** `hangs`: nothing is done until it does not any more; `refuses`: nobody is there to be told. */
  set(state: "hangs" | "refuses", isSo: boolean): void {
    const file = join(this.#directory, state);
    if (isSo) writeFileSync(file, "");
    else rmSync(file, { force: true });
  }

  asked(): readonly string[] {
    return this.#lines("asked");
  }

  done(): readonly string[] {
    return this.#lines("done");
  }

  #lines(name: string): readonly string[] {
    const file = join(this.#directory, name);
    return existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n") : [];
  }
}
