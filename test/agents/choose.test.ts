import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";

import { systemClock } from "../../agents/node/host/system.ts";
import { chooseRuntime, runtimeNow } from "../../agents/node/runtime/choose.ts";
import { engineAddress, engineEndpoints } from "../../agents/node/runtime/docker/find.ts";
import { localRuntime } from "../../local/runtime.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { DockerDaemon } from "./support/dockerd.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

let docker: DockerDaemon;
let stateDirectory: string;

beforeAll(async () => {
  docker = await DockerDaemon.start();
}, 60_000);
afterAll(() => docker.remove(), 60_000);
beforeEach(() => {
  stateDirectory = ownDirectory("choose");
});
afterEach(() => rmSync(stateDirectory, { recursive: true, force: true }));

const warnings: object[] = [];
const log = {
  info: () => {},
  warn: (message: string, fields: object = {}) => void warnings.push({ message, ...fields }),
};
const nowhere = "/nowhere/engine.sock";

type Options = Partial<Parameters<typeof chooseRuntime>[0]>;

function choose(
  options: Options,
  engines: readonly string[],
  { cri = [] as readonly string[], clock = systemClock } = {},
) {
  const all = { runtime: "auto", runtimeEndpoint: undefined, stateDirectory, ...options } as const;
  return chooseRuntime(all, { clock, log }, { engines, cri });
}

describe("auto", () => {
  test("takes the first engine that answers, and says what it passed over", async () => {
    const choice = await choose({}, [nowhere, docker.socket]);
    expect(choice).toMatchObject({ kind: "docker", endpoint: docker.socket });
    expect(choice.because).toMatch(
      new RegExp(`answers at ${docker.socket}; passed over: docker at ${nowhere}: .*ENOENT`),
    );
  });

  test("takes processes where there are no containers, and says what it looked for", async () => {
    const choice = await choose({}, [nowhere], { cri: ["/nowhere/cri.sock"] });
    expect(choice).toMatchObject({ kind: "process" });
    expect(choice.because).toMatch(/passed over: docker at \/nowhere\/engine.sock: .*; cri at \/nowhere\/cri.sock: /);
  });

  test("does not take somebody else's socket for an engine", async () => {
    const path = join(stateDirectory, "other.sock");
    const other = createServer((socket) => socket.end("who is there?\n"));
    await new Promise<void>((resolve) => other.listen(path, resolve));
    try {
      expect(await choose({}, [path], { cri: [path] })).toMatchObject({ kind: "process" });
    } finally {
      other.close();
    }
  });

  test("takes again what it took before, though another one that comes first has appeared", async () => {
    await choose({}, [docker.socket]);
    const choice = await choose({}, [`unix://${docker.socket}`, docker.socket]);
    expect(choice).toMatchObject({ endpoint: docker.socket, because: "it was taken before" });
  });

  test("leaves processes for containers, but not while some of them run", async () => {
    await choose({}, [nowhere]);
    mkdirSync(join(stateDirectory, "runtime/containers/one"), { recursive: true });
    expect(await choose({}, [docker.socket])).toMatchObject({ kind: "process", because: "it was taken before" });
    rmSync(join(stateDirectory, "runtime"), { recursive: true });
    expect(await choose({}, [docker.socket])).toMatchObject({ kind: "docker" });
  });

  test.each<Options>([{}, { runtime: "docker" }])(
    "waits for what it took before without end, whatever else answers, and says once how to take another: %j",
    async (options) => {
      await choose({}, [docker.socket]);
      await docker.stop();
      const clock = new VirtualClock();
      warnings.length = 0;
      let isChosen = false;
      // The engine's place is not even among those where one is looked for now.
      const chosen = choose(options, [nowhere], { clock }).finally(() => {
        isChosen = true;
      });
      // Between two steps of its clock the real socket is asked.
      const second = async () => {
        await clock.advance(1000);
        await new Promise((resolve) => setTimeout(resolve, 5));
      };
      for (let n = 0; n < 150; n++) await second();
      expect(isChosen).toBe(false);
      expect(warnings).toEqual([
        {
          message: "waiting for the runtime that was taken before: pods may run on in it",
          problem: expect.stringMatching(new RegExp(`^docker at ${docker.socket}: .*ENOENT`)),
          instead: expect.stringContaining("--runtime"),
        },
      ]);
      await docker.resume();
      while (!isChosen) await second();
      expect(await chosen).toMatchObject({ kind: "docker", endpoint: docker.socket });
    },
  );

  test("leaves what it took before for what is named", async () => {
    writeFileSync(join(stateDirectory, "runtime.json"), JSON.stringify({ kind: "docker", endpoint: nowhere }));
    expect(await choose({ runtime: "process" }, [nowhere])).toMatchObject({ kind: "process" });
    expect(await choose({ runtime: "docker", runtimeEndpoint: docker.socket }, [nowhere])).toMatchObject({
      endpoint: docker.socket,
    });
  });
});

