import { existsSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { Machine } from "../containers/machine.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { Segment } from "../containers/segment.ts";

let dir: string;
let segment: Segment;
const machines: Machine[] = [];

beforeAll(() => {
  dir = ownDirectory("machines");
  segment = Segment.open(dir);
});

afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.cutPower();
});

afterAll(() => {
  segment?.close();
  rmSync(dir, { recursive: true, force: true });
});

async function newMachine(name: string): Promise<Machine> {
  const machine = new Machine(segment, { name, dir: join(dir, name) });
  machines.push(machine);
  await machine.start();
  return machine;
}

it("a machine has a name, an address, processes and control groups of its own", async () => {
  const [one, other] = [await newMachine("one"), await newMachine("other")];
  expect((await one.ok("hostname")).trim()).toBe("one");
  expect(await one.ok("ip", "-o", "-4", "addr", "show", "eth0")).toContain(`${one.address}/24`);
  expect(one.address).not.toBe(other.address);
  await one.program("sleeper", "sleep", "4242");
  expect(await one.ok("busybox", "ps")).toContain("sleep 4242");
  expect(await other.ok("busybox", "ps")).not.toContain("sleep 4242");
  for (const line of (await one.ok("cat", "/proc/self/cgroup")).trim().split("\n")) expect(line).toMatch(/:\/$/);
  await one.ok(
    "sh",
    "-c",
    "mkdir /sys/fs/cgroup/memory/pods && echo 1000000 > /sys/fs/cgroup/memory/pods/memory.limit_in_bytes",
  );
  expect(existsSync(`/sys/fs/cgroup/memory/${one.controlGroup}/pods`)).toBe(true);
});

it("a machine that loses its power has its disk, and nothing else", async () => {
  const machine = await newMachine("one");
  const before = await machine.ok("cat", "/proc/sys/kernel/random/boot_id");
  await machine.ok("sh", "-c", "echo kept >/var/lib/kept; echo logged >/var/log/logged; echo lost >/run/lost");
  const program = await machine.program("sleeper", "sleep", "4242");
  await machine.cutPower();
  await program.ended;
  expect(existsSync(`/proc/${program.pid}`)).toBe(false);
  expect(existsSync(`/sys/fs/cgroup/memory/${machine.controlGroup}`)).toBe(false);
  await machine.start();
  expect(await machine.ok("cat", "/var/lib/kept", "/var/log/logged")).toBe("kept\nlogged\n");
  expect((await machine.run("cat", "/run/lost")).code).toBe(1);
  expect(await machine.ok("cat", "/proc/sys/kernel/random/boot_id")).not.toBe(before);
  expect(await machine.ok("ip", "-o", "-4", "addr", "show", "eth0")).toContain(`${machine.address}/24`);
});

it("packets of one direction can be dropped, and those of the other pass", async () => {
  const machine = await newMachine("one");
  let asked = 0;
  const server = createServer((_, response) => {
    asked += 1;
    response.end("hello");
  });
  await new Promise<void>((resolve) => server.listen(0, segment.gateway, resolve));
  const address = server.address();
  const url = `http://${segment.gateway}:${address !== null && typeof address === "object" ? address.port : 0}/`;
  const get = () => machine.run("timeout", "1", "busybox", "wget", "-q", "-O", "-", url);
  try {
    expect(await get()).toEqual({ code: 0, stdout: "hello", stderr: "" });
    // The connection is made, the question arrives, and its answer does not.
    await machine.ok("iptables", "-A", "INPUT", "-p", "tcp", "--tcp-flags", "SYN,PSH", "PSH", "-j", "DROP");
    expect((await get()).code).not.toBe(0);
    expect(asked).toBe(2);
    await machine.ok("iptables", "-F");
    await machine.ok("iptables", "-A", "OUTPUT", "-d", segment.gateway, "-j", "DROP");
    expect((await get()).code).not.toBe(0);
    expect(asked).toBe(2);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});
