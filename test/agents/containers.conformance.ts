// What every runtime driver with real containers must do beyond runtime.conformance.ts: what is in a container, and what
// is not. A driver's test calls `describeContainers`.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readlinkSync, renameSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { Duplex, Readable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import type {
  ContainerConfig,
  ContainerStreams,
  LinuxResources,
  LinuxSecurityContext,
  Mount,
  PodSandboxConfig,
  Runtime,
  RuntimeContainerStatus,
  StreamOptions,
} from "../../agents/node/runtime/runtime.ts";
import { busyboxImage } from "../containers/image.ts";
import { Registry } from "../containers/registry.ts";
import { containerConfigOf, sandboxConfigOf, value } from "./runtime.conformance.ts";

export type ContainerHarness = {
  readonly runtime: Runtime;
  /** For what tests write; empty. Logs are below its `log`. */
  readonly directory: string;
  /** That `busybox` was pushed to. */
  readonly registry: Registry;
  /** The image that busyboxImage() makes; the runtime has it. */
  readonly busybox: string;
  close(): Promise<void>;
};

type Fields = Partial<Omit<ContainerConfig, "linux">> & {
  readonly resources?: Partial<LinuxResources>;
  readonly security?: Partial<LinuxSecurityContext>;
};

const patience = { timeout: 10_000, interval: 20 };
const ownNamespace = (name: string) => readlinkSync(`/proc/self/ns/${name}`);