test("an engine that is asked for by name is waited for", async () => {
  await docker.stop();
  const chosen = choose({ runtime: "docker", runtimeEndpoint: docker.socket }, []);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await docker.resume();
  expect(await chosen).toMatchObject({ kind: "docker", endpoint: docker.socket });
});

test("npm start says that it waits for the engine of before, and goes on when that is there", async () => {
  mkdirSync(join(stateDirectory, "runtime"));
  writeFileSync(
    join(stateDirectory, "runtime/runtime.json"),
    JSON.stringify({ kind: "docker", endpoint: docker.socket }),
  );
  await docker.stop();
  const said: string[] = [];
  const lines = { say: (line: string) => void said.push(line), show: () => {} };
  const told = localRuntime(stateDirectory, { runtime: "auto", example: false }, lines);
  await vi.waitFor(() => expect(said.join("\n")).toMatch(/waiting for .*docker at .*\n.*npm start -- --runtime/));
  await docker.resume();
  expect(await told).toEqual(["--runtime", "docker", "--runtime-endpoint", docker.socket]);
  expect(said).toHaveLength(4);
});

test("an endpoint that is named is the only one that is tried", async () => {
  await expect(choose({ runtimeEndpoint: nowhere }, [docker.socket])).rejects.toThrow(
    /there is no runtime on this host/,
  );
});

test("what was chosen is on the disk", async () => {
  await choose({}, [docker.socket]);
  expect(JSON.parse(readFileSync(join(stateDirectory, "runtime.json"), "utf8"))).toEqual({
    kind: "docker",
    endpoint: docker.socket,
  });
});

test("what was chosen is put in the place of what was before, whole, and not written again while it stays", async () => {
  const file = join(stateDirectory, "runtime.json");
  const earlier = JSON.stringify({ kind: "process" });
  writeFileSync(file, earlier);
  linkSync(file, `${file}.before`);
  await choose({}, [docker.socket]);
  // Nobody has written into the file of before: a loss of power leaves the one or the other.
  expect(readFileSync(`${file}.before`, "utf8")).toBe(earlier);
  const { ino, mtimeMs } = statSync(file);
  await choose({}, [docker.socket]);
  expect(statSync(file)).toMatchObject({ ino, mtimeMs });
});

describe("what auto would take now", () => {
  const file = () => join(stateDirectory, "runtime.json");
  const now = (...engines: readonly string[]) => runtimeNow(stateDirectory, { engines, cri: [] });

  test("is asked without a trace", async () => {
    expect(await now(nowhere, docker.socket)).toMatchObject({ kind: "docker", endpoint: docker.socket });
    expect(await now(nowhere)).toMatchObject({ kind: "process" });
    expect(existsSync(file())).toBe(false);
  });

  test("is what was taken before, at once, though that does not answer", async () => {
    writeFileSync(file(), JSON.stringify({ kind: "cri", endpoint: nowhere }));
    expect(await now(docker.socket)).toEqual({ kind: "cri", endpoint: nowhere, because: "it was taken before" });
  });
});

test("DOCKER_HOST comes before the sockets of the host, and those before a user's own", () => {
  expect(engineEndpoints({ DOCKER_HOST: "tcp://10.0.0.1:2375", XDG_RUNTIME_DIR: "/run/user/1000" })).toEqual([
    "tcp://10.0.0.1:2375",
    "/var/run/docker.sock",
    "/run/podman/podman.sock",
    "/run/user/1000/docker.sock",
    "/run/user/1000/podman/podman.sock",
  ]);
});

test.each([
  ["unix:///run/docker.sock", { socketPath: "/run/docker.sock" }],
  ["/run/docker.sock", { socketPath: "/run/docker.sock" }],
  ["tcp://10.0.0.1:2375", { host: "10.0.0.1", port: 2375 }],
  ["tcp://engine", { host: "engine", port: 2375 }],
] as const)("an engine may be at %s", (endpoint, address) => {
  expect(engineAddress(endpoint)).toEqual(address);
});

test("an engine is nowhere else", () => {
  expect(() => engineAddress("ssh://somebody@somewhere")).toThrow(/is no unix:\/\/\/path/);
});
