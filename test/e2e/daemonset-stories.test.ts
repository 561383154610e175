// What a user sees who drives a cluster of three nodes with kubectl.
import { afterAll, beforeAll, expect, it } from "vitest";

import { Cluster, until } from "./support/cluster.ts";
import type { Kubectl } from "./support/kubectl.ts";
import { cells } from "./support/kubectl.ts";
import { datastore, fluentd, fluentdElasticsearch, logCollector, nginxFastStorage } from "./support/manifests.ts";

let cluster: Cluster;
let kubectl: Kubectl;

beforeAll(async () => {
  cluster = await Cluster.start({ runtime: "fake", nodes: 3 });
  kubectl = cluster.kubectl;
}, 90_000);

afterAll(async () => {
  await cluster?.remove();
}, 60_000);

/** The nodes on which pods of a selector stand, in order. */
async function nodesOf(selector: string): Promise<readonly string[]> {
  const printed = await kubectl.ok(`get pods -A -l ${selector} -o jsonpath={.items[*].spec.nodeName}`);
  return printed
    .split(" ")
    .filter((name) => name !== "")
    .sort();
}

async function rolledOut(name: string): Promise<void> {
  expect(await kubectl.ok(`rollout status daemonsets ${name} --timeout=30s`)).toContain(
    `daemon set "${name}" successfully rolled out`,
  );
}

it("the nodes are Ready and untainted", async () => {
  await kubectl.ok("wait node --all --for=condition=Ready --timeout=10s");
  const rows = cells(await kubectl.ok("get nodes --no-headers"));
  expect(rows.map(([name, status, roles]) => [name, status, roles])).toEqual([
    ["edge-1", "Ready", "<none>"],
    ["edge-2", "Ready", "<none>"],
    ["edge-3", "Ready", "<none>"],
  ]);
  expect(await kubectl.ok("get nodes -o jsonpath={.items[*].spec.taints}")).toBe("");
});

