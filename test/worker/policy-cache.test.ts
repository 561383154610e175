// How old the roles may be that an isolate decides by.
import { env } from "cloudflare:workers";
import { beforeEach, expect, it } from "vitest";

import { PolicyCache } from "../../src/api/policy-cache.ts";
import { decide } from "../../src/core/authorization.ts";
import { readMeter } from "../../src/store/meter.ts";
import * as api from "./support/api.ts";
import { newCluster } from "./support/cluster.ts";
import { binding, rbac, role } from "./support/rbac.ts";

const jane = { name: "jane", uid: "", groups: [], extra: {} };
const asked = {
  kind: "resource",
  verb: "list",
  group: "",
  resource: "pods",
  subresource: "",
  namespace: "default",
  name: "",
} as const;
const reading = { verbs: ["list"], apiGroups: [""], resources: ["pods"] };
const atMs = Date.UTC(2026, 5, 1);

beforeEach(newCluster);

async function mayJane(cache: PolicyCache, nowMs: number): Promise<boolean> {
  return decide(await cache.get(env.DB, nowMs), jane, asked).allowed;
}

// Each write is another isolate's: this cache is not told of it.
it.each<readonly [string, boolean, () => Promise<unknown>]>([
  [
    "makes a binding",
    true,
    () => api.create(rbac.roleBindings, binding("b", "Role/r", { kind: "User", name: "jane" })),
  ],
  ["removes a binding", false, () => api.remove(`${rbac.roleBindings}/a`)],
  ["changes a role", false, () => api.patch(`${rbac.roles}/r`, { rules: [{ ...reading, verbs: ["get"] }] })],
  [
    "replaces a binding by another",
    false,
    async () => {
      await api.remove(`${rbac.roleBindings}/a`);
      await api.create(rbac.roleBindings, binding("a", "Role/r", { kind: "User", name: "joe" }));
    },
  ],
])("that somebody else %s holds after a second", async (_what, after, write) => {
  await api.create(rbac.roles, role("r", reading));
  if (!after) await api.create(rbac.roleBindings, binding("a", "Role/r", { kind: "User", name: "jane" }));
  const cache = new PolicyCache();
  expect(await mayJane(cache, atMs)).toBe(!after);
  await write();
  expect(await mayJane(cache, atMs + 999)).toBe(!after);
  expect(await mayJane(cache, atMs + 1_000)).toBe(after);
});

it("what an isolate writes itself holds at once, also for what was being read", async () => {
  await api.create(rbac.roles, role("r", reading));
  const cache = new PolicyCache();
  const early = cache.get(env.DB, atMs);
  cache.forget();
  await early;
  await api.create(rbac.roleBindings, binding("a", "Role/r", { kind: "User", name: "jane" }));
  expect(await mayJane(cache, atMs)).toBe(true);
});

it("nothing is read within a second, and but a mark while nothing changes", async () => {
  const cache = new PolicyCache();
  const first = await cache.get(env.DB, atMs);
  const before = readMeter();
  for (let passedMs = 0; passedMs < 1_000; passedMs += 100) await cache.get(env.DB, atMs + passedMs);
  expect(readMeter()).toEqual(before);
  expect(await cache.get(env.DB, atMs + 1_000)).toBe(first);
  expect(readMeter().batches).toBe(before.batches + 1);
});

it("an administrator makes nobody read roles", async () => {
  await api.list(api.pods);
  const before = readMeter();
  await api.list(api.pods);
  const listed = readMeter();
  await api.call("/api");
  expect(readMeter()).toEqual(listed);
  expect(listed.batches - before.batches).toBe(1);
});
