// Takes away what the programs of a test have left on the machine, in whatever state they ended.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { mountPoints } from "../agents/support/mounts.ts";

export type Owner = {
  /** All their files are below it. */
  readonly directory: string;
  /** Of their bridge, their network and their control group; those of several begin with it and a dash. */
  readonly name: string;
};

/** Processes, mounts, interfaces, rules of the packet filter, control groups, and the directory. */
export function removeLeftovers(owner: Owner): void {
  endProcesses(owner);
  removeNetwork(owner.name);
  for (const point of [...mountPoints(owner.directory)].reverse()) run("umount", "--lazy", point);
  removeControlGroups(owner.name);
  // Another one may be at it as well.
  rmSync(owner.directory, { recursive: true, force: true, maxRetries: 5 });
}

const killRounds = 50;

/** Those that were told of the directory, have a file of it open, or are in the control group. */
export function endProcesses(owner: Owner): void {
  for (let round = 0; round < killRounds; round++) {
    const pids = namesIn("/proc").filter((entry) => /^\d+$/.test(entry) && entry !== String(process.pid));
    const ours = pids.filter((pid) => isOf(owner, pid));
    if (ours.length === 0) return;
    for (const pid of ours) kill(Number(pid));
    execFileSync("sleep", ["0.02"]);
  }
}

function isOf({ directory, name }: Owner, pid: string): boolean {
  const groups = read(`/proc/${pid}/cgroup`).split("\n");
  if (groups.some((group) => /:\/([^/]+)/.exec(group)?.[1]?.split("-").slice(0, 2).join("-") === name)) return true;
  // The processes of a container may have no other trace of it than where their output goes.
  const files = namesIn(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  const told = [read(`/proc/${pid}/cmdline`), read(`/proc/${pid}/environ`), linkOf(`/proc/${pid}/cwd`), ...files];
  return told.some((text) => text.includes(directory));
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

/** What its daemon took away by itself is not there any more. */
function removeNetwork(name: string): void {
  const results = "/var/lib/cni/results";
  const ids = namesIn(results).flatMap((one) => (one.startsWith(`${name}-`) ? (/[0-9a-f]{64}/.exec(one) ?? []) : []));
  // With those of the loopback interfaces.
  const kept = namesIn(results).filter((one) => ids.some((id) => one.includes(id)));
  const links = run("ip", "-o", "link", "show", "master", name);
  const namespaces = [
    ...kept.flatMap((one) => [...read(join(results, one)).matchAll(/\/(cni-[0-9a-f-]+)"/g)]),
    ...links.matchAll(/link-netns (\S+)/g),
  ];
  for (const [, namespace = ""] of namespaces) {
    run("umount", "--lazy", `/run/netns/${namespace}`);
    rmSync(`/run/netns/${namespace}`, { force: true });
  }
  for (const one of kept) rmSync(join(results, one), { force: true });
  for (const [, interfaceName = ""] of links.matchAll(/^\d+: ([^@:]+)/gm)) run("ip", "link", "delete", interfaceName);
  const [, subnet] = /inet (\d+\.\d+\.\d+)\.\d+\//.exec(run("ip", "-o", "-4", "address", "show", "dev", name)) ?? [];
  run("ip", "link", "delete", name);
  for (const table of ["nat", "filter"]) removeRules(table, { name, subnet });
  removeNetavarkRules({ name, subnet });
}

/** Chains that are made for a network or a pod, unlike those that all share. */
const ownChain = /\b(?:CNI-(?:DN-)?[0-9a-f]{8,}|NETAVARK-(?:DN-)?[0-9A-F]{8,})\b/g;

/** CNI's rules name the network, Netavark's its addresses alone. */
function removeRules(table: string, { name, subnet }: { readonly name: string; readonly subnet: string | undefined }) {
  const isOurs = (rule: string) =>
    rule.includes(`name: \\"${name}\\"`) || (subnet !== undefined && rule.includes(` ${subnet}.`));
  const rules = run("iptables-save", "-t", table)
    .split("\n")
    .filter((rule) => rule.startsWith("-A ") && isOurs(rule));
  for (const rule of rules) run("iptables", "-w", "-t", table, "-D", ...words(rule).slice(1));
  for (const chain of new Set(rules.flatMap((rule) => rule.match(ownChain) ?? []))) {
    run("iptables", "-w", "-t", table, "-F", chain);
    run("iptables", "-w", "-t", table, "-X", chain);
  }
}

/** Newer releases of Netavark have a table of their own, where chains are named after the network's addresses. */
function removeNetavarkRules({ name, subnet }: { readonly name: string; readonly subnet: string | undefined }): void {
  const table = ["inet", "netavark"];
  const own = subnet === undefined ? [] : [` ${subnet}.`, `_${subnet.replaceAll(".", "_")}_`];
  const isOurs = (line: string) => [`"${name}"`, ...own].some((part) => line.includes(part));
  const chains = run("nft", "--handle", "list", "table", ...table)
    .split("\tchain ")
    .slice(1);
  const found = chains.map((text) => ({ chain: text.split(" ", 1)[0] ?? "", rules: text.split("\n").slice(1) }));
  for (const { chain, rules } of found) {
    for (const rule of rules.filter(isOurs)) {
      run("nft", "delete", "rule", ...table, chain, "handle", /# handle (\d+)/.exec(rule)?.[1] ?? "");
    }
  }
  for (const { chain } of found.filter(({ chain: one }) => isOurs(one))) {
    run("nft", "flush", "chain", ...table, chain);
    run("nft", "delete", "chain", ...table, chain);
  }
}

/** Words of a rule as `iptables-save` quotes them. */
function words(rule: string): readonly string[] {
  return [...rule.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? "") : quoted.replaceAll('\\"', '"'),
  );
}

/** In all hierarchies. */
export function removeControlGroups(name: string): void {
  const root = "/sys/fs/cgroup";
  for (const hierarchy of ["", ...namesIn(root)]) {
    for (const group of namesIn(join(root, hierarchy))) {
      if (group === name || group.startsWith(`${name}-`)) removeGroup(join(root, hierarchy, group));
    }
  }
}

function removeGroup(path: string): void {
  try {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) removeGroup(join(path, entry.name));
    }
    rmdirSync(path);
  } catch {
    // Something is still on its way out.
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}

/** What it prints; cleaning up goes on when something is gone already. */
function run(command: string, ...args: readonly string[]): string {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return "";
  }
}
