// What the platform gives the Worker and its Durable Objects. Source: wrangler.toml.
import type { ControllerManager } from "./durable/controller-manager.ts";
import type { DaemonSetController } from "./durable/daemonset-controller.ts";
import type { NodeShard } from "./durable/node-shard.ts";
import type { Scheduler } from "./durable/scheduler.ts";
import type { SelectorController } from "./durable/selector-controller.ts";
import type { SessionRelay } from "./durable/session-relay.ts";
import type { WatchHub } from "./durable/watch-hub.ts";

export type Env = {
  readonly DB: D1Database;
  readonly DAEMON_SETS: DurableObjectNamespace<DaemonSetController>;
  readonly NODE_SHARDS: DurableObjectNamespace<NodeShard>;
  readonly WATCH_HUB: DurableObjectNamespace<WatchHub>;
  readonly CONTROLLER_MANAGER: DurableObjectNamespace<ControllerManager>;
  readonly SCHEDULER: DurableObjectNamespace<Scheduler>;
  readonly SELECTOR_CONTROLLER: DurableObjectNamespace<SelectorController>;
  readonly SESSION_RELAYS: DurableObjectNamespace<SessionRelay>;
  /** How many objects share the nodes among them; about one for each 1,000 nodes. */
  readonly NODE_SHARD_COUNT: string;
  /** SHA-256, in hex, of the first administrator's token; absent: tokens are in the database only. */
  readonly ADMIN_TOKEN_SHA256?: string;
};
