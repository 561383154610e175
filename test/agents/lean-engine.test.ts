// What stands in for parts of the engine does what they do; and however it was started, the agent runs by the flags that
// make it small.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as ofNode from "node:fs/promises";
import { delimiter, join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import * as ofOurs from "../../agents/node/engine/file-promises.ts";
import { isoTime } from "../../agents/node/engine/iso-time.ts";
import { engineFlags } from "../../agents/node/engine/lean-start.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { AgentProcess, bundleAgent } from "./support/agent-process.ts";

let directory: string;
beforeEach(() => {
  directory = ownDirectory("lean");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("isoTime", () => {
  it("writes every time as Date does", () => {
    fc.assert(fc.property(fc.date({ noInvalidDate: true }), (date) => isoTime(date) === date.toISOString()));
  });

  it.each(["0000-01-01T00:00:00.000Z", "-000001-12-31T23:59:59.999Z", "+010000-01-01T00:00:00.000Z"])("%s", (text) => {
    expect(isoTime(new Date(text))).toBe(text);
  });

  it("throws for no time", () => {
    expect(() => isoTime(new Date(Number.NaN))).toThrow(RangeError);
  });
});

/** Node's own functions, of which the stand-in is to have what the agent uses. */
type Files = Pick<
  typeof ofNode,
  "open" | "readFile" | "writeFile" | "readdir" | "stat" | "lstat" | "realpath" | "symlink" | "rename" | "rm" | "mkdir"
>;

/** Each does something in a directory of its own, and answers what came of it. */
const stories: Readonly<Record<string, (files: Files, dir: string) => Promise<unknown>>> = {
  "a file is written piece by piece and read at places": async ({ open, readFile }, dir) => {
    const file = await open(join(dir, "file"), "w+", 0o600);
    const first = await file.write("hello ");
    const second = await file.write(Buffer.from("world"));
    await file.writeFile("!");
    await file.appendFile("?");
    await file.sync();
    await file.datasync();
    const { bytesRead, buffer } = await file.read(Buffer.alloc(5), 0, 5, 6);
    const again = await file.read({ buffer: Buffer.alloc(2), position: 0 });
    await file.truncate(8);
    await file.chmod(0o640);
    const { size, mode } = await file.stat();
    await file.close();
    const text = await readFile(join(dir, "file"), "utf8");
    const counts = [first.bytesWritten, second.bytesWritten, bytesRead, again.bytesRead, size, mode];
    return [text, buffer.toString(), again.buffer.toString(), ...counts];
  },
  "an open file is read from where it is": async ({ open, writeFile }, dir) => {
    await writeFile(join(dir, "file"), "0123456789");
    const file = await open(join(dir, "file"));
    await file.read(Buffer.alloc(4), 0, 4, null);
    const rest = await file.readFile("utf8");
    await file.close();
    return rest;
  },
  "a closed file answers nothing": async ({ open }, dir) => {
    const file = await open(join(dir, "file"), "a");
    await file.close();
    return file.stat().then(
      () => "an answer",
      () => "none",
    );
  },
  "what is asked before it is closed is done": async ({ open, readFile }, dir) => {
    const file = await open(join(dir, "file"), "w");
    const written = Array.from({ length: 50 }, (_, n) => file.write("x".repeat(1000), n * 1000));
    await Promise.all([file.close(), ...written]);
    return (await readFile(join(dir, "file"))).length;
  },
  "big numbers of a file": async ({ writeFile, stat }, dir) => {
    await writeFile(join(dir, "file"), "1234", { mode: 0o600 });
    const { size, mode } = await stat(join(dir, "file"), { bigint: true });
    return [size, mode];
  },
  "a directory is listed with kinds": async ({ mkdir, readdir, symlink }, dir) => {
    await mkdir(join(dir, "a/b/c"), { recursive: true });
    await symlink("a", join(dir, "link"));
    const entries = await readdir(dir, { withFileTypes: true });
    return entries.map((entry) => [entry.name, entry.isDirectory(), entry.isSymbolicLink()]).sort();
  },
  "links are followed, and not": async ({ mkdir, symlink, realpath, lstat }, dir) => {
    await mkdir(join(dir, "a"));
    await symlink("a", join(dir, "link"));
    return [(await realpath(join(dir, "link"))).slice(dir.length), (await lstat(join(dir, "link"))).isSymbolicLink()];
  },
  "what is renamed and removed is gone": async ({ mkdir, rename, rm, readdir }, dir) => {
    await mkdir(join(dir, "a/b"), { recursive: true });
    await rename(join(dir, "a"), join(dir, "c"));
    await rm(join(dir, "c"), { recursive: true });
    await rm(join(dir, "c"), { force: true });
    return readdir(dir);
  },
  "what is not there has a code": async ({ open, readFile }, dir) => {
    const codeOf = (error: NodeJS.ErrnoException) => [error.code, error.syscall];
    return [await open(join(dir, "no")).catch(codeOf), await readFile(join(dir, "no")).catch(codeOf)];
  },
};

describe("the file functions of the program that ships", () => {
  it.each(Object.entries(stories))("do as Node's: %s", async (_, story) => {
    const results = [];
    for (const [name, files] of Object.entries({ ofNode, ofOurs })) {
      const dir = join(directory, name);
      mkdirSync(dir);
      // Its declared types are those of node:fs; that it behaves like node:fs/promises is what is tested here.
      results.push(await story(files as Files, dir));
    }
    expect(results[1]).toEqual(results[0]);
  });
});

describe("the engine's flags", () => {
  const places = (process.env["PATH"] ?? "").split(delimiter).map((place) => join(place, "node"));
  it.each([process.execPath, ...places.filter((place) => existsSync(place))])("are known to %s", (engine) => {
    expect(execFileSync(engine, [...engineFlags, "--print", "1 + 1"], { encoding: "utf8" })).toBe("2\n");
  });
});

describe("an agent that was started without the engine's flags", () => {
  it("runs with them, as the same process", { timeout: 60_000 }, async () => {
    const program = await bundleAgent(directory);
    const [state, logs] = [join(directory, "state"), join(directory, "log")];
    writeFileSync(join(directory, "token"), "laresjoin_test");
    const agent = new AgentProcess(program, [
      ...["--server", "http://127.0.0.1:9", "--node", "lean", "--runtime", "fake"],
      ...["--state-dir", state, "--log-dir", logs, "--join-token-file", join(directory, "token")],
    ]);
    try {
      await vi.waitFor(() => expect(agent.output).toContain('"msg":"started"'), { timeout: 30_000 });
      const [, ...args] = readFileSync(`/proc/${agent.pid}/cmdline`, "utf8").split("\0");
      expect(args.slice(0, engineFlags.length + 1)).toEqual([...engineFlags, program]);
      expect(readFileSync(`/proc/${agent.pid}/environ`, "utf8")).toContain("MALLOC_ARENA_MAX=1");
    } catch (error) {
      await agent.kill("SIGKILL");
      throw error;
    }
    expect(await agent.kill("SIGTERM")).toBe(0);
  });
});
