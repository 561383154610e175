// What somebody sees who has the agent installed on machines that systemd starts, stops and watches: on `kiosk` pods are
// processes of the agent's own, on `gateway` they are containers of Debian's containerd.
import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";

import { busyboxImage } from "../containers/image.ts";
import { until } from "./support/cluster.ts";
import type { Kubectl } from "./support/kubectl.ts";
import type { PodSeen } from "./support/pod-seen.ts";
import { podSeen } from "./support/pod-seen.ts";
import { Site } from "./support/site.ts";
import { SystemdNode } from "./support/systemd-node.ts";

let site: Site;
let kubectl: Kubectl;
let kiosk: SystemdNode;
let gateway: SystemdNode;
/** What is on the disk before anything is installed. */
let before: readonly (readonly string[])[];

beforeAll(async () => {
  site = await Site.open({ "library/busybox:1.36": busyboxImage() });
  kubectl = site.kubectl;
  [kiosk, gateway] = await Promise.all([SystemdNode.set(site, "kiosk"), SystemdNode.set(site, "gateway")]);
  await gateway.startContainerd();
  before = [kiosk.files(), gateway.files()];
}, 90_000);

afterAll(async () => {
  if (process.env["LARES_KEEP_LOGS"] !== undefined) site?.keepLogs(process.env["LARES_KEEP_LOGS"]);
  await site?.remove();
}, 60_000);

const scratch = { name: "scratch", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } };
const word = { name: "word", secret: { secretName: "word" } };

/** Whoever looks into `starts` sees how often the container was started since the volume was made. */
function daemon(node: string, spec: object): string {
  const template = {
    metadata: { labels: { app: node } },
    spec: { nodeSelector: { "kubernetes.io/hostname": node }, terminationGracePeriodSeconds: 1, ...spec },
  };
  const selector = { matchLabels: { app: node } };
  return JSON.stringify({
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: node },
    spec: { selector, template },
  });
}

const onKiosk = daemon("kiosk", {
  volumes: [scratch, word],
  containers: [
    {
      name: "main",
      image: "busybox:1.36",
      command: ["sh", "-c", 'echo start >>"$0/starts"; cat "$1/word" >"$0/word"; exec sleep 4242'],
      args: ["$(LARES_VOLUME_SCRATCH)", "$(LARES_VOLUME_WORD)"],
      resources: { limits: { memory: "64Mi", cpu: "500m" } },
      volumeMounts: ["scratch", "word"].map((name) => ({ name, mountPath: `/${name}` })),
    },
  ],
});

const onGateway = daemon("gateway", {
  securityContext: { runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000 },
  volumes: [scratch, word],
  containers: [
    {
      name: "main",
      image: "busybox:1.36",
      command: ["sh", "-c", "echo start >>/scratch/starts; exec sleep 4242"],
      volumeMounts: ["scratch", "word"].map((name) => ({ name, mountPath: `/${name}` })),
    },
    {
      name: "beside",
      image: "busybox:1.36",
      command: ["sh", "-c", "until test -s /scratch/starts; do sleep 0.1; done; cat /word/word; echo; exec sleep 4242"],
      readinessProbe: { exec: { command: ["test", "-s", "/scratch/starts"] }, periodSeconds: 1 },
      volumeMounts: ["scratch", "word"].map((name) => ({ name, mountPath: `/${name}` })),
    },
  ],
});

/** Read from outside of the agent: what it has mounted for pods is there for everybody on the machine. */
function starts(node: SystemdNode, { uid }: PodSeen): string {
  const folder = `/var/lib/lares/pods/${uid}/volumes/kubernetes.io~empty-dir/scratch`;
  return readFileSync(node.machine.path(`${folder}/starts`), "utf8");
}

async function untilConnected(node: SystemdNode): Promise<void> {
  await until(async () => (await node.lares("status")).code === 0, 30_000);
}

it("install writes units that systemd finds nothing wrong with, and enables the agent", async () => {
  for (const node of [kiosk, gateway]) {
    const { code, stdout } = await node.node("/root/lares-agent.cjs", "install");
    expect(stdout).toContain("systemctl enable lares-agent\nnot joined yet: lares agent join TOKEN URL\n");
    expect(code).toBe(0);
    const units = ["lares-agent.service", "lares-agent-rollback.service"];
    expect(await node.machine.run("systemd-analyze", "verify", ...units)).toEqual({ code: 0, stdout: "", stderr: "" });
    expect((await node.systemctl("is-enabled", "lares-agent.service")).trim()).toBe("enabled");
    expect(await node.property("ActiveState")).toBe("inactive");
  }
}, 60_000);

