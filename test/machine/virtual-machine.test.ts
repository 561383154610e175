// What somebody sees who has the agent installed on a machine with Debian's own kernel: systemd is its first process, all
// control groups are in one tree, and AppArmor is at work.
import { afterAll, beforeAll, expect, it, vi } from "vitest";

import { busyboxImage } from "../containers/image.ts";
import { slowness } from "../containers/virtual/virtual-machine.ts";
import { until } from "../e2e/support/cluster.ts";
import type { Kubectl } from "../e2e/support/kubectl.ts";
import { podSeen } from "../e2e/support/pod-seen.ts";
import { Site } from "../e2e/support/site.ts";
import { VirtualNode } from "../e2e/support/virtual-node.ts";

const slowly = (ms: number) => ms * slowness;
vi.setConfig({ testTimeout: slowly(120_000), hookTimeout: slowly(90_000) });

let site: Site;
let kubectl: Kubectl;
let node: VirtualNode;

beforeAll(async () => {
  site = await Site.open({ "library/busybox:1.36": busyboxImage() });
  kubectl = site.kubectl;
  node = await VirtualNode.set(site, "shop", "cgroupfs");
});

afterAll(async () => {
  if (process.env["LARES_KEEP_LOGS"] !== undefined) site?.keepLogs(process.env["LARES_KEEP_LOGS"]);
  await site?.remove();
});

/** What a shell in the machine prints. */
async function shell(script: string): Promise<string> {
  return (await node.machine.ok("sh", "-ec", script)).trim();
}

const sleeping = (seconds: number) => ["sh", "-c", `exec sleep ${seconds}`];

/** By what it runs: the container that sleeps so long, once it does; its pod may be told to run from before. */
async function groupOf(seconds: number): Promise<string> {
  const sleeps = ["pgrep", "-fx", `sleep ${seconds}`] as const;
  await until(async () => (await node.machine.run(...sleeps)).code === 0, slowly(60_000));
  return shell(`sed s/^0::// /proc/$(pgrep -fx 'sleep ${seconds}')/cgroup`);
}

function daemon(name: string, spec: object): string {
  const template = { metadata: { labels: { app: name } }, spec: { terminationGracePeriodSeconds: 1, ...spec } };
  const selector = { matchLabels: { app: name } };
  return JSON.stringify({ apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name }, spec: { selector, template } });
}

const limited = daemon("limited", {
  containers: [
    {
      name: "main",
      image: "busybox:1.36",
      command: sleeping(4242),
      resources: { requests: { cpu: "250m", memory: "32Mi" }, limits: { cpu: "500m", memory: "64Mi" } },
    },
    { name: "free", image: "busybox:1.36", command: sleeping(4243) },
  ],
});

const untilConnected = () => until(async () => (await node.lares("status")).code === 0, slowly(60_000));

it("the machine is one of its own: systemd, one tree of control groups, AppArmor", async () => {
  expect(await shell("cat /proc/1/comm")).toBe("systemd");
  expect(await shell("uname -v")).toContain("Debian");
  expect(await shell("stat -f -c %T /sys/fs/cgroup")).toBe("cgroup2fs");
  expect(await shell("cat /sys/module/apparmor/parameters/enabled")).toBe("Y");
});

it("install and join make a node of it, under limits that hold and shut in", async () => {
  const { code, stdout } = await node.node("/root/lares-agent.cjs", "install");
  expect(stdout).toContain("systemctl enable lares-agent\nnot joined yet: lares agent join TOKEN URL\n");
  expect(code).toBe(0);
  expect((await node.join("cri", "8m")).stdout).toContain(`node shop has joined ${site.server}`);
  await kubectl.ok("wait --for=condition=Ready node/shop --timeout=60s");
  expect(await kubectl.ok("get node shop -o jsonpath={.status.nodeInfo.kernelVersion}")).toBe(await shell("uname -r"));
  const group = `/sys/fs/cgroup${await node.property("ControlGroup")}`;
  expect(await shell(`cat ${group}/memory.max`)).toBe(String(96 * 2 ** 20));
  expect(await shell(`grep -E "^(NoNewPrivs|Seccomp):" /proc/${await node.agentPid()}/status`)).toBe(
    "NoNewPrivs:\t1\nSeccomp:\t2",
  );
  expect(await node.exposure()).toBeLessThan(6);
});

