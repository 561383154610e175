// The minute's cron, as the platform runs it.
import { createExecutionContext, createScheduledController, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";

import worker from "../../../src/index.ts";

/** Runs what runs each minute, and waits until it has. */
export async function tick(atMs: number = Date.now()): Promise<void> {
  const controller = createScheduledController({ scheduledTime: atMs, cron: "* * * * *" });
  const context = createExecutionContext();
  await worker.scheduled(controller, env, context);
  await waitOnExecutionContext(context);
}
