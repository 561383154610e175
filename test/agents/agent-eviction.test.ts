// The whole program on a machine that, by what it was told to keep free, has run out: who has to go, and what is told.
import { expect, test, vi } from "vitest";

import type { PodStatus } from "../../src/model/pod-status.ts";
import { AgentHarness } from "./support/agent-harness.ts";
import { assignedPod, container, template } from "./support/pods.ts";

const harness = new AgentHarness();

function start(...more: readonly string[]) {
  return harness.start("--runtime", "process", "--local-api-port", "off", "--stop-pods-on-exit", ...more);
}

/** It asks for some memory, as who asks for none is let in by no node that is short of it. */
const sleeping = container({ command: ["sleep", "100000"], resources: { requests: { memory: "1Ki" } } });
const low = template({ containers: [sleeping], terminationGracePeriodSeconds: 1 });
const high = template({ containers: [sleeping], terminationGracePeriodSeconds: 1, priority: 1000 });
const critical = template({ containers: [sleeping], priority: 2_000_001_000 });

function assign(): void {
  const pods = [
    assignedPod({ uid: "uid-high", name: "high", template: "high" }),
    assignedPod({ uid: "uid-low", name: "low", template: "low" }),
    assignedPod({ uid: "uid-critical", name: "critical", template: "critical" }),
  ];
  harness.plane.assign(pods, { low, high, critical });
}

/** The stand-in keeps what the agent sent, which made it as a PodStatus. */
const status = (name: string) => harness.plane.status(`uid-${name}`) as PodStatus | undefined;
const conditions = () => harness.plane.requests.flatMap(({ nodeReport }) => nodeReport?.conditions ?? []);
const patience = { timeout: 60_000, interval: 50 };

test("a node short of memory says so, and evicts its pods one by one when that lasts, but for critical ones", async () => {
  assign();
  const soft = ["--eviction-soft", "memory.available<1000Ti", "--eviction-soft-grace-period", "memory.available=15s"];
  start("--eviction-hard", "", ...soft, "--eviction-max-pod-grace-period", "5");
  await vi.waitFor(() => {
    expect(conditions()).toContainEqual(
      expect.objectContaining({ type: "MemoryPressure", status: "True", reason: "KubeletHasInsufficientMemory" }),
    );
  }, patience);
  await vi.waitFor(() => expect(status("low")).toMatchObject({ phase: "Failed", reason: "Evicted" }), patience);
  expect(status("low")?.message).toMatch(
    /^The node was low on resource: memory\. Threshold quantity: 1000Ti, available: \S+\. (Container main was using \S+, request is 1Ki, has larger consumption of memory\. )?$/,
  );
  expect(status("low")?.conditions).toContainEqual(
    expect.objectContaining({ type: "DisruptionTarget", status: "True", reason: "TerminationByKubelet" }),
  );
  await vi.waitFor(() => expect(status("high")).toMatchObject({ phase: "Failed", reason: "Evicted" }), patience);
  expect(status("critical")?.phase).toBe("Running");
  const reasons = harness.plane.events.map(({ reason, podUid = "the node" }) => `${reason} ${podUid}`);
  for (const told of ["EvictionThresholdMet the node", "Evicted uid-low"]) expect(reasons).toContain(told);
}, 180_000);

test("a node that is full takes no pods, and one with other thresholds does", async () => {
  start("--eviction-hard", "nodefs.available<1000Ti,nodefs.inodesFree<5%");
  await vi.waitFor(() => {
    expect(conditions()).toContainEqual(
      expect.objectContaining({ type: "DiskPressure", status: "True", reason: "KubeletHasDiskPressure" }),
    );
  }, patience);
  assign();
  const refused = { phase: "Failed", reason: "Evicted", message: "The node had condition: [DiskPressure]. " };
  await vi.waitFor(() => {
    expect(status("low")).toMatchObject(refused);
    expect(status("high")).toMatchObject(refused);
    expect(status("critical")?.phase).toBe("Running");
  }, patience);
}, 120_000);
