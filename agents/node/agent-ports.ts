// What an agent is given.

import type { TokenSource } from "./assignment/objects.ts";
import type { Hold } from "./hold.ts";
import type { Directories } from "./pod/container-config.ts";
import type {
  Checkpoint,
  Clock,
  Connection,
  ConnectionListener,
  LocalApi,
  Log,
  Network,
  NodeFacts,
  Random,
  Sessions,
} from "./ports.ts";
import type { Runtime } from "./runtime/runtime.ts";
import type { MirrorPost } from "./static-pods/mirrors.ts";
import type { StaticPods } from "./static-pods/static-pod.ts";
import type { Volumes } from "./volume/volumes.ts";

export type AgentPorts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly runtime: Runtime;
  readonly network: Network;
  readonly volumes: Volumes;
  readonly checkpoint: Checkpoint;
  readonly nodeFacts: NodeFacts;
  /** Absent: nobody can hold this node. */
  readonly hold?: Hold;
  readonly tokens: TokenSource;
  readonly connect: (listener: ConnectionListener) => Connection;
  /** Absent: the node runs no pods of its own. */
  readonly staticPods?: { readonly source: StaticPods; readonly post: MirrorPost };
  /** Absent: none is served. */
  readonly localApi?: LocalApi | undefined;
  /** Absent: none are taken on. */
  readonly sessions?: Sessions | undefined;
};

export type AgentOptions = {
  /** The node's name. */
  readonly node: string;
  readonly directories: Directories;
};
