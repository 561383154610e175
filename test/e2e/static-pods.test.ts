// A pod that a node runs by itself, as people see it with kubectl, with the control plane and without.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Cluster, until } from "./support/cluster.ts";

let cluster: Cluster;
let manifest: string;

const text = (counted: string) => `apiVersion: v1
kind: Pod
metadata:
  name: counter
  labels: {app: counter}
spec:
  terminationGracePeriodSeconds: 1
  containers:
    - name: main
      image: none
      command: [sh, -c, "echo $$$$ >> ${counted}; env | grep ^KUBERNETES_SERVICE > ${counted}.env; exec sleep 10000"]
`;

beforeAll(async () => {
  cluster = await Cluster.start({ runtime: "process", nodes: 1 });
  const directory = join(cluster.dir, "nodes/edge-1/manifests");
  mkdirSync(directory, { recursive: true });
  manifest = join(directory, "counter.yaml");
}, 90_000);

afterAll(async () => {
  await cluster?.remove();
});

const counted = () => join(cluster.dir, "counted");

/** The processes that the pod has been, one after the other. */
function processes(): readonly string[] {
  return existsSync(counted()) ? readFileSync(counted(), "utf8").trim().split("\n") : [];
}

function isAlive(pid: string | undefined): boolean {
  return pid !== undefined && existsSync(`/proc/${pid}`);
}

async function uid(): Promise<string> {
  return cluster.kubectl.ok("get pod counter-edge-1 --ignore-not-found -o jsonpath={.metadata.uid}");
}

test("a manifest on a node is a pod there, whoever deletes its mirror, until the manifest goes", async () => {
  writeFileSync(manifest, text(counted()));
  const shown = "get pod counter-edge-1 --ignore-not-found -o jsonpath={.status.phase}/{.spec.nodeName}";
  await until(async () => (await cluster.kubectl.ok(shown)) === "Running/edge-1", 60_000);
  const first = await uid();
  const [process] = processes();
  expect(isAlive(process)).toBe(true);
  expect(readFileSync(`${counted()}.env`, "utf8")).toContain("KUBERNETES_SERVICE_HOST=127.0.0.1");

  await cluster.kubectl.ok("delete pod counter-edge-1");
  await until(async () => {
    const now = await uid();
    return now !== "" && now !== first;
  }, 60_000);
  expect(processes()).toEqual([process]);
  expect(isAlive(process)).toBe(true);

  expect(await cluster.kubectl.ok("drain edge-1 --ignore-daemonsets")).toContain("edge-1 drained");
  expect(isAlive(process)).toBe(true);

  rmSync(manifest);
  await until(async () => !isAlive(process) && (await uid()) === "", 60_000);
}, 240_000);

test("a manifest that names what only the control plane has is told of at the node", async () => {
  const directory = join(cluster.dir, "nodes/edge-1/manifests");
  const asking = text(counted()).replace(
    "spec:\n",
    "spec:\n  volumes: [{name: settings, configMap: {name: settings}}]\n",
  );
  writeFileSync(join(directory, "asking.yaml"), asking);
  await until(async () => {
    const told = await cluster.kubectl.ok("describe node edge-1");
    return /FailedValidation +\S+ +\S+ +Error validating the static pod of asking\.yaml: spec\.volumes\[0\]\.configMap: /.test(
      told,
    );
  }, 60_000);
}, 90_000);
