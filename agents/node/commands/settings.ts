// What a joined machine knows of its control plane: kept in the environment file that its unit reads.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { isFields, parseJson } from "../connection/protocol.ts";
import { CommandError, commandCodes } from "./output.ts";
import type { Places } from "./places.ts";

export type Settings = {
  readonly server: string;
  /** Further options of `agent run`, none of which may contain blanks. */
  readonly options: readonly string[];
};

const head =
  "# Read by lares-agent.service, or a shell. LARES_OPTIONS are further options of `lares agent run`, parted by blanks.";

export function settingsText({ server, options }: Settings): string {
  return `${head}\nLARES_SERVER=${server}\nLARES_OPTIONS="${options.join(" ")}"\n`;
}

/** Undefined: the machine has not joined. */
export function readSettings({ environment }: Pick<Places, "environment">): Settings | undefined {
  if (!existsSync(environment)) return undefined;
  const text = readFileSync(environment, "utf8");
  const value = (name: string) =>
    new RegExp(`^${name}=(.*)$`, "m")
      .exec(text)?.[1]
      ?.trim()
      .replace(/^"(.*)"$/, "$1") ?? "";
  const server = value("LARES_SERVER");
  if (server === "") return undefined;
  return { server, options: value("LARES_OPTIONS").split(/\s+/).filter(Boolean) };
}

export type Identity = { readonly server: string; readonly node: string; readonly credential: string };

/** Who this machine is to its control plane. */
export function readIdentity(stateDirectory: string): Identity {
  const path = join(stateDirectory, "credential");
  const content = existsSync(path) ? parseJson(readFileSync(path, "utf8")) : undefined;
  if (isFields(content)) {
    const { server, node, credential } = content;
    if (typeof server === "string" && typeof node === "string" && typeof credential === "string") {
      return { server, node, credential };
    }
  }
  throw new CommandError(
    `there is no credential in ${stateDirectory}: this machine has not joined`,
    commandCodes.absent,
  );
}
