import { chmodSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HeldObject } from "../../agents/node/assignment/objects.ts";
import { DiskCheckpoint } from "../../agents/node/host/disk-checkpoint.ts";
import { takeLock } from "../../agents/node/host/lock.ts";
import { Seal } from "../../agents/node/host/seal.ts";
import { SealedFile } from "../../agents/node/host/sealed-file.ts";
import { decode, WholeFile } from "../../agents/node/host/whole-file.ts";
import { newPodMemory } from "../../agents/node/pod/memory.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { assignedPod, template } from "./support/pods.ts";

let directory: string;

beforeEach(() => {
  directory = ownDirectory("checkpoint");
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const path = () => join(directory, "file");

async function written(...bodies: readonly string[]): Promise<void> {
  const file = new WholeFile(path());
  await file.read();
  for (const body of bodies) await file.write(body);
}

/** What somebody finds who opens the file now. */
function found(): Promise<string | undefined> {
  return new WholeFile(path()).read();
}

describe("a whole file", () => {
  test("gives back what was written last", async () => {
    expect(await found()).toBeUndefined();
    await written("one");
    expect(await found()).toBe("one");
    await written("two", "three");
    expect(await found()).toBe("three");
    await written("");
    expect(await found()).toBe("");
  });

  test("is written in the order of the calls, though nobody waits", async () => {
    const file = new WholeFile(path());
    await Promise.all(["a", "b", "c", "d"].map((body) => file.write(body)));
    expect(await found()).toBe("d");
  });

  test("is not written again when nothing has changed", async () => {
    await written("same");
    const before = readdirSync(directory).map((name) => [name, statSync(join(directory, name)).mtimeMs]);
    const file = new WholeFile(path());
    await file.read();
    await file.write("same");
    expect(readdirSync(directory).map((name) => [name, statSync(join(directory, name)).mtimeMs])).toEqual(before);
  });

  test("is for its owner alone", async () => {
    await written("secret");
    for (const name of readdirSync(directory)) expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  });

  /** Every place in the newest file where something is different: head, borders, body, end. */
  async function newestSlot(): Promise<string> {
    await written("the first generation", "the second generation");
    const slots = ["a", "b"].map((slot) => `${path()}.${slot}`);
    const newest = slots.find((slot) => readFileSync(slot, "utf8").endsWith("second generation"));
    if (newest === undefined) throw new Error("no newest slot");
    return newest;
  }

  test("falls back to the generation before wherever the newest was cut off", async () => {
    const slot = await newestSlot();
    const whole = readFileSync(slot);
    for (let length = 0; length < whole.length; length++) {
      truncateSync(slot, 0);
      writeFileSync(slot, whole.subarray(0, length));
      expect(await found(), `cut at ${length}`).toBe("the first generation");
    }
    writeFileSync(slot, whole);
    expect(await found()).toBe("the second generation");
  });

  test("falls back to the generation before whichever byte of the newest is wrong", async () => {
    const slot = await newestSlot();
    const whole = readFileSync(slot);
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x01;
      writeFileSync(slot, damaged);
      const text = await found();
      // The generation's own number has no checksum: a wrong one is the same content under another number.
      expect(["the first generation", "the second generation"]).toContain(text);
      if (at > whole.indexOf("\n") || at < 6) expect(text, `byte ${at}`).toBe("the first generation");
    }
  });

  test("is nothing when both generations are gone, and can be written again", async () => {
    const slot = await newestSlot();
    writeFileSync(slot, "");
    writeFileSync(slot.endsWith("a") ? `${path()}.b` : `${path()}.a`, "\0\0\0\0");
    expect(await found()).toBeUndefined();
    await written("new");
    expect(await found()).toBe("new");
  });

  test("survives a write that was cut short before its name was changed", async () => {
    await written("good");
    for (const name of ["file.a.new", "file.b.new"]) writeFileSync(join(directory, name), "lares 1 9 half");
    expect(await found()).toBe("good");
    await written("better");
    expect(await found()).toBe("better");
  });

  test("never takes a text for whole that it did not write", () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), (body, generation) => {
        expect(decode(`lares 1 ${generation} ${"0".repeat(64)}\n${body}`)).toBeNull();
        expect(decode(body)).toBeNull();
      }),
    );
  });

  test("tells when the disk does not take it, and goes on when it does again", async () => {
    const file = new WholeFile(path());
    rmSync(directory, { recursive: true });
    await expect(file.write("lost")).rejects.toThrow();
    const again = new WholeFile(path());
    await again.write("kept");
    expect(await found()).toBe("kept");
  });
});