it("a daemon's containers have their limits in the one tree", async () => {
  await kubectl.ok("apply -f -", limited);
  await until(async () => /1\/1/.test(await ready("limited")), slowly(90_000));
  const { uid } = await podSeen(kubectl, "limited");
  const [main, free] = [await groupOf(4242), await groupOf(4243)];
  expect(main).toMatch(new RegExp(`^/lares/pod${uid}/[0-9a-f]{64}$`));
  const files = "memory.max memory.swap.max memory.oom.group cpu.max cpu.weight pids.max";
  expect(await valuesIn(main, files)).toBe("67108864, 0, 1, 50000 100000, 10, max");
  expect(await valuesIn(free, files)).toBe("max, max, 1, max 100000, 1, max");
  // What its containers weigh, and the one that holds its network.
  await until(async () => (await valuesIn(`/lares/pod${uid}`, "cpu.weight")) === "12", slowly(5_000));
  expect(await valuesIn("/lares", "cpu.weight")).toBe(String(2 * 39));
});

async function ready(name: string): Promise<string> {
  const status = "{.status.numberReady}/{.status.desiredNumberScheduled}";
  return kubectl.ok(`get ds ${name} -o jsonpath=${status}`);
}

async function valuesIn(group: string, files: string): Promise<string> {
  return (await shell(`cd /sys/fs/cgroup${group} && cat ${files}`)).replaceAll("\n", ", ");
}

it("what a container uses is told from the files of its group", async () => {
  await shell(`printf %s '${site.cluster.token}' >/run/token`);
  const summary = JSON.parse(await node.machine.ok("/usr/local/bin/node", "-e", ofKubelet("/stats/summary")));
  const group = `/sys/fs/cgroup${await groupOf(4242)}`;
  const numberOf = async (script: string) => Number(await shell(`cd ${group} && ${script}`));
  const workingSet = await numberOf("expr $(cat memory.current) - $(sed -n 's/^inactive_file //p' memory.stat)");
  const usedMicroseconds = await numberOf("sed -n 's/^usage_usec //p' cpu.stat");
  // Of the API's own object, the fields that this is about.
  type Used = { workingSetBytes?: number; usageCoreNanoSeconds?: number };
  type Summed = { containers: { name: string; memory: Used; cpu: Used }[] };
  const [pod] = summary.pods as Summed[];
  const { memory, cpu } = pod?.containers.find(({ name }) => name === "main") ?? { memory: {}, cpu: {} };
  expect(memory.workingSetBytes).toBeGreaterThan(workingSet - 2 ** 19);
  expect(memory.workingSetBytes).toBeLessThan(workingSet + 2 ** 19);
  // It sleeps: what it uses was used when it started.
  expect(cpu.usageCoreNanoSeconds).toBeGreaterThan(usedMicroseconds * 900);
  expect(cpu.usageCoreNanoSeconds).toBeLessThanOrEqual(usedMicroseconds * 1000);
});

/** A program of Node's that prints what the agent serves in a kubelet's place. */
function ofKubelet(path: string): string {
  return `
    const headers = { authorization: "Bearer " + require("fs").readFileSync("/run/token", "utf8") };
    const options = { host: "${node.machine.address}", port: 10250, path: "${path}", headers, rejectUnauthorized: false };
    require("https").get(options, (response) => response.pipe(process.stdout));
  `;
}