it("join starts the service, which comes back when the node is in", async () => {
  const [one, other] = await Promise.all([kiosk.join("process"), gateway.join()]);
  expect(one.stdout).toContain(`node kiosk has joined ${site.server}`);
  expect(other.stdout).toContain(`node gateway has joined ${site.server}`);
  // Nobody had to say that there are containers.
  expect(other.stdout).toContain("runtime cri: it answers at /run/containerd/containerd.sock; passed over: docker at");
  for (const node of [kiosk, gateway]) {
    expect(await node.property("ActiveState")).toBe("active");
    // The limit is the service's, and systemd has put the agent under it.
    expect(await node.property("MemoryMax")).toBe(String(96 * 2 ** 20));
    const group = await node.property("ControlGroup");
    const limit = node.machine.path(`/sys/fs/cgroup/memory${group}/memory.limit_in_bytes`);
    expect(readFileSync(limit, "utf8").trim()).toBe(String(96 * 2 ** 20));
  }
}, 90_000);

it("an agent whose pods are somebody else's children is shut in", async () => {
  // Pods that are its own children would be shut in with it.
  expect(await kiosk.exposure()).toBeGreaterThan(9);
  expect(await gateway.exposure()).toBeLessThan(6);
}, 60_000);

it("daemons get ready, with volumes that the agent mounts for them", async () => {
  await kubectl.ok("create secret generic word --from-literal=word=lararium");
  for (const one of [onKiosk, onGateway]) await kubectl.ok("apply -f -", one);
  for (const name of ["kiosk", "gateway"]) await kubectl.ok(`rollout status ds/${name} --timeout=60s`);
  for (const node of [kiosk, gateway]) expect(starts(node, await podSeen(kubectl, node.name))).toBe("start\n");
  const { uid } = await podSeen(kubectl, kiosk.name);
  const folder = `/var/lib/lares/pods/${uid}/volumes/kubernetes.io~empty-dir/scratch`;
  expect(await kiosk.machine.ok("findmnt", "-no", "FSTYPE", folder)).toBe("tmpfs\n");
  expect(await kiosk.machine.ok("cat", `${folder}/word`)).toBe("lararium");
  const gid = ["stat", "-c", "%g %a", "/scratch"];
  expect((await kubectl.ok(["exec", "ds/gateway", "-c", "main", "--", ...gid])).trim()).toBe("2000 2777");
  expect(await kubectl.ok("logs ds/gateway -c beside")).toBe("lararium\n");
  // Where daemons with a network of their own reach the agent.
  expect(await gateway.machine.ok("ip", "address", "show", "lo")).toContain("169.254.77.1");
}, 120_000);

