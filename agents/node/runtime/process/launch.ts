// From a container's configuration to the command line, rights and surroundings of a process on this host.
import { statSync } from "node:fs";
import { hostname } from "node:os";
import { delimiter, join, resolve } from "node:path";

import { defaultPath, isExecutable } from "../../host/programs.ts";
import { expand } from "../../pod/expand.ts";
import { managedFile } from "../../volume/volumes.ts";
import type { ContainerConfig, LinuxSecurityContext, PodSandboxConfig } from "../runtime.ts";
import { containerIdVariable } from "./process-table.ts";
import { volumeVariable } from "./refusal.ts";

/** Why a process cannot be started, with the exit code that a shell would give. */
export type LaunchProblem = {
  readonly exitCode: number;
  readonly reason: "ContainerCannotRun" | "StartError";
  readonly message: string;
};

export type Launch = {
  readonly command: readonly string[];
  readonly environment: readonly (readonly [name: string, value: string])[];
  readonly workingDirectory: string;
};

export function launchOf(id: string, config: ContainerConfig, sandbox: Pick<PodSandboxConfig, "hostname">): Launch {
  const mounts = config.mounts.filter(({ volume }) => volume !== managedFile);
  const volumes = new Map(mounts.map(({ volume, hostPath }) => [volumeVariable(volume), hostPath]));
  const environment = new Map([
    ["PATH", defaultPath],
    ["HOSTNAME", sandbox.hostname === "" ? hostname() : sandbox.hostname],
    ...config.envs.map(({ key, value }) => [key, value] as const),
    [containerIdVariable, id],
  ]);
  return {
    command: [...config.command, ...config.args].map((word) => expandVolumes(word, volumes)),
    environment: [...environment],
    workingDirectory: config.workingDir === "" ? "/" : config.workingDir,
  };
}

/** The agent has expanded what it knows already; dollars that are left are the command's own. */
function expandVolumes(word: string, volumes: ReadonlyMap<string, string>): string {
  if (!word.includes("$(LARES_VOLUME_")) return word;
  return word.replaceAll(/\$\(LARES_VOLUME_[A-Z0-9_]*\)/g, (name) => expand(name, volumes));
}

/** Null when the command can be run. */
export function launchProblem({ command, environment, workingDirectory }: Launch): LaunchProblem | null {
  if (!isDirectory(workingDirectory)) {
    const message = `failed to change to the working directory ${JSON.stringify(workingDirectory)}: no such directory`;
    return { exitCode: 128, reason: "StartError", message };
  }
  const name = command[0] ?? "";
  const path = new Map(environment).get("PATH") ?? defaultPath;
  const candidates = name.includes("/")
    ? [resolve(workingDirectory, name)]
    : path.split(delimiter).map((directory) => join(resolve(workingDirectory, directory), name));
  if (candidates.some(isExecutable)) return null;
  const quoted = JSON.stringify(name);
  if (name.includes("/") && candidates.some(exists)) {
    return { exitCode: 126, reason: "ContainerCannotRun", message: `exec: ${quoted}: permission denied` };
  }
  const why = name.includes("/") ? `stat ${name}: no such file or directory` : "executable file not found in $PATH";
  return { exitCode: 127, reason: "ContainerCannotRun", message: `exec: ${quoted}: ${why}` };
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** The words before the command that give it its rights: none when it runs with the agent's own. */
export function rightsPrefix(context: LinuxSecurityContext, setpriv: string | null): readonly string[] {
  const options: string[] = [];
  const { runAsUser, runAsGroup, supplementalGroups, addCapabilities, dropCapabilities } = context;
  if (runAsUser !== undefined) options.push(`--reuid=${runAsUser}`);
  const group = runAsGroup ?? runAsUser;
  if (group !== undefined) options.push(`--regid=${group}`);
  if (supplementalGroups.length > 0) options.push(`--groups=${supplementalGroups.join(",")}`);
  else if (group !== undefined) options.push("--clear-groups");
  if (context.noNewPrivileges) options.push("--no-new-privs");
  if (dropCapabilities.length > 0) {
    const words = [
      ...dropCapabilities.map((name) => `-${capability(name)}`),
      ...addCapabilities.map((name) => `+${capability(name)}`),
    ];
    options.push("--inh-caps=-all", `--bounding-set=${words.join(",")}`);
  }
  return options.length === 0 || setpriv === null ? [] : [setpriv, ...options, "--"];
}

function capability(name: string): string {
  return name.toLowerCase().replace(/^cap_/, "");
}