it("a container whose memory runs out ends as a whole, and is told from others that ended", async () => {
  const greedy = "x=$(head -c 100000000 /dev/zero | tr '\\0' x)";
  const main = {
    name: "main",
    image: "busybox:1.36",
    env: [{ name: "GREEDY", value: greedy }],
    command: ["sh", "-c", 'sh -c "$GREEDY"; echo it goes on; sleep 4244'],
    resources: { limits: { memory: "16Mi" } },
  };
  await kubectl.ok("apply -f -", barePod("greedy", { restartPolicy: "Never", containers: [main] }));
  const of = (field: string) =>
    kubectl.ok(`get pod greedy -o jsonpath={.status.containerStatuses[0].state.terminated.${field}}`);
  await until(async () => (await of("reason")) !== "", slowly(60_000));
  expect([await of("reason"), await of("exitCode")]).toEqual(["OOMKilled", "137"]);
  expect(await kubectl.ok("logs greedy")).toBe("");
  await kubectl.ok("delete pod greedy --wait=false");
});

function barePod(name: string, spec: object, annotations = {}): string {
  const fields = { nodeName: "shop", terminationGracePeriodSeconds: 1, ...spec };
  return JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name, annotations }, spec: fields });
}

const profile = `profile lares-no-words flags=(attach_disconnected) {
  file,
  network,
  capability,
  signal,
  deny /word w,
}
`;
const named = (localhostProfile: string) => ({ appArmorProfile: { type: "Localhost", localhostProfile } });
const confined: Readonly<Record<string, object>> = {
  plain: {},
  default: { appArmorProfile: { type: "RuntimeDefault" } },
  open: { appArmorProfile: { type: "Unconfined" } },
  all: { privileged: true },
  named: named("lares-no-words"),
  noted: {},
  unknown: named("lares-unknown"),
};

it("AppArmor holds containers to the profiles that they name, by field and by annotation", async () => {
  const file = "/etc/apparmor.d/lares-no-words";
  await shell(`cat >${file} <<'END'\n${profile}END\napparmor_parser ${file}`);
  const containers = Object.entries(confined).map(([name, securityContext], index) => ({
    ...{ name, image: "busybox:1.36", securityContext },
    command: ["sh", "-c", `echo ${name} >/word; cat /word; exec sleep ${5000 + index}`],
  }));
  const annotations = { "container.apparmor.security.beta.kubernetes.io/noted": "localhost/lares-no-words" };
  await kubectl.ok("apply -f -", barePod("confined", { containers }, annotations));
  const state = (name: string) =>
    kubectl.ok(`get pod confined -o jsonpath={.status.containerStatuses[?(@.name=="${name}")].state}`);
  const profileOf = async (name: string) => {
    const seconds = 5000 + Object.keys(confined).indexOf(name);
    await until(async () => (await state(name)).includes("running"), slowly(90_000));
    return shell(`cat /proc/$(pgrep -fx 'sleep ${seconds}')/attr/current`);
  };
  for (const name of ["plain", "default"]) expect(await profileOf(name)).toBe("cri-containerd.apparmor.d (enforce)");
  for (const name of ["open", "all"]) expect(await profileOf(name)).toBe("unconfined");
  for (const name of ["named", "noted"]) {
    expect(await profileOf(name)).toBe("lares-no-words (enforce)");
    expect(await kubectl.ok(`logs confined -c ${name}`)).toContain("can't create /word: Permission denied");
  }
  expect(await kubectl.ok("logs confined -c plain")).toBe("plain\n");
  await until(async () => (await state("unknown")).includes("CreateContainerError"), slowly(30_000));
  expect(await state("unknown")).toContain("apparmor profile not found lares-unknown");
  await kubectl.ok("delete pod confined --wait=false");
});