it("pods are in control groups of their own, out of the agent's limits", async () => {
  const [pid = ""] = (await kiosk.machine.ok("pgrep", "-f", "^sleep 4242")).trim().split("\n");
  const groups = await kiosk.machine.ok("cat", `/proc/${pid}/cgroup`);
  expect(groups).toMatch(/:memory:\/lares\//);
}, 30_000);

it("pods run on when the service is restarted, and when the agent is killed", async () => {
  for (const node of [kiosk, gateway]) {
    const pod = await podSeen(kubectl, node.name);
    const first = await node.agentPid();
    await node.systemctl("restart", "lares-agent.service");
    const second = await node.agentPid();
    expect(second).not.toBe(first);
    await untilConnected(node);
    await node.machine.ok("kill", "-KILL", String(second));
    await until(async () => ![0, second].includes(await node.agentPid()), 30_000);
    expect(await node.property("NRestarts")).toBe("1");
    await untilConnected(node);
    await until(async () => (await node.lares("status")).stdout.includes("Running, ready"), 30_000);
    expect(starts(node, pod)).toBe("start\n");
    expect(await podSeen(kubectl, node.name)).toEqual(pod);
  }
}, 120_000);

it("an agent that hangs is noticed and started again", async () => {
  const directory = kiosk.onDisk("etc/systemd/system/lares-agent.service.d");
  mkdirSync(directory);
  writeFileSync(`${directory}/impatient.conf`, "[Service]\nWatchdogSec=6s\nTimeoutAbortSec=1s\nRestartSec=200ms\n");
  await kiosk.systemctl("daemon-reload");
  await kiosk.systemctl("restart", "lares-agent.service");
  const pid = await kiosk.agentPid();
  const lifeSign = async () => Number(await kiosk.property("WatchdogTimestampMonotonic"));
  for (let sign = await lifeSign(), times = 0; times < 2; times++) {
    const last = sign;
    await until(async () => (await lifeSign()) > last, 10_000);
    sign = await lifeSign();
  }
  expect(await kiosk.agentPid()).toBe(pid);
  await kiosk.machine.ok("kill", "-STOP", String(pid));
  await until(async () => ![0, pid].includes(await kiosk.agentPid()), 30_000);
  expect(await kiosk.machine.ok("journalctl", "--unit", "lares-agent.service", "--no-pager")).toContain(
    "Watchdog timeout",
  );
  await untilConnected(kiosk);
}, 90_000);

it("a release that does not start makes room for the one before", async () => {
  const pod = await podSeen(kubectl, kiosk.name);
  const good = readlinkSync(kiosk.onDisk("opt/lares/current"));
  const program = readFileSync(site.agentProgram, "utf8");
  const broken = program.replace("\n", '\nif (process.argv[3] === "run") process.exit(1);\n');
  writeFileSync(kiosk.onDisk("root/broken.cjs"), broken);
  await kiosk.node("/root/broken.cjs", "install");
  expect(readlinkSync(kiosk.onDisk("opt/lares/current"))).not.toBe(good);
  await until(() => readlinkSync(kiosk.onDisk("opt/lares/current")) === good, 60_000);
  await untilConnected(kiosk);
  expect(starts(kiosk, pod)).toBe("start\n");
  await kiosk.machine.ok("rm", "-r", "/etc/systemd/system/lares-agent.service.d");
  await kiosk.systemctl("daemon-reload");
}, 120_000);

it("after a shutdown and after a power cut pods are back though there is no network, and the control plane hears of it later", async () => {
  await Promise.all([kiosk.shutDown(), gateway.machine.cutPower()]);
  const offline = { withNetwork: false };
  await Promise.all([kiosk.boot(offline), gateway.boot(offline)]);
  for (const node of [kiosk, gateway]) {
    await until(async () => (await node.lares("status")).stdout.includes("Running, ready"), 40_000);
    const { code, stdout } = await node.lares("status");
    expect({ code, stdout }).toEqual({ code: 4, stdout: expect.stringMatching(/not connected|connecting/) });
    expect(starts(node, await podSeen(kubectl, node.name))).toBe("start\n");
    await node.mendNetwork();
    await untilConnected(node);
    await until(async () => (await podSeen(kubectl, node.name)).restarts >= 1, 20_000);
  }
}, 150_000);

it("hold and drain do what they say", async () => {
  expect((await kiosk.lares("hold", "--reason", "stocktaking", "--for", "2h")).code).toBe(0);
  expect((await kiosk.lares("status")).stdout).toMatch(/^held .*stocktaking$/m);
  expect((await kiosk.lares("hold", "--release")).code).toBe(0);
  const drained = await gateway.lares("drain");
  expect(drained.stdout).toMatch(/pod default\/gateway-\w+ stays/);
  expect(await kubectl.ok("get node gateway -o jsonpath={.spec.unschedulable}")).toBe("true");
}, 60_000);

it("leave --purge ends the pods, deletes the Node, and leaves nothing of the agent behind", async () => {
  for (const node of [kiosk, gateway]) {
    const left = await node.lares("leave", "--purge");
    expect({ code: left.code, text: left.stdout + left.stderr }).toMatchObject({ code: 0 });
    expect(await kubectl.refused(`get node ${node.name}`)).toContain("NotFound");
    expect((await node.machine.run("systemctl", "cat", "lares-agent.service")).code).not.toBe(0);
    expect((await node.machine.run("pgrep", "-f", "sleep 4242")).stdout).toBe("");
    expect((await node.systemctl("--failed", "--no-legend", "--no-pager")).trim()).toBe("");
    expect(await node.machine.ok("findmnt", "-rno", "TARGET")).not.toContain("lares");
    expect(await node.machine.ok("ip", "address", "show", "lo")).not.toContain("169.254.77.1");
    for (const controller of ["memory", "cpu"]) {
      expect(existsSync(node.machine.path(`/sys/fs/cgroup/${controller}/lares`)), controller).toBe(false);
    }
  }
  const [ofKiosk, ofGateway] = before;
  expect(kiosk.files()).toEqual([...(ofKiosk ?? []), "root/broken.cjs"].toSorted());
  expect(gateway.files()).toEqual(ofGateway);
}, 120_000);
