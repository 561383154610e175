// What a user's own kubectl does with real containers: looks into them, copies, connects, behind whatever network they are.
import { mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";

import { busyboxImage } from "../containers/image.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { until } from "./support/cluster.ts";
import { EdgeNode } from "./support/edge-node.ts";
import type { Kubectl } from "./support/kubectl.ts";
import { Site } from "./support/site.ts";

let site: Site;
let kubectl: Kubectl;
let directory: string;
let node: EdgeNode;
/** Of the DaemonSet. */
let pod: string;

const script = `
trap 'exit 0' TERM
mkdir /www && echo served >/www/index.html && httpd -p 127.0.0.1:8080 -h /www
echo ready to serve
while read line; do echo "heard $line"; done
`;

const daemon = {
  apiVersion: "apps/v1",
  kind: "DaemonSet",
  metadata: { name: "looked-into", namespace: "default" },
  spec: {
    selector: { matchLabels: { app: "looked-into" } },
    template: {
      metadata: { labels: { app: "looked-into" } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{ name: "main", image: "busybox:1.36", command: ["/bin/sh", "-c", script], stdin: true }],
      },
    },
  },
};

beforeAll(async () => {
  directory = ownDirectory("sessions");
  site = await Site.open({ "library/busybox:1.36": busyboxImage() });
  kubectl = site.kubectl;
  node = await EdgeNode.set(site, "edge-1");
  mkdirSync(manifests(), { recursive: true });
  await node.startRuntime();
  await node.startAgent();
  await until(async () => (await kubectl.run("get node edge-1")).code === 0);
  await kubectl.ok("apply -f -", JSON.stringify(daemon));
  await kubectl.ok("rollout status ds/looked-into --timeout=60s");
  pod = (await kubectl.ok("get pods -l app=looked-into -o jsonpath={.items[0].metadata.name}")).trim();
}, 120_000);

afterAll(async () => {
  await site?.remove();
  rmSync(directory, { recursive: true, force: true });
}, 60_000);

it("exec runs a command with the user's input to its end, and ends with its exit code", async () => {
  const told = await kubectl.run(
    ["exec", "-i", pod, "--", "sh", "-c", "cat; echo problem >&2; exit 7"],
    "first\nlast\n",
  );
  expect(told.stdout).toBe("first\nlast\n");
  expect(told.stderr).toContain("problem\n");
  expect(told.code).toBe(7);
  expect((await kubectl.run(["exec", pod, "--", "no-such-command"])).code).not.toBe(0);
});

it("cp takes a file there and back unchanged", async () => {
  const sent = Buffer.alloc(3_000_000, "0123456789abcdefghijklmnopqrstuvwxyz-");
  writeFileSync(join(directory, "sent"), sent);
  await kubectl.ok(["cp", join(directory, "sent"), `${pod}:/tmp/kept`]);
  await kubectl.ok(["cp", `${pod}:/tmp/kept`, join(directory, "back")]);
  expect(readFileSync(join(directory, "back")).equals(sent)).toBe(true);
});

it("logs shows what the container has said", async () => {
  expect(await kubectl.ok(`logs ${pod}`)).toContain("ready to serve\n");
});

it("attach talks with the container itself", async () => {
  await kubectl.run(["attach", "-i", pod], "you there\n");
  await vi.waitFor(async () => expect(await kubectl.ok(`logs ${pod}`)).toContain("heard you there\n"), {
    timeout: 10_000,
  });
});

it("port-forward leads to a port that nobody outside of the pod can reach", async () => {
  const forward = kubectl.start(["port-forward", pod, ":8080"]);
  try {
    const port = await vi.waitFor(
      () => {
        const [, found] = /127\.0\.0\.1:(\d+) ->/.exec(forward.output().stdout) ?? [];
        if (found === undefined) throw new Error(forward.output().stderr);
        return found;
      },
      { timeout: 20_000 },
    );
    for (const _ of [1, 2]) expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("served\n");
  } finally {
    await forward.stop();
  }
});

/** What the agent has open of the logs of containers: files, and what it is told of changes of. */
function logsOpen(): readonly string[] {
  const fds = `/proc/${node.agentPid}/fd`;
  return readdirSync(fds).flatMap((fd) => {
    try {
      const path = readlinkSync(join(fds, fd));
      if (path.includes("/log/pods/")) return [path];
      if (path !== "anon_inode:inotify") return [];
      return readFileSync(`/proc/${node.agentPid}/fdinfo/${fd}`, "utf8").match(/^inotify wd:\S+/gm) ?? [];
    } catch {
      // It was closed just now.
      return [];
    }
  });
}

it("nothing is left of logs whose readers have vanished once there is something to tell them", async () => {
  const before = logsOpen();
  const readers = [1, 2, 3].map(() => kubectl.start(["logs", "-f", "--tail=1", pod]));
  await until(() => readers.every((reader) => reader.output().stdout.includes("heard you there")));
  expect(logsOpen().length).toBeGreaterThan(before.length);
  for (const reader of readers) await reader.stop("SIGKILL");
  await until(async () => {
    await kubectl.run(["attach", "-i", pod], "still there\n");
    return logsOpen().length === before.length;
  }, 20_000);
}, 60_000);

function manifests(): string {
  return join(node.machine.dir, "lib/lares/manifests");
}

/** A pod that its node runs by itself. */
function runByItself(name: string): void {
  const command = ["/bin/sh", "-c", `trap 'exit 0' TERM; echo here is ${name}; while :; do sleep 1 & wait $!; done`];
  const containers = [{ name: "main", image: "busybox:1.36", command }];
  const spec = { terminationGracePeriodSeconds: 1, containers };
  const manifest = { apiVersion: "v1", kind: "Pod", metadata: { name }, spec };
  writeFileSync(join(manifests(), `${name}.json`), JSON.stringify(manifest));
}

async function lookInto(mirror: string, name: string): Promise<void> {
  await until(async () => (await kubectl.run(`get pod ${mirror}`)).code === 0, 60_000);
  await kubectl.ok(`wait pod/${mirror} --for=condition=Ready --timeout=60s`);
  expect(await kubectl.ok(`logs ${mirror}`)).toBe(`here is ${name}\n`);
  const told = await kubectl.run(["exec", "-i", mirror, "--", "sh", "-c", "cat; hostname"], "heard\n");
  expect(told).toMatchObject({ code: 0, stdout: `heard\n${mirror}\n` });
}

it("a pod that its node runs by itself is looked into by its mirror", async () => {
  runByItself("first");
  await lookInto("first-edge-1", "first");
}, 120_000);

it("a node that finds nobody runs what is in its folder, and its mirror is there when it is back", async () => {
  const others = node.running();
  await node.killAgent();
  await node.cut("both");
  runByItself("second");
  await node.startAgent();
  await until(() => node.running().some((container) => container.pod === "second-edge-1"), 30_000);
  expect(node.running().filter((container) => container.pod !== "second-edge-1")).toEqual(others);
  await node.mend();
  await lookInto("second-edge-1", "second");
}, 180_000);