it("pods run on when the service is restarted, and when the agent is killed", async () => {
  const pod = await podSeen(kubectl, "limited");
  const first = await node.agentPid();
  await node.systemctl("restart", "lares-agent.service");
  const second = await node.agentPid();
  expect(second).not.toBe(first);
  await untilConnected();
  await node.machine.ok("kill", "-KILL", String(second));
  await until(async () => ![0, second].includes(await node.agentPid()), slowly(30_000));
  expect(await node.property("NRestarts")).toBe("1");
  await untilConnected();
  await until(async () => (await node.lares("status")).stdout.includes("Running, ready"), slowly(30_000));
  expect(await podSeen(kubectl, "limited")).toEqual(pod);
});

it("after a reboot without a network daemons start from disk, and the control plane hears of it later", async () => {
  const { uid } = await podSeen(kubectl, "limited");
  await node.machine.reboot({ withNetwork: false });
  await until(
    async () => (await node.machine.run("systemctl", "is-active", "lares-agent.service")).code === 0,
    slowly(60_000),
  );
  expect(await groupOf(4242)).toContain(uid);
  await until(async () => (await node.lares("status")).stdout.includes("Running, ready"), slowly(60_000));
  expect((await node.lares("status")).code).toBe(4);
  node.machine.mendNetwork();
  await untilConnected();
  await until(async () => (await podSeen(kubectl, "limited")).restarts >= 2, slowly(20_000));
});

it("leave --purge leaves nothing behind", leave);

it("where systemd makes the control groups, pods are slices of its own", async () => {
  await shell("sed -i 's/SystemdCgroup.*/SystemdCgroup = true/' /etc/containerd/config.toml");
  await node.systemctl("restart", "containerd.service");
  await node.node("/root/lares-agent.cjs", "install");
  expect((await node.join("cri", "8m")).code).toBe(0);
  const main = await groupOf(4242);
  await groupOf(4243);
  const { uid } = await podSeen(kubectl, "limited");
  const slice = `lares-pod${uid.replaceAll("-", "_")}.slice`;
  expect(main).toMatch(new RegExp(`^/lares.slice/${slice}/cri-containerd-[0-9a-f]{64}.scope$`));
  expect(await valuesIn(main, "memory.max memory.oom.group cpu.max cpu.weight")).toBe("67108864, 1, 50000 100000, 10");
  await until(async () => (await valuesIn(`/lares.slice/${slice}`, "cpu.weight")) === "12", slowly(5_000));
  // Whoever reloads units, as every package does that brings one, must not change what pods weigh.
  await node.systemctl("daemon-reload");
  expect(await valuesIn(`/lares.slice/${slice}`, "cpu.weight")).toBe("12");
  expect(await valuesIn("/lares.slice", "cpu.weight")).toBe(String(2 * 39));
});

it("a pod's slice goes with it", async () => {
  await kubectl.ok("delete ds limited");
  await until(async () => (await kubectl.ok("get pods")) === "", slowly(60_000));
  const slices = () => shell("systemctl list-units --all --no-legend --no-pager 'lares-pod*'");
  await until(async () => (await slices()) === "", slowly(20_000));
});

it("leave --purge leaves no slice behind", leave);

async function leave(): Promise<void> {
  const left = await node.lares("leave", "--purge");
  expect({ code: left.code, text: left.stdout + left.stderr }).toMatchObject({ code: 0 });
  expect(await kubectl.refused("get node shop")).toContain("NotFound");
  expect((await node.machine.run("pgrep", "-fx", "sleep 424.")).stdout).toBe("");
  expect(await shell("systemctl --failed --no-legend --no-pager")).toBe("");
  expect(await shell("systemctl list-units --all --no-legend --no-pager 'lares*'")).toBe("");
  expect(await shell("findmnt -rno TARGET")).not.toContain("lares");
  const files = "find /etc /opt /usr/local /var /run -name '*lares*' ! -name lares-no-words";
  expect(await shell(files)).toBe("");
  expect(await shell("find /sys/fs/cgroup -name '*lares*'")).toBe("");
}
