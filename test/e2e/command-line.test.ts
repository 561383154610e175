// What `npm start` says to people who mistype, or who start it twice.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

import { ownDirectory } from "../containers/own-directory.ts";
import { Cluster } from "./support/cluster.ts";

const program = fileURLToPath(new URL("../../local/start.ts", import.meta.url));
const bootstrap = fileURLToPath(new URL("../../local/bootstrap.mjs", import.meta.url));

function start(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: "utf8",
    timeout: 60_000,
  });
  return { status, stdout, stderr };
}

it("--help lists every option with its default", () => {
  const { status, stdout } = start("--help");
  expect(status).toBe(0);
  for (const option of [
    "--port N",
    "--state DIR",
    "--nodes N",
    "--node-prefix P",
    "--runtime R",
    "--no-example",
    "--fleet N",
  ]) {
    expect(stdout).toContain(option);
  }
  expect(stdout.match(/\(default /g)).toHaveLength(6);
});

it.each([
  ["an option that does not exist", ["--nods", "3"], "Unknown option '--nods'"],
  ["a number that is none", ["--nodes", "three"], '--nodes must be a whole number from 0 to 100, not "three"'],
  [
    "a runtime that does not exist",
    ["--runtime", "rkt"],
    '--runtime must be auto, docker, cri, process or fake, not "rkt"',
  ],
])("%s is a clear error", (_what, args, message) => {
  const { status, stderr } = start(...args);
  expect(status).toBe(1);
  expect(stderr).toContain(message);
  expect(stderr).not.toMatch(/^ +at /m);
});

it("a Node that is too old is a clear error", () => {
  const pretend = 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "18.20.0" } })';
  const { status, stderr } = spawnSync(
    process.execPath,
    ["--import", `data:text/javascript,${encodeURIComponent(pretend)}`, bootstrap, "local/start.ts", "--help"],
    { encoding: "utf8", timeout: 60_000 },
  );
  expect(status).toBe(1);
  expect(stderr).toBe("lares: Node 20 or newer is needed, this is 18.20.0. See https://nodejs.org.\n");
});

it("a port that is taken is a clear error", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const dir = ownDirectory("e2e");
  const { status, stderr } = start("--port", String(port), "--state", dir);
  server.close();
  rmSync(dir, { recursive: true });
  expect(status).toBe(1);
  expect(stderr).toBe(`lares: port ${port} is taken; choose another one with --port\n`);
});

it("a state directory that is in use is a clear error; no nodes at all are fine", async () => {
  const cluster = await Cluster.start({ nodes: 0 });
  const { status, stderr } = start("--port", "1", "--state", cluster.dir);
  expect(status).toBe(1);
  expect(stderr).toBe(
    `lares: the state directory ${cluster.dir} is in use by process ${cluster.pid}; stop that one first, or use --state\n`,
  );
  expect(await cluster.kubectl.ok("get nodes")).toBe("");
  await cluster.remove();
}, 90_000);