describe("a checkpoint on disk", () => {
  test("gives back what an agent knew", async () => {
    const assignment = { revision: 7, etag: "e7", pods: [assignedPod()], templates: { t1: template() } };
    const memory = { observation: 9, pods: { "uid-1": { memory: newPodMemory(1) } } };
    const checkpoint = new DiskCheckpoint(directory);
    expect(await checkpoint.load()).toEqual({ assignment: undefined, memory: undefined, objects: undefined });
    await checkpoint.saveAssignment(assignment);
    await checkpoint.saveMemory(memory);
    await checkpoint.saveObjects([secret]);
    expect(await new DiskCheckpoint(directory).load()).toEqual({ assignment, memory, objects: [secret] });
  });

  const content = Buffer.from("correct horse battery staple").toString("base64");
  const secret: HeldObject = {
    kind: "Secret",
    namespace: "default",
    name: "password",
    uid: "u",
    version: "7",
    type: "Opaque",
    data: {},
    binaryData: { password: content },
  };
  const files = () => readdirSync(directory).map((name) => join(directory, name));

  test("tells nobody what is in a Secret who has not the key, and the key is for its owner alone", async () => {
    await new DiskCheckpoint(directory).saveObjects([secret]);
    for (const file of files()) {
      const bytes = readFileSync(file);
      for (const text of [content, "correct horse", "password"]) expect(bytes.includes(text), file).toBe(false);
      expect(
        bytes.includes(
          Buffer.from(JSON.stringify([secret]))
            .toString("base64")
            .slice(0, 40),
        ),
      ).toBe(false);
      expect(statSync(file).mode & 0o777).toBe(0o600);
    }
    rmSync(join(directory, "objects-key"));
    expect((await new DiskCheckpoint(directory).load()).objects).toBeUndefined();
  });

  test("closes a key again that somebody has left open", async () => {
    await new DiskCheckpoint(directory).saveObjects([secret]);
    chmodSync(join(directory, "objects-key"), 0o644);
    await new DiskCheckpoint(directory).load();
    expect(statSync(join(directory, "objects-key")).mode & 0o777).toBe(0o600);
  });

  test("seals the same objects in another way each time", () => {
    const seal = new Seal(join(directory, "key"));
    const [first, second] = [seal.close("same"), seal.close("same")];
    expect(first).not.toEqual(second);
    expect(seal.open(first)).toBe("same");
    expect(new Seal(join(directory, "key")).open(second)).toBe("same");
  });

  test("takes nothing for its own that was changed by a bit, or was cut off", () => {
    const seal = new Seal(join(directory, "key"));
    const sealed = seal.close("secret");
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect(seal.open(changed), `byte ${at}`).toBeUndefined();
      expect(seal.open(sealed.subarray(0, at)), `${at} bytes`).toBeUndefined();
    }
  });

  test.each(["", "1", "1 ", "2 AAAA", "x"])("takes nothing for sealed that reads %j", async (text) => {
    await new SealedFile(join(directory, "file")).write("a key is made");
    await new WholeFile(join(directory, "file")).write(text);
    expect(await new SealedFile(join(directory, "file")).read()).toBeUndefined();
  });

  test("opens what was sealed by agents before this one", async () => {
    writeFileSync(join(directory, "file-key"), "0f".repeat(32));
    await new WholeFile(join(directory, "file")).write("1 0fiwZlBl67zezQEfyGBXdFZLmy1B0MxjeMoP05wf4MM=");
    expect(await new SealedFile(join(directory, "file")).read()).toBe("kept");
  });

  test("keeps the last good objects when a write is cut short, and takes another key for what it is", async () => {
    const later = { ...secret, version: "8" };
    const checkpoint = new DiskCheckpoint(directory);
    await checkpoint.saveObjects([secret]);
    await checkpoint.saveObjects([later]);
    expect((await new DiskCheckpoint(directory).load()).objects).toEqual([later]);
    const newest = files().find((file) => readFileSync(file, "utf8").startsWith("lares 1 2 "));
    if (newest === undefined) throw new Error("no second generation");
    truncateSync(newest, statSync(newest).size - 5);
    expect((await new DiskCheckpoint(directory).load()).objects).toEqual([secret]);
    writeFileSync(join(directory, "objects-key"), "torn");
    expect((await new DiskCheckpoint(directory).load()).objects).toBeUndefined();
    await new DiskCheckpoint(directory).saveObjects([later]);
    expect((await new DiskCheckpoint(directory).load()).objects).toEqual([later]);
  });
});

describe("the lock of a state directory", () => {
  test("is had by one, and can be had again when it is given back", () => {
    const lock = takeLock(path());
    expect(lock.ok).toBe(true);
    if (lock.ok) lock.release();
    expect(takeLock(path()).ok).toBe(true);
  });

  test("is not had while another process lives that has it", () => {
    const startTime = readFileSync(`/proc/${process.ppid}/stat`, "utf8").split(") ").at(-1)?.split(" ")[19];
    writeFileSync(path(), `${process.ppid} ${startTime}`);
    expect(takeLock(path())).toEqual({ ok: false, pid: process.ppid });
  });

  test.each([
    ["a process that is gone", "999999999 1"],
    ["another process by the number of one that is gone", `${process.ppid} 1`],
    ["nobody", ""],
  ])("counts for nothing when it is held by %s", (_, holder) => {
    writeFileSync(path(), holder);
    expect(takeLock(path()).ok).toBe(true);
  });
});
