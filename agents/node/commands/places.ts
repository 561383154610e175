// Where an installed agent has its files. Everything may be put below another root, as for an image of a machine.
import { join } from "node:path";

export type Places = {
  readonly root: string;
  /** Releases, one a directory, and links to the one that runs and the one before. */
  readonly releases: string;
  readonly current: string;
  readonly previous: string;
  readonly program: string;
  readonly command: string;
  readonly unit: string;
  readonly rollbackUnit: string;
  readonly settings: string;
  readonly environment: string;
  readonly joinToken: string;
  readonly authority: string;
  readonly state: string;
  readonly log: string;
};

export const programName = "lares-agent.cjs";

export function placesBelow(root: string): Places {
  const at = (path: string) => join(root, path);
  const releases = at("opt/lares");
  return {
    root,
    releases,
    current: join(releases, "current"),
    previous: join(releases, "previous"),
    program: join(releases, "current", programName),
    command: at("usr/local/bin/lares"),
    unit: at("etc/systemd/system/lares-agent.service"),
    rollbackUnit: at("etc/systemd/system/lares-agent-rollback.service"),
    settings: at("etc/lares"),
    environment: at("etc/lares/agent.env"),
    joinToken: at("etc/lares/join-token"),
    authority: at("etc/lares/ca.crt"),
    state: at("var/lib/lares"),
    log: at("var/log"),
  };
}
