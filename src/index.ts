// The Worker: what Cloudflare calls, and the Durable Objects it keeps.
import { dressed } from "./api/answer.ts";
import { app } from "./api/app.ts";
import { everyMinute } from "./cron.ts";
import type { Env } from "./env.ts";

export { ControllerManager } from "./durable/controller-manager.ts";
export { DaemonSetController } from "./durable/daemonset-controller.ts";
export { NodeShard } from "./durable/node-shard.ts";
export { Scheduler } from "./durable/scheduler.ts";
export { SelectorController } from "./durable/selector-controller.ts";
export { SessionRelay } from "./durable/session-relay.ts";
export { WatchHub } from "./durable/watch-hub.ts";

export default {
  fetch: async (request, env, context) => dressed(request, await app.fetch(request, env, context)),
  async scheduled(controller, env, context) {
    context.waitUntil(everyMinute(env, controller.scheduledTime));
  },
} satisfies ExportedHandler<Env>;