it("fluentd runs on all nodes and reads as it does elsewhere", async () => {
  expect(await kubectl.ok("create -f -", fluentd)).toBe("daemonset.apps/fluentd created\n");
  await rolledOut("fluentd");
  const [header, row] = cells(await kubectl.ok("get daemonset fluentd"));
  expect(header).toEqual(["NAME", "DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "NODE SELECTOR", "AGE"]);
  expect(row?.slice(0, 7)).toEqual(["fluentd", "3", "3", "3", "3", "3", "<none>"]);
  const [podHeader, ...pods] = cells(await kubectl.ok("get pods -l app=fluentd -o wide"));
  expect(podHeader).toEqual([
    "NAME",
    "READY",
    "STATUS",
    "RESTARTS",
    "AGE",
    "IP",
    "NODE",
    "NOMINATED NODE",
    "READINESS GATES",
  ]);
  expect(pods.map((pod) => [pod[1], pod[2], pod[3], pod[6]]).sort()).toEqual([
    ["1/1", "Running", "0", "edge-1"],
    ["1/1", "Running", "0", "edge-2"],
    ["1/1", "Running", "0", "edge-3"],
  ]);
  for (const [name] of pods) expect(name).toMatch(/^fluentd-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
});

it("describe shows the DaemonSet, its pods and its events", async () => {
  const described = await kubectl.ok("describe daemonset fluentd");
  for (const line of [
    /^Name: +fluentd$/m,
    /^Selector: +app=fluentd$/m,
    /^Node-Selector: +<none>$/m,
    /^Labels: +app=fluentd$/m,
    /^Annotations: +deprecated.daemonset.template.generation: 1$/m,
    /^Desired Number of Nodes Scheduled: 3$/m,
    /^Current Number of Nodes Scheduled: 3$/m,
    /^Number of Nodes Scheduled with Up-to-date Pods: 3$/m,
    /^Number of Nodes Scheduled with Available Pods: 3$/m,
    /^Number of Nodes Misscheduled: 0$/m,
    /^Pods Status: +3 Running \/ 0 Waiting \/ 0 Succeeded \/ 0 Failed$/m,
    /Image: +fluent\/fluentd:v1.16$/m,
    /Normal +SuccessfulCreate .* daemonset-controller +Created pod: fluentd-/,
  ]) {
    expect(described).toMatch(line);
  }
  const [pod] = cells(await kubectl.ok("get pods -l app=fluentd --no-headers"));
  const described2 = await kubectl.ok(`describe pod ${pod?.[0]}`);
  expect(described2).toMatch(/^Controlled By: +DaemonSet\/fluentd$/m);
  expect(described2).toMatch(/Scheduled .* default-scheduler +Successfully assigned default\/fluentd-/);
  expect(described2).toMatch(/Started .* kubelet +Started container fluentd/);
  expect(await kubectl.ok("describe node edge-1")).toMatch(/fluentd-[a-z0-9]{5} +0 \(0%\)/);
});

it("apply after create warns, then finds nothing to change", async () => {
  const first = await kubectl.run("apply -f -", fluentd);
  expect(first.stdout).toBe("daemonset.apps/fluentd configured\n");
  expect(first.stderr).toContain("missing the kubectl.kubernetes.io/last-applied-configuration annotation");
  expect(await kubectl.ok("apply -f -", fluentd)).toBe("daemonset.apps/fluentd unchanged\n");
});

it("a deleted pod is replaced", async () => {
  const [pod] = cells(await kubectl.ok("get pods -l app=fluentd --no-headers"));
  const name = pod?.[0] ?? "";
  expect(await kubectl.ok(`delete pod ${name}`)).toContain(`pod "${name}" deleted`);
  await until(async () => (await nodesOf("app=fluentd")).length === 3);
  await rolledOut("fluentd");
  expect(await kubectl.refused(`get pod ${name}`)).toContain(`pods "${name}" not found`);
});

it("set image rolls node by node; history and undo tell and reverse it", async () => {
  const before = (await kubectl.ok("get pods -l app=fluentd -o name")).split("\n").sort();
  expect(await kubectl.ok("set image daemonset/fluentd fluentd=fluent/fluentd:v1.17")).toBe(
    "daemonset.apps/fluentd image updated\n",
  );
  await rolledOut("fluentd");
  expect(await kubectl.ok("get pods -l app=fluentd -o jsonpath={.items[*].spec.containers[0].image}")).toBe(
    "fluent/fluentd:v1.17 fluent/fluentd:v1.17 fluent/fluentd:v1.17",
  );
  expect((await kubectl.ok("get pods -l app=fluentd -o name")).split("\n").sort()).not.toEqual(before);
  expect(await kubectl.ok("rollout history daemonset/fluentd")).toBe(
    "daemonset.apps/fluentd \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n\n",
  );
  expect(await kubectl.ok("rollout history daemonset/fluentd --revision=1")).toContain("fluent/fluentd:v1.16");
  expect(await kubectl.ok("rollout undo daemonset/fluentd --to-revision=2")).toBe(
    "daemonset.apps/fluentd skipped rollback (current template already matches revision 2)\n",
  );
  expect(await kubectl.ok("rollout undo daemonset/fluentd")).toBe("daemonset.apps/fluentd rolled back\n");
  await rolledOut("fluentd");
  expect(await kubectl.ok("get pods -l app=fluentd -o jsonpath={.items[*].spec.containers[0].image}")).toBe(
    "fluent/fluentd:v1.16 fluent/fluentd:v1.16 fluent/fluentd:v1.16",
  );
  expect(await kubectl.ok("rollout history daemonset/fluentd")).toBe(
    "daemonset.apps/fluentd \nREVISION  CHANGE-CAUSE\n2         <none>\n3         <none>\n\n",
  );
  expect(
    cells(await kubectl.ok("get controllerrevisions --no-headers"))
      .map(([, owner, number]) => [owner, number])
      .sort(),
  ).toEqual([
    ["daemonset.apps/fluentd", "2"],
    ["daemonset.apps/fluentd", "3"],
  ]);
});

it("restart replaces all pods", async () => {
  const before = await kubectl.ok("get pods -l app=fluentd -o name");
  expect(await kubectl.ok("rollout restart daemonset/fluentd")).toBe("daemonset.apps/fluentd restarted\n");
  await rolledOut("fluentd");
  const after = await kubectl.ok("get pods -l app=fluentd -o name");
  for (const name of before.split("\n").filter((line) => line !== "")) expect(after).not.toContain(name);
  expect(await kubectl.refused("rollout pause daemonset/fluentd")).toContain("pausing is not supported");
});

it("a broken rollout stops at maxUnavailable, and undo heals it", async () => {
  await kubectl.ok("set image daemonset/fluentd fluentd=fluent/fluentd:never");
  await until(async () => (await kubectl.ok("get pods -l app=fluentd")).includes("ImagePull"));
  expect(await kubectl.refused("rollout status daemonset/fluentd --timeout=2s")).toMatch(/timed out|deadline exceeded/);
  const rows = cells(await kubectl.ok("get pods -l app=fluentd --no-headers"));
  expect(rows.filter((row) => row[2] === "Running")).toHaveLength(2);
  expect(rows).toHaveLength(3);
  expect(await kubectl.ok("get ds fluentd -o jsonpath={.status.numberUnavailable}")).toBe("1");
  await kubectl.ok("rollout undo daemonset/fluentd");
  await rolledOut("fluentd");
  expect(cells(await kubectl.ok("get pods -l app=fluentd --no-headers")).map((row) => row[2])).toEqual([
    "Running",
    "Running",
    "Running",
  ]);
});

it("the documentation's fluentd-elasticsearch runs in kube-system", async () => {
  expect(await kubectl.ok("apply -f -", fluentdElasticsearch)).toBe("daemonset.apps/fluentd-elasticsearch created\n");
  await kubectl.ok("rollout status daemonset fluentd-elasticsearch -n kube-system --timeout=30s");
  const [, pod] = cells(await kubectl.ok("get pods -n kube-system -l name=fluentd-elasticsearch"));
  const described = await kubectl.ok(`describe pod ${pod?.[0]} -n kube-system`);
  expect(described).toMatch(/memory: +200Mi/);
  expect(described).toMatch(/QoS Class: +Burstable/);
  expect(described).toMatch(/node-role.kubernetes.io\/control-plane:NoSchedule op=Exists/);
  expect(described).toMatch(/node.kubernetes.io\/not-ready:NoExecute op=Exists/);
  expect(await kubectl.ok("get daemonsets -A --no-headers")).toMatch(/^kube-system +fluentd-elasticsearch +3 +3 +3/m);
  expect(await kubectl.ok("delete -f -", fluentdElasticsearch)).toContain(
    'daemonset.apps "fluentd-elasticsearch" deleted',
  );
  await until(async () => (await nodesOf("name=fluentd-elasticsearch")).length === 0);
});

it("pods follow node labels", async () => {
  await kubectl.ok("apply -f -", nginxFastStorage);
  await kubectl.ok("apply -f -", datastore);
  expect(await nodesOf("app=nginx")).toEqual([]);
  expect(await kubectl.ok("label nodes edge-1 ssd=true")).toBe("node/edge-1 labeled\n");
  await until(async () => (await nodesOf("app=nginx")).join() === "edge-1");
  await rolledOut("nginx-fast-storage");
  expect(await kubectl.ok("get nodes --selector ssd=true -o name")).toBe("node/edge-1\n");
  expect(cells(await kubectl.ok("get ds nginx-fast-storage --no-headers"))[0]?.slice(1, 7)).toEqual([
    "1",
    "1",
    "1",
    "1",
    "1",
    "ssd=true",
  ]);
  expect(await kubectl.ok("label nodes edge-1 ssd-")).toBe("node/edge-1 unlabeled\n");
  await until(async () => (await nodesOf("app=nginx")).length === 0);
  await kubectl.ok("label nodes edge-2 edge-3 app=datastore-node");
  await until(async () => (await nodesOf("app=datastore")).join() === "edge-2,edge-3");
  expect(await kubectl.ok("get pods -l app=datastore -o jsonpath={.items[0].spec.containers[0].ports[0]}")).toBe(
    '{"containerPort":9042,"name":"cql","protocol":"TCP"}',
  );
  await kubectl.ok("delete ds nginx-fast-storage datastore");
});

it("orphaned pods stay, and a new DaemonSet adopts them", async () => {
  const before = await kubectl.ok("get pods -l app=fluentd -o name");
  const manifest = await kubectl.ok("get ds fluentd -o yaml");
  await kubectl.ok("delete ds fluentd --cascade=orphan");
  expect(await kubectl.ok("get pods -l app=fluentd -o name")).toBe(before);
  expect(await kubectl.ok("get pods -l app=fluentd -o jsonpath={.items[*].metadata.ownerReferences}")).toBe("");
  await kubectl.ok("create -f -", manifest.replace(/^ {2}(uid|resourceVersion): .*$/gm, ""));
  await rolledOut("fluentd");
  expect(await kubectl.ok("get pods -l app=fluentd -o name")).toBe(before);
  expect(await kubectl.ok("get pods -l app=fluentd -o jsonpath={.items[*].metadata.ownerReferences[0].name}")).toBe(
    "fluentd fluentd fluentd",
  );
});

it("taints keep pods off or drive them away; cordon and drain leave daemons alone", async () => {
  expect(await kubectl.ok("taint nodes edge-3 maintenance=yes:NoExecute")).toBe("node/edge-3 tainted\n");
  await until(async () => (await nodesOf("app=fluentd")).join() === "edge-1,edge-2");
  expect(await kubectl.ok("get ds fluentd -o jsonpath={.status.desiredNumberScheduled}")).toBe("2");
  await kubectl.ok("taint nodes edge-3 maintenance-");
  await until(async () => (await nodesOf("app=fluentd")).length === 3);
  expect(await kubectl.ok("cordon edge-2")).toBe("node/edge-2 cordoned\n");
  expect(cells(await kubectl.ok("get node edge-2 --no-headers"))[0]?.[1]).toBe("Ready,SchedulingDisabled");
  expect(await kubectl.ok("get node edge-2 -o jsonpath={.spec.taints[0].key}")).toBe(
    "node.kubernetes.io/unschedulable",
  );
  expect(await nodesOf("app=fluentd")).toEqual(["edge-1", "edge-2", "edge-3"]);
  expect(await kubectl.refused("drain edge-2")).toContain(
    "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)",
  );
  expect(await kubectl.ok("drain edge-2 --ignore-daemonsets")).toContain("node/edge-2 drained");
  await kubectl.ok("uncordon edge-2");
  expect(await kubectl.ok("get node edge-2 -o jsonpath={.spec}")).toBe("{}");
});

it("drain evicts what no daemon controller minds", async () => {
  const pod =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: lone}\nspec: {nodeName: edge-1, terminationGracePeriodSeconds: 1, containers: [{name: c, image: busybox:1.36}]}";
  await kubectl.ok("create -f -", pod);
  await kubectl.ok("wait pod/lone --for=condition=Ready --timeout=15s");
  expect(await kubectl.ok("drain edge-1 --ignore-daemonsets --force")).toContain("pod/lone evicted");
  await kubectl.ok("uncordon edge-1");
});

it("bad manifests are refused with the path of the field", async () => {
  const bad = fluentd
    .replace("name: fluentd\n  labels", "name: bad\n  labels")
    .replace("      containers:", "      restartPolicy: Never\n      containers:");
  expect(await kubectl.refused("apply -f -", bad)).toContain(
    'The DaemonSet "bad" is invalid: spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
  );
  const mismatched = fluentd
    .replace("        app: fluentd\n    spec", "        app: other\n    spec")
    .replace("  name: fluentd\n  labels", "  name: bad\n  labels");
  expect(await kubectl.refused("create -f -", mismatched)).toContain(
    'spec.template.metadata.labels: Invalid value: {"app":"other"}: `selector` does not match template `labels`',
  );
  const unknown = fluentd
    .replace("      containers:", "      bogus: 1\n      containers:")
    .replace("  name: fluentd\n  labels", "  name: bad\n  labels");
  expect(await kubectl.refused("create -f -", unknown)).toContain(
    'strict decoding error: unknown field "spec.template.spec.bogus"',
  );
  const wrongType = fluentd
    .replace("spec:\n  selector", "spec:\n  minReadySeconds: soon\n  selector")
    .replace("  name: fluentd\n  labels", "  name: bad\n  labels");
  expect(await kubectl.refused("create -f -", wrongType)).toContain(
    "json: cannot unmarshal string into Go struct field DaemonSetSpec.spec.minReadySeconds of type int32",
  );
  expect(
    await kubectl.refused(["patch", "ds", "fluentd", "-p", '{"spec":{"selector":{"matchLabels":{"app":"x"}}}}']),
  ).toContain("field is immutable");
  expect(await kubectl.refused("get ds bad")).toContain('daemonsets.apps "bad" not found');
});

it("output in other forms works: yaml, jsonpath, custom columns, watch, wait", async () => {
  expect(await kubectl.ok("get ds fluentd -o yaml")).toMatch(/^ {4}type: RollingUpdate$/m);
  expect(await kubectl.ok("get ds fluentd -o jsonpath={.status.numberReady}")).toBe("3");
  expect(await kubectl.ok("get ds -o custom-columns=N:.metadata.name,R:.status.numberReady --no-headers")).toBe(
    "fluentd   3\n",
  );
  const watch = kubectl.follow("get pods -l app=fluentd -w --no-headers");
  await until(() => watch.lines().length >= 3);
  const victim = watch.lines()[0]?.split(/ +/)[0] ?? "";
  await kubectl.ok(`delete pod ${victim}`);
  await until(() => watch.lines().some((line) => !line.startsWith(victim) && /0\/1 +Pending/.test(line)));
  const printed = await watch.stop();
  expect(printed).toMatch(new RegExp(`${victim} +1/1 +Terminating`));
  await kubectl.ok("wait ds/fluentd --for=jsonpath={.status.numberReady}=3 --timeout=15s");
});

it("a log collector's manifest applies whole, roles included, and goes with its namespace", async () => {
  expect((await kubectl.ok("apply -f -", logCollector)).trimEnd().split("\n")).toEqual([
    "namespace/logging created",
    "serviceaccount/collector created",
    "clusterrole.rbac.authorization.k8s.io/log-collector created",
    "clusterrolebinding.rbac.authorization.k8s.io/log-collector created",
    "role.rbac.authorization.k8s.io/leader created",
    "rolebinding.rbac.authorization.k8s.io/leader created",
    "configmap/collector created",
    "daemonset.apps/collector created",
  ]);
  await kubectl.ok("rollout status daemonset/collector -n logging --timeout=30s");
  const again = await kubectl.ok("apply -f -", logCollector);
  expect(again.trimEnd().split("\n")).toHaveLength(8);
  expect(again).not.toMatch(/created|configured/);
  expect(cells(await kubectl.ok("get rolebindings -n logging -o wide"))).toEqual([
    ["NAME", "ROLE", "AGE", "USERS", "GROUPS", "SERVICEACCOUNTS"],
    ["leader", "Role/leader", expect.stringMatching(/^\d+s$/), "logging/collector"],
  ]);
  expect(await kubectl.ok("describe clusterrole log-collector")).toMatch(
    /^ +namespaces +\[\] +\[\] +\[get list watch\]$/m,
  );
  expect(
    await kubectl.refused(`patch clusterrolebinding log-collector --type=merge -p={"roleRef":{"name":"x"}}`),
  ).toContain("cannot change roleRef");
  await kubectl.ok("delete namespace logging --timeout=30s");
  expect(await kubectl.ok("get roles,rolebindings,daemonsets,pods -A -l app=collector -o name")).toBe("");
  await kubectl.ok("delete clusterrole,clusterrolebinding log-collector");
});

it("deleting a DaemonSet takes its pods and its history along", async () => {
  expect(await kubectl.ok("delete ds fluentd")).toContain('daemonset.apps "fluentd" deleted');
  await until(async () => (await nodesOf("app=fluentd")).length === 0);
  await until(async () => (await kubectl.ok("get controllerrevisions -o name")) === "");
  await kubectl.ok("create -f -", fluentd);
  await rolledOut("fluentd");
  await kubectl.ok("delete ds fluentd --cascade=foreground");
  expect(await nodesOf("app=fluentd")).toEqual([]);
});
