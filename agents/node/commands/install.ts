// `lares agent install`: puts this very file where it is run from, and tells systemd. Doing it again changes nothing, and
// doing it with another release is the upgrade: pods run on over it.
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";

import { version } from "../version.ts";
import { say } from "./output.ts";
import type { Places } from "./places.ts";
import { programName } from "./places.ts";
import { readSettings } from "./settings.ts";
import * as systemd from "./systemd.ts";
import { rollbackUnitText, startCommand, unitText } from "./unit.ts";

export type InstallOptions = {
  readonly places: Places;
  readonly isDryRun: boolean;
  /** False: whoever asks sees to it that the agent runs. */
  readonly restarts: boolean;
};

export function install({ places, isDryRun, restarts }: InstallOptions): void {
  const steps = new Steps(isDryRun);
  const program = readFileSync(realpathSync(process.argv[1] ?? ""));
  const digest = createHash("sha256").update(program).digest("hex").slice(0, 12);
  const release = join(places.releases, `${version}-${digest}`);
  const settings = readSettings(places);
  const podsAreChildren = !/--runtime[= ](docker|cri)\b/.test(settings?.options.join(" ") ?? "");
  steps.file(join(release, programName), program, 0o755);
  const isNew = switchTo(release, places, steps);
  steps.link(places.command, relative(dirname(places.command), places.program));
  steps.directory(places.settings, 0o700);
  const unitIsNew = steps.file(places.unit, unitText({ engine: process.execPath, podsAreChildren }), 0o644);
  const rollbackIsNew = steps.file(places.rollbackUnit, rollbackUnitText, 0o644);
  forgetOthers(places, steps);
  if (!systemd.hasSystemd(places)) {
    for (const line of withoutSystemd(places)) steps.note(line);
    return;
  }
  if (unitIsNew || rollbackIsNew) steps.act("systemctl daemon-reload", systemd.reload);
  steps.act("systemctl enable lares-agent", systemd.enable);
  if (settings === undefined) steps.note("not joined yet: lares agent join TOKEN URL");
  else if (restarts && (isNew || unitIsNew || !systemd.isActive())) {
    steps.act("systemctl restart lares-agent (its pods run on)", systemd.restart);
  }
}

/** What is left to do for whoever installs it. */
function withoutSystemd({ root }: Places): readonly string[] {
  if (root !== "/") {
    return [`no systemd below ${root}: nothing is enabled; systemctl --root=${root} enable lares-agent does it`];
  }
  return [
    "no systemd runs here: nothing starts the agent after a reboot. lares agent join starts it this once.",
    "Have the machine's own init run this as root, again whenever it ends, and let what it has started live on then:",
    `  ${startCommand(process.execPath)}`,
    ...(existsSync("/run/openrc")
      ? ["With OpenRC: a script in /etc/init.d for supervise-daemon, and rc-update add."]
      : []),
  ];
}

/** Makes a release the current one, and the one that was so far the previous. True: it was another one. */
function switchTo(release: string, { current, previous }: Places, steps: Steps): boolean {
  const before = linkTarget(current);
  if (before === basename(release)) return false;
  if (before !== undefined) steps.link(previous, before);
  steps.link(current, basename(release));
  return true;
}

function linkTarget(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true ? readlinkSync(path) : undefined;
}

/** Releases that nothing leads to any more. */
function forgetOthers({ releases, current, previous }: Places, steps: Steps): void {
  if (!existsSync(releases)) return;
  const kept = new Set([linkTarget(current), linkTarget(previous)]);
  for (const entry of readdirSync(releases, { withFileTypes: true })) {
    if (!entry.isDirectory() || kept.has(entry.name)) continue;
    if (/^\d+\.\d+\.\d+.*-[0-9a-f]{12}$/.test(entry.name)) steps.remove(join(releases, entry.name));
  }
}

/** Does what it is told, or only says so; what is as it should be is left alone. */
class Steps {
  readonly #isDryRun: boolean;

  constructor(isDryRun: boolean) {
    this.#isDryRun = isDryRun;
  }

  note(text: string): void {
    say(text);
  }

  act(what: string, run: () => void): void {
    say(this.#isDryRun ? `would run ${what}` : what);
    if (!this.#isDryRun) run();
  }

  /** True: it was not there, or another. */
  file(path: string, content: string | Buffer, mode: number): boolean {
    if (existsSync(path) && readFileSync(path).equals(Buffer.from(content))) return false;
    say(`${this.#isDryRun ? "would write" : "wrote"} ${path}`);
    if (this.#isDryRun && typeof content === "string") say(content.replaceAll(/^/gm, "  "));
    if (this.#isDryRun) return true;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.new`, content, { mode });
    chmodSync(`${path}.new`, mode);
    renameSync(`${path}.new`, path);
    return true;
  }

  link(path: string, target: string): void {
    if (linkTarget(path) === target) return;
    say(`${this.#isDryRun ? "would link" : "linked"} ${path} to ${target}`);
    if (this.#isDryRun) return;
    mkdirSync(dirname(path), { recursive: true });
    rmSync(`${path}.new`, { force: true });
    symlinkSync(target, `${path}.new`);
    renameSync(`${path}.new`, path);
  }

  directory(path: string, mode: number): void {
    if (existsSync(path)) return;
    say(`${this.#isDryRun ? "would make" : "made"} ${path}`);
    if (!this.#isDryRun) mkdirSync(path, { recursive: true, mode });
  }

  remove(path: string): void {
    say(`${this.#isDryRun ? "would remove" : "removed"} ${path}`);
    if (!this.#isDryRun) rmSync(path, { recursive: true, force: true });
  }
}
