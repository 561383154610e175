// Clients that watch the ConfigMaps of a namespace, and others that change them.
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";

import { watchHub } from "../../../src/pokes.ts";
import * as api from "./api.ts";
import { head, logAfter } from "./cluster.ts";
import { until } from "./until.ts";
import type { SeenEvent } from "./watch.ts";
import { Watching } from "./watch.ts";

const watches: Watching[] = [];

export async function watch(path: string, options: Parameters<typeof Watching.start>[1] = {}): Promise<Watching> {
  const watching = await Watching.start(path, options);
  watches.push(watching);
  return watching;
}

export async function watchFrom(rv: number, path = api.configMaps): Promise<Watching> {
  return watch(`${path}${path.includes("?") ? "&" : "?"}resourceVersion=${rv}`);
}

/** The connections that the hub has. */
export function connections(): Promise<number> {
  return runInDurableObject(watchHub(env), (_hub, state) => state.getWebSockets().length);
}

/** So many watches are connected to the hub, and it follows the log for them. */
export async function connected(count: number): Promise<void> {
  await until(`${count} watches are connected`, async () => (await connections()) === count);
  await watchHub(env).poke();
}

export function configMap(name: string, fields: object = {}) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, ...fields };
}

/** Clients that create, change and delete, all at once; returns the last number given out. */
export async function stir(clients: number, prefix = "c"): Promise<number> {
  await Promise.all(
    Array.from({ length: clients }, async (_, index) => {
      const path = `${api.configMaps}/${prefix}-${index}`;
      await api.create(api.configMaps, configMap(`${prefix}-${index}`));
      await api.patch(path, { data: { x: "1" } });
      if (index % 3 === 0) await api.remove(path);
      else await api.patch(path, { data: { x: "2" } });
    }),
  );
  return head();
}

/** What the log says a watch of the ConfigMaps must have seen. */
export async function loggedAfter(after: number): Promise<readonly string[]> {
  const log = await logAfter(after);
  return log.filter(({ resource }) => resource === "configmaps").map(({ seq, type, name }) => `${seq} ${type} ${name}`);
}

export function numbered(events: readonly SeenEvent[]): readonly string[] {
  return events.map(({ type, object }) => `${object.metadata.resourceVersion} ${type} ${object.metadata.name}`);
}

/** Ends every watch that was begun here. */
export async function stopWatches(): Promise<void> {
  await Promise.all(watches.splice(0).map((watching) => watching.stop()));
}