export function describeContainers(name: string, open: () => Promise<ContainerHarness>): void {
  describe(`a container of ${name}`, () => {
    let harness: ContainerHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    function sandboxOf(fields: Partial<PodSandboxConfig> = {}, uid = "uid-1"): PodSandboxConfig {
      return { ...sandboxConfigOf(join(harness.directory, "log"), uid), ...fields };
    }

    async function runSandbox(config: PodSandboxConfig): Promise<string> {
      return value(await harness.runtime.runPodSandbox(config));
    }

    type Started = { readonly id: string; readonly sandboxId: string; readonly logPath: string };

    /** In a sandbox of its own, unless there is one. */
    async function start(
      command: readonly string[],
      fields: Fields = {},
      { sandbox = sandboxOf(), sandboxId: given = "" } = {},
    ): Promise<Started> {
      const sandboxId = given === "" ? await runSandbox(sandbox) : given;
      const { resources, security, ...rest } = fields;
      const base = containerConfigOf({ image: harness.busybox, command, ...rest }, sandbox.metadata.uid);
      const linux = {
        resources: { ...base.linux.resources, ...resources },
        securityContext: { ...base.linux.securityContext, ...security },
      };
      const config = { ...base, linux };
      const id = value(await harness.runtime.createContainer(sandboxId, config, sandbox));
      value(await harness.runtime.startContainer(id));
      return { id, sandboxId, logPath: join(sandbox.logDirectory, config.logPath) };
    }

    async function exited(id: string): Promise<RuntimeContainerStatus> {
      return vi.waitFor(async () => {
        const status = await harness.runtime.containerStatus(id);
        if (status?.state !== "exited") throw new Error(`still ${status?.state}`);
        return status;
      }, patience);
    }

    /** What a script says before it ends. */
    async function said(script: string, fields: Fields = {}, where = {}): Promise<readonly string[]> {
      const { id, logPath } = await start(["sh", "-c", script], fields, where);
      const { exitCode, message } = await exited(id);
      const lines = await vi.waitFor(() => texts(logPath), patience);
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${message ?? ""} ${lines.join("\n")}`);
      return lines;
    }

    async function show(id: string, ...command: readonly string[]): Promise<string> {
      const { stdout, stderr, exitCode } = value(await harness.runtime.execSync(id, command, 10));
      if (exitCode !== 0) throw new Error(`exit code ${exitCode}: ${stderr}`);
      return stdout.trimEnd();
    }

    const sleeping = ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"];

    test("has its environment, directory and name", async () => {
      const envs = [
        { key: "GREETING", value: "hello there" },
        { key: "EMPTY", value: "" },
      ];
      const script = 'echo "$GREETING" "[$EMPTY]" "$PATH"; pwd; hostname';
      const sandbox = sandboxOf({ hostNetwork: false, hostname: "named" });
      expect(await said(script, { envs, workingDir: "/var/log" }, { sandbox })).toEqual([
        "hello there [] /usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        "/var/log",
        "named",
      ]);
    });

    test("runs what its image says where it says nothing, with its own arguments", async () => {
      const image = await harness.registry.push(
        "test/entry:1",
        busyboxImage({ entrypoint: ["echo", "said"], cmd: ["a"] }),
      );
      const sandbox = sandboxOf();
      value(await harness.runtime.pullImage(image, sandbox, []));
      const sandboxId = await runSandbox(sandbox);
      const first = await start([], { image }, { sandbox, sandboxId });
      const second = await start(
        [],
        { image, args: ["b", "c"], metadata: { name: "b", attempt: 0 }, logPath: "b/0.log" },
        { sandbox, sandboxId },
      );
      await exited(first.id);
      await exited(second.id);
      expect(texts(first.logPath)).toEqual(["said a"]);
      expect(texts(second.logPath)).toEqual(["said b c"]);
    });

    test("writes its log in the form and place of the kubelet's", async () => {
      const { id, logPath } = await start([
        "sh",
        "-c",
        "echo out; sleep 0.2; echo err >&2; sleep 0.2; printf unfinished",
      ]);
      await exited(id);
      const lines = await vi.waitFor(() => {
        const found = readFileSync(logPath, "utf8").trimEnd().split("\n");
        expect(found).toHaveLength(3);
        return found;
      }, patience);
      const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}(?:Z|[+-]\d\d:\d\d) (stdout|stderr) ([FP]) (\S+)$/;
      expect(lines.map((line) => form.exec(line)?.slice(1))).toEqual([
        ["stdout", "F", "out"],
        ["stderr", "F", "err"],
        ["stdout", expect.stringMatching(/[FP]/), "unfinished"],
      ]);
      const link = join(harness.directory, "log/containers", `pod_ns_main-${id}.log`);
      expect(readFileSync(link, "utf8")).toBe(readFileSync(logPath, "utf8"));
      value(await harness.runtime.removeContainer(id));
      expect(() => readFileSync(link)).toThrow();
      expect(() => readFileSync(logPath)).toThrow();
    });

    test("goes on in a new log file after the old one was moved away, and loses no line", async () => {
      const { id, logPath } = await start(["sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done"]);
      await vi.waitFor(() => expect(texts(logPath).length).toBeGreaterThan(5), patience);
      renameSync(logPath, `${logPath}.1`);
      value(await harness.runtime.reopenContainerLog(id));
      await vi.waitFor(() => expect(texts(logPath).length).toBeGreaterThan(5), patience);
      value(await harness.runtime.stopContainer(id, 0));
      const numbers = [...texts(`${logPath}.1`), ...texts(logPath)].map(Number);
      expect(numbers).toEqual(numbers.map((_, index) => index));
    });

    test("runs as the user and groups it asks for", async () => {
      const security = { runAsUser: 12_345, runAsGroup: 23_456, supplementalGroups: [34_567] };
      expect(await said("id -u; id -G", { security })).toEqual(["12345", "23456 34567"]);
    });

    test("runs as its image's user, in the group it asks for", async () => {
      const image = await harness.registry.push("test/user:1", busyboxImage({ user: "app" }));
      value(await harness.runtime.pullImage(image, sandboxOf(), []));
      expect(await harness.runtime.imageStatus(image)).toMatchObject({ username: "app" });
      expect(await said("id -u; id -g", { image, security: { runAsGroup: 23_456 } })).toEqual(["1000", "23456"]);
    });

    test("has the capabilities that it is left, and gains none", async () => {
      const security = { dropCapabilities: ["ALL"], addCapabilities: ["NET_ADMIN"], noNewPrivileges: true };
      expect(await said("grep -E 'CapBnd|CapEff|NoNewPrivs' /proc/self/status", { security })).toEqual([
        "CapEff:\t0000000000001000",
        "CapBnd:\t0000000000001000",
        "NoNewPrivs:\t1",
      ]);
    });

    test("that is privileged has all of them, and the host's devices", async () => {
      const [own = ""] = /CapBnd:\s*(\w+)/.exec(readFileSync("/proc/self/status", "utf8"))?.slice(1) ?? [];
      const sandbox = sandboxOf({ securityContext: { privileged: true, supplementalGroups: [] } });
      const script = "sed -n 's/CapEff:\\t//p' /proc/self/status; test -e /dev/kmsg && echo devices; touch /sys/x 2>&1";
      const lines = await said(`${script}; true`, { security: { privileged: true } }, { sandbox });
      // Engines of some age know none beyond CAP_AUDIT_READ.
      const known = (1n << 38n) - 1n;
      expect(BigInt(`0x${lines[0]}`) & known).toBe(BigInt(`0x${own}`) & known);
      expect(lines[1]).toBe("devices");
      expect(lines[2]).not.toMatch(/Read-only/);
    });

    test("cannot write where its root is read-only, but into its volumes", async () => {
      mkdirSync(join(harness.directory, "kept"), { recursive: true });
      const mounts = [mount("/kept", join(harness.directory, "kept"))];
      const script = "touch /file 2>&1 && echo written; touch /kept/file && echo kept";
      const lines = await said(script, { mounts, security: { readonlyRootfs: true } });
      expect(lines).toEqual([expect.stringMatching(/Read-only file system/), "kept"]);
      expect(await said("touch /file && echo written", {}, { sandbox: sandboxOf({}, "uid-2") })).toEqual(["written"]);
    });

    test("sees its volumes: folders, single files, read-only ones", async () => {
      const folder = join(harness.directory, "folder");
      const file = join(harness.directory, "file");
      mkdirSync(folder);
      writeFileSync(join(folder, "in"), "from the host\n");
      writeFileSync(file, "one file\n");
      const mounts = [mount("/a", folder), mount("/b", folder, { readonly: true }), mount("/etc/one", file)];
      const script = "cat /a/in /etc/one; echo out >/a/out; touch /b/x 2>&1 && echo written; cat /b/out";
      expect(await said(script, { mounts })).toEqual([
        "from the host",
        "one file",
        expect.stringMatching(/Read-only file system/),
        "out",
      ]);
      expect(readFileSync(join(folder, "out"), "utf8")).toBe("out\n");
    });

    test("sees what is mounted below its volumes, which may have any name", async () => {
      const folder = join(harness.directory, "volume");
      const others = ["with a colon:", "with, a comma"].map((other) => join(harness.directory, other));
      for (const one of [join(folder, "below"), ...others]) mkdirSync(one, { recursive: true });
      for (const one of others) writeFileSync(join(one, "file"), "other\n");
      execFileSync("mount", ["-t", "tmpfs", "none", join(folder, "below")]);
      try {
        writeFileSync(join(folder, "below/file"), "mounted\n");
        const mounts = [folder, ...others].map((one, index) => mount(`/${index}`, one, { readonly: true }));
        expect(await said("cat /0/below/file /?/file", { mounts })).toEqual(["mounted", "other", "other"]);
      } finally {
        execFileSync("umount", ["--lazy", join(folder, "below")]);
      }
    });

    test("may write to what is mounted below a volume that it may only read", async () => {
      const folder = join(harness.directory, "volume");
      mkdirSync(join(folder, "below"), { recursive: true });
      execFileSync("mount", ["-t", "tmpfs", "none", join(folder, "below")]);
      try {
        const mounts = [mount("/volume", folder, { readonly: true })];
        const script = "touch /volume/file 2>&1 && echo written; touch /volume/below/file && echo written below";
        expect(await said(script, { mounts })).toEqual([expect.stringMatching(/Read-only/), "written below"]);
      } finally {
        execFileSync("umount", ["--lazy", join(folder, "below")]);
      }
    });

    test("sees what the host mounts later, where it asks for that", async () => {
      const folder = join(harness.directory, "shared");
      mkdirSync(join(folder, "later"), { recursive: true });
      // A mount of its own, for only what is shared is seen elsewhere.
      execFileSync("mount", ["--bind", folder, folder]);
      execFileSync("mount", ["--make-rshared", folder]);
      try {
        const mounts = [
          mount("/seen", folder, { propagation: "host-to-container" }),
          mount("/unseen", folder, { propagation: "private" }),
        ];
        const { id } = await start(sleeping, { mounts });
        execFileSync("mount", ["-t", "tmpfs", "none", join(folder, "later")]);
        writeFileSync(join(folder, "later/file"), "late\n");
        expect(await show(id, "cat", "/seen/later/file")).toBe("late");
        expect(value(await harness.runtime.execSync(id, ["cat", "/unseen/later/file"], 10)).exitCode).toBe(1);
      } finally {
        execFileSync("umount", ["--lazy", "--recursive", folder]);
      }
    });

    test("shows the host what it mounts, where it asks for that", async () => {
      const folder = join(harness.directory, "shared");
      mkdirSync(join(folder, "inner"), { recursive: true });
      execFileSync("mount", ["--bind", folder, folder]);
      execFileSync("mount", ["--make-rshared", folder]);
      try {
        const sandbox = sandboxOf({ securityContext: { privileged: true, supplementalGroups: [] } });
        const mounts = [mount("/shared", folder, { propagation: "bidirectional" })];
        const { id } = await start(sleeping, { mounts, security: { privileged: true } }, { sandbox });
        await show(id, "sh", "-c", "mount -t tmpfs none /shared/inner && echo in >/shared/inner/file");
        expect(readFileSync(join(folder, "inner/file"), "utf8")).toBe("in\n");
      } finally {
        execFileSync("umount", ["--lazy", "--recursive", folder]);
      }
    });

    test("has its limits", async () => {
      const resources = { memoryLimit: 64 * 1024 * 1024, cpuQuota: 50_000, cpuShares: 512, oomScoreAdjust: 500 };
      const files = {
        memory: ["memory/memory.limit_in_bytes", "memory.max"],
        quota: ["cpu/cpu.cfs_quota_us", "cpu.max"],
        shares: ["cpu/cpu.shares", "cpu.weight"],
      };
      const script = Object.values(files)
        .map((paths) => `cat ${paths.map((path) => `/sys/fs/cgroup/${path}`).join(" ")} 2>/dev/null`)
        .join("; ");
      const lines = await said(`${script}; cat /proc/self/oom_score_adj`, { resources });
      expect(lines[0]).toBe("67108864");
      expect(["50000", "50000 100000"]).toContain(lines[1]);
      expect(["512", "20"]).toContain(lines[2]);
      expect(lines[3]).toBe("500");
    });

    test("is told from others that ended when its memory ran out", async () => {
      const { id } = await start(["sh", "-c", "exec tail /dev/zero"], { resources: { memoryLimit: 16 * 1024 * 1024 } });
      expect(await exited(id)).toMatchObject({ exitCode: 137, reason: "OOMKilled" });
    });

    test("uses the processor, and its use is told", async () => {
      const { id } = await start(["sh", "-c", "while :; do :; done"]);
      const used = async () => {
        const all = await harness.runtime.listContainerStats();
        return all.find((stats) => stats.id === id)?.usageCoreNanoSeconds ?? 0;
      };
      const before = await used();
      await vi.waitFor(async () => expect(await used()).toBeGreaterThan(before + 50_000_000), patience);
    });

    test("has what it writes beside its volumes counted, and no pod another's", async () => {
      await start(["sh", "-c", "dd if=/dev/zero of=/file bs=1024 count=3072; exec sleep 1000"]);
      const layersOf = async (podUid: string) => (await harness.runtime.writableLayers?.({ podUid })) ?? [];
      // containerd looks every ten seconds.
      await vi.waitFor(
        async () => {
          const [layer] = await layersOf("uid-1");
          expect(layer).toMatchObject({ podUid: "uid-1", name: "main" });
          expect(layer?.bytes).toBeGreaterThanOrEqual(3072 * 1024);
          expect(layer?.bytes).toBeLessThan(4096 * 1024);
        },
        { timeout: 30_000, interval: 200 },
      );
      expect(await layersOf("uid-2")).toEqual([]);
    }, 45_000);

    test("of a pod on the host's network sees the host's", async () => {
      const { id, sandboxId } = await start(sleeping, {}, { sandbox: sandboxOf({ hostNetwork: true }) });
      expect(await show(id, "readlink", "/proc/self/ns/net")).toBe(ownNamespace("net"));
      const [sandbox] = await harness.runtime.listPodSandboxes({});
      expect(sandbox).toMatchObject({ id: sandboxId });
      expect(sandbox?.ip).toBeUndefined();
    });

    test("of a pod with a network of its own is reached at the pod's address, and by its neighbours on loopback", async () => {
      const sandbox = sandboxOf({ hostNetwork: false });
      const sandboxId = await runSandbox(sandbox);
      const server = ["sh", "-c", "mkdir /www; echo served >/www/index.html; exec httpd -f -p 8080 -h /www"];
      const { id } = await start(server, {}, { sandbox, sandboxId });
      expect(await show(id, "readlink", "/proc/self/ns/net")).not.toBe(ownNamespace("net"));
      const [listed] = await harness.runtime.listPodSandboxes({});
      const text = await vi.waitFor(async () => (await fetch(`http://${listed?.ip}:8080/`)).text(), patience);
      expect(text).toBe("served\n");
      const other = { metadata: { name: "other", attempt: 0 }, logPath: "other/0.log" };
      expect(await said("wget -qO- http://127.0.0.1:8080/", other, { sandbox, sandboxId })).toEqual(["served"]);
    });

    test("is reached at a port of the host", async () => {
      const hostPort = 20_000 + (process.pid % 20_000);
      const portMappings = [{ protocol: "TCP", containerPort: 8080, hostPort, hostIp: "" }];
      const sandbox = sandboxOf({ hostNetwork: false, portMappings });
      await start(
        ["sh", "-c", "mkdir /www; echo served >/www/index.html; exec httpd -f -p 8080 -h /www"],
        {},
        { sandbox },
      );
      const address = Object.values(networkInterfaces())
        .flat()
        .find((one) => one?.family === "IPv4" && !one.internal)?.address;
      for (const host of ["127.0.0.1", address]) {
        const text = await vi.waitFor(async () => (await fetch(`http://${host}:${hostPort}/`)).text(), patience);
        expect(text).toBe("served\n");
      }
    });

    test("resolves names as it is told to, and else as the host does", async () => {
      const dns = { servers: ["192.0.2.53"], searches: ["a.example", "b.example"], options: ["ndots:3"] };
      // Some runtimes say in it where it comes from.
      const shown = (uid: string, fields: Partial<PodSandboxConfig>) =>
        said("grep '^[a-z]' /etc/resolv.conf | sort", {}, { sandbox: sandboxOf(fields, uid) });
      expect(await shown("uid-1", { dns, hostNetwork: false })).toEqual([
        "nameserver 192.0.2.53",
        "options ndots:3",
        "search a.example b.example",
      ]);
      const own = readFileSync("/etc/resolv.conf", "utf8").match(/^nameserver .*$/m)?.[0] ?? "nothing";
      expect(await shown("uid-2", { hostNetwork: true })).toContain(own);
    });

    test("has the kernel's settings that its pod asks for", async () => {
      const sysctls = { "net.ipv4.ip_unprivileged_port_start": "80" };
      const sandbox = sandboxOf({ hostNetwork: false, sysctls });
      expect(await said("cat /proc/sys/net/ipv4/ip_unprivileged_port_start", {}, { sandbox })).toEqual(["80"]);
    });

    test.each([
      ["container", "1"],
      ["pod", "several"],
      ["node", "the host's"],
    ] as const)("with the process namespace of its %s is number %s", async (pidNamespace, which) => {
      const sandbox = sandboxOf({ pidNamespace });
      const [pid = "", namespace = ""] = await said("echo $$; readlink /proc/self/ns/pid", {}, { sandbox });
      if (which === "1") expect(pid).toBe("1");
      else expect(Number(pid)).toBeGreaterThan(1);
      expect(namespace === ownNamespace("pid")).toBe(which === "the host's");
    });

    test("sees the processes of its neighbours where they share them", async () => {
      const sandbox = sandboxOf({ pidNamespace: "pod" });
      const sandboxId = await runSandbox(sandbox);
      await start(["sleep", "12345"], {}, { sandbox, sandboxId });
      const other = { metadata: { name: "other", attempt: 0 }, logPath: "other/0.log" };
      expect(await said("ps | grep -c '[s]leep 12345'", other, { sandbox, sandboxId })).toEqual(["1"]);
    });

    test.each([true, false])("shares the host's memory segments: %s", async (hostIpc) => {
      const [namespace] = await said("readlink /proc/self/ns/ipc", {}, { sandbox: sandboxOf({ hostIpc }) });
      expect(namespace === ownNamespace("ipc")).toBe(hostIpc);
    });

    test("cannot see or change the kernel's secrets, unless it is to", async () => {
      // Not every kernel has each of them.
      const secret = ["/proc/kcore", "/proc/timer_list", "/proc/keys"].find((path) => existsSync(path)) ?? "";
      const read = `head -c 1 ${secret} | wc -c`;
      const write = "echo 1 2>&1 >/proc/sys/vm/stat_interval; echo $?";
      const [masked, , ...written] = await said(`${read}; echo; ${write}`);
      expect(masked).toBe("0");
      expect(written.at(-1)).not.toBe("0");
      const fields = { security: { unmaskedProc: true } };
      const [bytes] = await said(read, fields, { sandbox: sandboxOf({}, "uid-2") });
      expect(bytes).toBe("1");
    });

    test("has the seccomp profile that it asks for", async () => {
      const mode = async (uid: string, security: Partial<LinuxSecurityContext>) =>
        (await said("grep Seccomp: /proc/self/status", { security }, { sandbox: sandboxOf({}, uid) }))[0];
      expect(await mode("uid-1", { seccomp: { type: "RuntimeDefault" } })).toBe("Seccomp:\t2");
      expect(await mode("uid-2", { seccomp: { type: "Unconfined" } })).toBe("Seccomp:\t0");
    });

    describe("that commands are run in", () => {
      const everything: StreamOptions = { stdin: true, stdout: true, stderr: true, tty: false };

      async function exec(id: string, command: readonly string[], options = everything): Promise<ContainerStreams> {
        const { streams } = harness.runtime;
        if (streams === undefined) throw new Error("the runtime has no streams");
        return value(await streams.exec(id, command, options));
      }

      test("runs them in its own surroundings, and not for ever", async () => {
        const { id } = await start(sleeping, { envs: [{ key: "WHERE", value: "inside" }], workingDir: "/var" });
        const script = "echo $WHERE; pwd; echo problem >&2; exit 7";
        const shown = value(await harness.runtime.execSync(id, ["sh", "-c", script], 10));
        expect(shown).toEqual({ stdout: "inside\n/var\n", stderr: "problem\n", exitCode: 7 });
        const late = await harness.runtime.execSync(id, ["sleep", "54321"], 1);
        expect(late).toMatchObject({ ok: false, reason: "timeout" });
        await vi.waitFor(async () => expect(await show(id, "ps")).not.toContain("54321"), patience);
        expect((await harness.runtime.execSync(id, ["no-such-command"], 5)).ok).toBe(false);
      });

      test("hands out both outputs and the exit code, and takes an input to its end", async () => {
        const { id } = await start(sleeping);
        const streams = await exec(id, ["sh", "-c", "cat; echo problem >&2; exit 7"]);
        streams.stdin?.write("first\n");
        streams.stdin?.end("last\n");
        const [stdout, stderr] = await Promise.all([textOf(streams.stdout), textOf(streams.stderr)]);
        expect({ stdout, stderr }).toEqual({ stdout: "first\nlast\n", stderr: "problem\n" });
        expect(value(await streams.exit)).toBe(7);
      });

      test("answers while the input is still open", async () => {
        const { id } = await start(sleeping);
        const streams = await exec(id, ["cat"]);
        const answered = new Promise((resolve) => streams.stdout?.once("data", (bytes) => resolve(String(bytes))));
        streams.stdin?.write("ping\n");
        expect(await answered).toBe("ping\n");
        streams.stdin?.end();
        streams.stdout?.resume();
        streams.stderr?.resume();
        expect(value(await streams.exit)).toBe(0);
      });

      test("passes much, both ways, without losing a byte", async () => {
        const { id } = await start(sleeping);
        const streams = await exec(id, ["cat"]);
        const sent = Buffer.alloc(5_000_000, "0123456789abcdefghijklmnopqrstuvwxyz-");
        streams.stdin?.end(sent);
        streams.stderr?.resume();
        const chunks: Buffer[] = [];
        for await (const chunk of streams.stdout ?? []) chunks.push(chunk);
        expect(Buffer.concat(chunks).equals(sent)).toBe(true);
        expect(value(await streams.exit)).toBe(0);
      });

      test("waits for a reader who is slow", async () => {
        const { id } = await start(sleeping);
        const streams = await exec(id, ["sh", "-c", "yes 0123456789 | head -c 3000000"], {
          ...everything,
          stdin: false,
        });
        streams.stderr?.resume();
        await new Promise((resolve) => setTimeout(resolve, 500));
        expect(streams.stdout?.readableLength).toBeLessThan(1_000_000);
        expect((await textOf(streams.stdout)).length).toBe(3_000_000);
        expect(value(await streams.exit)).toBe(0);
      });

      test("gives them a terminal of the size that is wanted", async () => {
        const { id } = await start(sleeping);
        const streams = await exec(id, ["sh"], { ...everything, stderr: false, tty: true });
        let shown = "";
        streams.stdout?.on("data", (bytes) => {
          shown += String(bytes);
        });
        expect(streams.stderr).toBeUndefined();
        streams.resize({ width: 91, height: 37 });
        await vi.waitFor(
          () => {
            streams.stdin?.write("stty size\n");
            expect(shown).toContain("37 91");
          },
          { ...patience, interval: 200 },
        );
        streams.stdin?.write("exit 5\n");
        expect(value(await streams.exit)).toBe(5);
      });

      test("says why a command cannot be run", async () => {
        const { id } = await start(sleeping);
        const { streams } = harness.runtime;
        const result = await streams?.exec(id, ["no-such-command"], { ...everything, stdin: false });
        if (result?.ok === true) {
          result.value.stdout?.resume();
          result.value.stderr?.resume();
        }
        const outcome = result?.ok === true ? await result.value.exit : result;
        if (outcome?.ok === true) expect([126, 127]).toContain(outcome.value);
        else expect(outcome?.message).toMatch(/no-such-command/);
      });

      test("lets nobody in when it has ended or is gone", async () => {
        const { id } = await start(["true"]);
        await exited(id);
        expect((await harness.runtime.streams?.exec(id, ["true"], everything))?.ok).toBe(false);
        expect((await harness.runtime.streams?.exec("nowhere", ["true"], everything))?.ok).toBe(false);
        expect((await harness.runtime.streams?.attach("nowhere", everything))?.ok).toBe(false);
      });

      test("shows its own output to whom is attached, and takes their input", async () => {
        const { id } = await start(["sh", "-c", "while read line; do echo got $line; done; exit 3"], { stdin: true });
        const { streams } = harness.runtime;
        const attached = value(
          (await streams?.attach(id, everything)) ?? { ok: false, reason: "failed", message: "no streams" },
        );
        let shown = "";
        attached.stdout?.on("data", (bytes) => {
          shown += String(bytes);
        });
        attached.stderr?.resume();
        attached.stdin?.write("this\n");
        await vi.waitFor(() => expect(shown).toContain("got this\n"), patience);
        value(await harness.runtime.stopContainer(id, 0));
        expect(value(await attached.exit)).toBe(0);
      });

      test("ends its input with the first who was attached, where that is asked for", async () => {
        const { id } = await start(["sh", "-c", "cat; exit 3"], { stdin: true, stdinOnce: true });
        const { streams } = harness.runtime;
        const attached = value(
          (await streams?.attach(id, everything)) ?? { ok: false, reason: "failed", message: "no streams" },
        );
        attached.stdout?.resume();
        attached.stderr?.resume();
        attached.stdin?.end("last\n");
        expect(await exited(id)).toMatchObject({ exitCode: 3 });
      });

      test.each([true, false])("connects to its ports; on the host's network: %s", async (hostNetwork) => {
        const port = 40_000 + (process.pid % 20_000);
        // On loopback alone: who gets through is within.
        const server = `mkdir /www; echo served >/www/index.html; exec httpd -f -p 127.0.0.1:${port} -h /www`;
        const { id, sandboxId } = await start(["sh", "-c", server], {}, { sandbox: sandboxOf({ hostNetwork }) });
        await vi.waitFor(() => show(id, "wget", "-qO-", `http://127.0.0.1:${port}/`), { ...patience, interval: 100 });
        const { streams } = harness.runtime;
        if (streams === undefined) throw new Error("the runtime has no streams");
        const connections = await Promise.all([1, 2].map(() => streams.portForward(sandboxId, port)));
        for (const connection of connections.map(value)) {
          connection.write("GET / HTTP/1.0\r\n\r\n");
          expect(await textOf(connection)).toMatch(/^HTTP\/1\.\d 200 OK[\s\S]*\r\n\r\nserved\n$/);
        }
        const dead = await streams.portForward(sandboxId, 1);
        expect(dead.ok ? await failureOf(dead.value) : dead.message).toMatch(/refused/);
      });
    });

    describe("whose image", () => {
      test("is there after it was pulled, by tag and by digest, and gone after it was removed", async () => {
        const { runtime, registry, directory } = harness;
        const image = busyboxImage({ labels: { directory } });
        const tagged = await registry.push("test/removed:1", image);
        expect(await runtime.imageStatus(tagged)).toBeNull();
        value(await runtime.pullImage(tagged, sandboxOf(), []));
        const status = await runtime.imageStatus(tagged);
        expect(status).toMatchObject({
          id: expect.stringMatching(/./),
          repoDigests: [registry.byDigest("test/removed:1", image)],
        });
        expect(status?.sizeBytes).toBeGreaterThan(100_000);
        value(await runtime.pullImage(registry.byDigest("test/removed:1", image), sandboxOf(), []));
        const listed = (await runtime.images?.list()) ?? [];
        expect(listed.find(({ id }) => id === status?.id)).toMatchObject({ repoTags: [tagged] });
        value(
          (await runtime.images?.remove(status?.id ?? "")) ?? { ok: false, reason: "failed", message: "no images" },
        );
        expect(await runtime.imageStatus(tagged)).toBeNull();
        expect((await runtime.images?.list())?.some(({ id }) => id === status?.id)).toBe(false);
        value(
          (await runtime.images?.remove(status?.id ?? "")) ?? { ok: false, reason: "failed", message: "no images" },
        );
      });

      test("is kept in a directory that is there", async () => {
        const directory = (await harness.runtime.images?.directory()) ?? "";
        expect(() => readlinkSync(directory)).toThrow(/EINVAL/);
      });

      test("cannot be pulled says which kind of trouble it is, and where", async () => {
        const { runtime, registry } = harness;
        const pull = (image: string) => runtime.pullImage(image, sandboxOf(), []);
        const message = expect.stringContaining(registry.host);
        expect(await pull(`${registry.host}/test/no-such:1`)).toMatchObject({
          ok: false,
          reason: "not-found",
          message,
        });
        expect(await pull("Not A Name")).toMatchObject({ ok: false, reason: "invalid-image-name" });
        await registry.stop();
        try {
          const away = await pull(`${registry.host}/test/busybox:1`);
          expect(away).toMatchObject({ ok: false, reason: "registry-unavailable", message });
        } finally {
          await registry.resume();
        }
      });

      test("is pulled with the credentials that are right, of several", async () => {
        const credentials = { username: "puller", password: "secret" };
        const guarded = await Registry.start({ credentials });
        try {
          const image = await guarded.push("test/guarded:1", busyboxImage());
          const { runtime } = harness;
          const wrong = { username: "puller", password: "guessed" };
          for (const kept of [[], [wrong]]) {
            const out = await runtime.pullImage(image, sandboxOf(), kept);
            expect(out).toMatchObject({ ok: false, reason: "failed", message: expect.stringContaining(guarded.host) });
          }
          value(await runtime.pullImage(image, sandboxOf(), [wrong, credentials]));
          expect(await runtime.imageStatus(image)).not.toBeNull();
        } finally {
          await guarded.remove();
        }
      });
    });
  });
}

function mount(containerPath: string, hostPath: string, fields: Partial<Mount> = {}): Mount {
  return {
    volume: "v",
    containerPath,
    hostPath,
    readonly: false,
    propagation: "private",
    ...fields,
  };
}

function texts(path: string): readonly string[] {
  return readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => line.split(" ").slice(3).join(" "));
}

async function textOf(stream: Readable | undefined): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream ?? []) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** Why a connection ended; what was said on it where nothing went wrong. */
async function failureOf(connection: Duplex): Promise<string> {
  try {
    return `no failure: ${await textOf(connection)}`;
  } catch (error) {
    return String(error);
  }
}
