// What people see of pods that run for real: their logs, commands in them, files and connections, with each kubectl that
// speaks WebSockets, through agents that nobody can connect to.
import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import type { Server } from "node:http";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { V1Status } from "@kubernetes/client-node";
import { Exec, KubeConfig, PortForward } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { freePort } from "../containers/free-port.ts";
import { Cluster, until } from "./support/cluster.ts";
import { installedKubectls, Kubectl } from "./support/kubectl.ts";

/** Port forwarding goes over WebSockets from here on. */
const firstMinor = 31;
const only = (process.env["KUBECTLS"] ?? "").split(",").filter((minor) => minor !== "");
const kubectls = installedKubectls().filter(
  ({ minor }) => minor >= firstMinor && (only.length === 0 || only.includes(String(minor))),
);
const newest = kubectls.at(-1)?.binary ?? "kubectl";
const mebibyte = 1024 * 1024;

const daemon = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: talker}
spec:
  selector: {matchLabels: {app: talker}}
  template:
    metadata: {labels: {app: talker}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - name: c
        image: none
        env: [{name: GREETING, value: hello}]
        command: [sh, -c, 'n=0; while true; do n=$((n+1)); echo out $n; echo err $n >&2; sleep 0.2; done']
`;

const restless = `
apiVersion: v1
kind: Pod
metadata: {name: restless}
spec:
  nodeName: edge-1
  terminationGracePeriodSeconds: 0
  containers:
  - {name: c, image: none, command: [sh, -c, 'echo life $(date +%N); sleep 1; exit 3']}
  - {name: broken, image: none}
`;

let cluster: Cluster;
let pods: Readonly<Record<string, string>> = {};

beforeAll(async () => {
  cluster = await Cluster.start({ runtime: "process", nodes: 2 });
  await cluster.kubectl.ok("apply -f -", daemon);
  await cluster.kubectl.ok("apply -f -", restless);
  await cluster.kubectl.ok("rollout status ds/talker --timeout=30s");
  const list = JSON.parse(await cluster.kubectl.ok("get pods -l app=talker -o json"));
  pods = Object.fromEntries(
    list.items.map((pod: { spec: { nodeName: string }; metadata: { name: string } }) => [
      pod.spec.nodeName,
      pod.metadata.name,
    ]),
  );
}, 90_000);

afterAll(async () => {
  await cluster?.remove();
}, 60_000);

function podOn(node: string): string {
  return pods[node] ?? "";
}

function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"], HOME: cluster.dir, KUBECONFIG: join(cluster.dir, "kubeconfig"), TERM: "xterm" };
}

/** A shell command with kubectl at `$K`. */
function shell(binary: string, command: string): Promise<{ readonly code: number; readonly stdout: string }> {
  return new Promise((resolve) => {
    execFile("sh", ["-c", command], { env: { ...environment(), K: binary }, timeout: 60_000 }, (error, stdout) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout });
    });
  });
}

type Process = { readonly pid: number; readonly commandLine: string };

function processes(): readonly Process[] {
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      return [{ pid: Number(entry), commandLine: readFileSync(`/proc/${entry}/cmdline`, "utf8") }];
    } catch {
      return [];
    }
  });
}

function agentOf(node: string): number {
  const found = processes().find(
    ({ commandLine }) =>
      commandLine.includes("lares-agent") && commandLine.includes(cluster.dir) && commandLine.includes(`\0${node}\0`),
  );
  return found?.pid ?? 0;
}

function residentBytes(pid: number): number {
  return 1024 * Number(/^VmRSS:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
}

/** workerd, below the cluster's program. */
function engine(): number {
  const parentOf = (pid: number) => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  };
  const found = processes().find(
    ({ pid, commandLine }) => /workerd/.test(commandLine) && parentOf(pid) === cluster.pid,
  );
  return found?.pid ?? 0;
}

function ended(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => child.on("exit", (code) => resolve(code)));
}

/** Of the last second, reckoned from some moment while kubectl ran, however long that took: all of it and nothing else. */
async function expectRecent(kubectl: Kubectl, pod: string): Promise<void> {
  const atMs = (line: string) => Date.parse(line.split(" ")[0] ?? "");
  const lines = async (flags: string) => (await kubectl.ok(`logs ${pod} --timestamps ${flags}`)).trimEnd().split("\n");
  await until(async () => atMs((await lines(""))[0] ?? "") < Date.now() - 3_000, 10_000);
  const beforeMs = Date.now();
  const recent = await lines("--since=1s");
  const afterMs = Date.now();
  expect(Math.min(...recent.map(atMs))).toBeGreaterThanOrEqual(beforeMs - 1_000);
  const surely = (await lines("")).filter((line) => atMs(line) >= afterMs - 1_000 && atMs(line) < beforeMs);
  expect(recent).toEqual(expect.arrayContaining(surely));
}

describe.each(kubectls)("kubectl 1.$minor", ({ binary, minor }) => {
  let kubectl: Kubectl;
  beforeAll(() => {
    kubectl = new Kubectl(join(cluster.dir, "kubeconfig"), cluster.dir, binary);
  });

  it("reads logs: the end of them, by time, in bytes, with times, of all pods of a set", async () => {
    const pod = podOn("edge-1");
    const all = (await kubectl.ok(`logs ${pod}`)).trimEnd().split("\n");
    expect(all.slice(0, 2).toSorted()).toEqual(["err 1", "out 1"]);
    expect((await kubectl.ok(`logs ${pod} --tail=4`)).trimEnd().split("\n")).toHaveLength(4);
    const timed = (await kubectl.ok(`logs ${pod} --tail=1 --timestamps`)).trimEnd();
    expect(timed).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (out|err) \d+$/);
    const [time] = timed.split(" ");
    const later = await kubectl.ok(["logs", pod, `--since-time=${time}`, "--timestamps"]);
    // kubectl sends whole seconds.
    expect(later).toContain(`${time} `);
    expect(later.slice(0, 19) >= (time ?? "").slice(0, 19)).toBe(true);
    expect((await kubectl.ok(`logs ${pod} --limit-bytes=5`)).length).toBe(5);
    await expectRecent(kubectl, pod);
    // kubectl reads one pod after the other, in no order.
    const ends = (await kubectl.ok("logs -l app=talker --prefix --tail=1")).trimEnd().split("\n");
    const pods = ["edge-1", "edge-2"].map((name) => `[pod/${podOn(name)}/c]`);
    expect(ends.map((line) => line.split(" ")[0]).toSorted()).toEqual(pods.toSorted());
    expect(await kubectl.ok("logs ds/talker --tail=1")).toMatch(/^(out|err) \d+\n/);
  });

  it("follows a log as it grows", async () => {
    const following = kubectl.start(["logs", "-f", "--tail=1", podOn("edge-1")]);
    await until(() => following.output().stdout.split("\n").length > 6, 10_000);
    await following.stop();
    const numbers = following
      .output()
      .stdout.split("\n")
      .flatMap((line) => (line.startsWith("out ") ? [Number(line.slice(4))] : []));
    expect(numbers.slice(1).every((number, index) => number === (numbers[index] ?? 0) + 1)).toBe(true);
  });

  it("reads the log of the life before, and says what a container waits for", async () => {
    await until(async () => (await kubectl.run("logs restless -c c --previous")).code === 0, 20_000);
    expect(await kubectl.ok("logs restless -c c --previous")).toMatch(/^life \d+\n$/);
    expect(await kubectl.refused("logs restless -c broken")).toBe(
      'Error from server (BadRequest): container "broken" in pod "restless" is waiting to start: CreateContainerConfigError\n',
    );
  });

  it("runs commands: with their output, input, environment and exit code", async () => {
    const pod = podOn("edge-1");
    const failed = await kubectl.run(["exec", pod, "--", "sh", "-c", "echo $GREETING; echo oh >&2; exit 7"]);
    expect(failed).toEqual({ code: 7, stdout: "hello\n", stderr: "oh\ncommand terminated with exit code 7\n" });
    expect(await kubectl.ok(`exec -i ${pod} -- sort`, "b\na\n")).toBe("a\nb\n");
    expect(await kubectl.refused(`exec ${pod} -- no-such-program`)).toContain(
      'error executing command in container: exec: "no-such-program": executable file not found in $PATH',
    );
    expect(await kubectl.refused("exec restless -c broken -- true")).toBe(
      'error: unable to upgrade connection: container not found ("broken")\n',
    );
  });

  it("runs a command in a terminal, of the size of one's own", async () => {
    const inner = "tty; sleep 1; stty size; echo $TERM; exit 5";
    const command = `stty rows 31 cols 97; $K exec -it ${podOn("edge-1")} -- sh -c '${inner.replace("$TERM", "\\$TERM")}'`;
    const { code, stdout } = await shell(binary, `script -qec "${command}" /dev/null </dev/null`);
    expect(stdout).toMatch(/\/dev\/pts\/\d+\r\n31 97\r\nxterm\r\n/);
    expect(code).toBe(5);
  });

  it("attaches to what a container says", async () => {
    const attached = kubectl.start(["attach", podOn("edge-1")]);
    await until(() => /^out \d+$/m.test(attached.output().stdout), 10_000);
    await attached.stop();
    expect(attached.output().stdout).toMatch(/^(out|err) \d+\n/);
  });

  it("copies files in both directions, byte by byte", async () => {
    const dir = join(cluster.dir, `copies-${minor}`);
    mkdirSync(dir);
    const content = randomBytes(3 * mebibyte + 17);
    writeFileSync(join(dir, "here"), content);
    await kubectl.ok(`cp ${join(dir, "here")} ${podOn("edge-1")}:${join(dir, "there")}`);
    expect(hash(readFileSync(join(dir, "there")))).toBe(hash(content));
    await kubectl.ok(`cp ${podOn("edge-1")}:${join(dir, "there")} ${join(dir, "back")}`);
    expect(hash(readFileSync(join(dir, "back")))).toBe(hash(content));
  });

  it("forwards a port, many connections at once and large ones", async () => {
    const content = randomBytes(8 * mebibyte);
    const server = await echoing(content);
    const [local, remote] = [await freePort(), portOf(server)];
    const forwarding = kubectl.start(["port-forward", podOn("edge-1"), `${local}:${remote}`]);
    try {
      await until(() => forwarding.output().stdout.includes("Forwarding from"), 10_000);
      const answers = await Promise.all([1, 2, 3, 4].map(() => fetched(local, null)));
      expect(answers.map(hash)).toEqual([1, 2, 3, 4].map(() => hash(content)));
      expect((await fetched(local, content)).toString()).toBe(hash(content));
    } finally {
      await forwarding.stop();
      server.close();
    }
  });

  it("says what is wrong with a port that nobody listens on", async () => {
    const local = await freePort();
    const forwarding = kubectl.start(["port-forward", podOn("edge-1"), `${local}:1`]);
    await until(() => forwarding.output().stdout.includes("Forwarding from"), 10_000);
    await fetched(local, null).catch(() => {});
    await until(() => forwarding.output().stderr.includes("connection refused"), 10_000);
    await forwarding.stop();
    expect(forwarding.output().stderr).toContain(`an error occurred forwarding ${local} -> 1`);
  });
});

it("the JavaScript client has its own way to forward ports, and to run commands", async () => {
  const config = new KubeConfig();
  config.loadFromFile(join(cluster.dir, "kubeconfig"));
  const server = await echoing(Buffer.from("from the pod"));
  const [input, output] = [new PassThrough(), new PassThrough()];
  const said: Buffer[] = [];
  output.on("data", (chunk) => said.push(chunk));
  const forward = new PortForward(config);
  const forwarded = await forward.portForward("default", podOn("edge-1"), [portOf(server)], output, null, input);
  input.write("GET / HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n");
  await until(() => Buffer.concat(said).toString().endsWith("from the pod"), 10_000);
  if (typeof forwarded !== "function") forwarded.close();
  server.close();

  const printed = new PassThrough();
  const status = new Promise<V1Status>((resolve) => {
    const command = ["sh", "-c", "echo $GREETING; exit 4"];
    void new Exec(config).exec("default", podOn("edge-1"), "c", command, printed, null, null, false, resolve);
  });
  expect((await status).details?.causes?.[0]?.message).toBe("4");
  expect(String(printed.read())).toBe("hello\n");
});

it("a hundred megabytes go through unharmed, and take no memory with them", async () => {
  const before = { agent: residentBytes(agentOf("edge-1")), engine: residentBytes(engine()) };
  const { stdout } = await shell(newest, `$K exec ${podOn("edge-1")} -- head -c 104857600 /dev/zero | sha256sum`);
  expect(stdout.slice(0, 64)).toBe(hash(Buffer.alloc(100 * mebibyte)));
  expect(residentBytes(agentOf("edge-1")) - before.agent).toBeLessThan(64 * mebibyte);
  expect(residentBytes(engine()) - before.engine).toBeLessThan(64 * mebibyte);
});

it("whoever does not read holds up the writer, and the writer ends with who read", async () => {
  const mark = `mark-${randomBytes(4).toString("hex")}`;
  const before = { agent: residentBytes(agentOf("edge-1")), engine: residentBytes(engine()) };
  const args = ["exec", podOn("edge-1"), "--", "sh", "-c", `: ${mark}; while true; do head -c 1048576 /dev/zero; done`];
  const child = spawn(newest, args, { env: environment(), stdio: ["ignore", "pipe", "ignore"] });
  const isRunning = () => processes().some(({ pid, commandLine }) => pid !== child.pid && commandLine.includes(mark));
  await until(isRunning, 10_000);
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  expect(residentBytes(agentOf("edge-1")) - before.agent).toBeLessThan(64 * mebibyte);
  expect(residentBytes(engine()) - before.engine).toBeLessThan(64 * mebibyte);
  child.kill("SIGKILL");
  await until(() => !isRunning(), 10_000);
});

const sleeping = ["sleep", "600", ""].join("\0");

it("a session ends within seconds when its agent is killed, and the next agent takes new ones on", async () => {
  const child = spawn(newest, ["exec", podOn("edge-2"), "--", "sleep", "600"], { env: environment() });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += chunk;
  });
  const end = ended(child);
  const isRunning = () => processes().some(({ commandLine }) => commandLine === sleeping);
  await until(isRunning, 10_000);
  const killedAtMs = Date.now();
  process.kill(agentOf("edge-2"), "SIGKILL");
  expect(await end).not.toBe(0);
  expect(Date.now() - killedAtMs).toBeLessThan(20_000);
  expect(said).toMatch(/error/i);
  await until(
    async () => (await cluster.kubectl.run(`exec ${podOn("edge-2")} -- echo again`)).stdout === "again\n",
    30_000,
  );
  for (const { pid, commandLine } of processes()) if (commandLine === sleeping) process.kill(pid, "SIGKILL");
});

it("a node that does not answer is reported, and not waited for twice", async () => {
  const agent = agentOf("edge-2");
  process.kill(agent, "SIGSTOP");
  try {
    const startedAtMs = Date.now();
    expect(await cluster.kubectl.refused(`exec ${podOn("edge-2")} -- true`)).toContain(
      'error dialing backend: the agent of node "edge-2"',
    );
    expect(Date.now() - startedAtMs).toBeLessThan(25_000);
  } finally {
    process.kill(agent, "SIGCONT");
  }
});

function hash(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Answers a GET with `content`, and a POST with the hash of what it sends. */
async function echoing(content: Buffer): Promise<Server> {
  const server = createServer((asked, answer) => {
    if (asked.method === "GET") {
      answer.end(content);
      return;
    }
    const digest = createHash("sha256");
    asked.on("data", (chunk) => digest.update(chunk));
    asked.on("end", () => answer.end(digest.digest("hex")));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

function fetched(port: number, body: Buffer | null): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const asking = request(
      { port, host: "127.0.0.1", method: body === null ? "GET" : "POST", agent: false },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("end", () => resolve(Buffer.concat(chunks)));
        answer.on("error", reject);
      },
    );
    asking.on("error", reject);
    asking.end(body ?? undefined);
  });
}
