// What an agent does with the credential that it made, where questions and answers get lost on the way.
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { NodeCredentials } from "../../agents/node/connection/credentials.ts";
import { HttpClient } from "../../agents/node/connection/http-client.ts";
import { digestOfCredential, newCredential } from "../../agents/node/host/certificate-request.ts";
import { EnrolRequest } from "../../src/sync/messages.ts";

const node = "node-1";
const token = "join-me";

/**
 * What becomes of a question. `open`: it is answered. `slow`: the agent hears nothing, and it counts later, before the
 * question that is `late`. `lost`: it counts, and the agent does not hear so. A number: somebody on the way answers that.
 */
type Way = "open" | "slow" | "lost" | "late" | number;

/** Lets one machine in, with a token that is good for one. */
class Door {
  readonly #http = createServer((request, response) => void this.#handle(request, response));
  /** Of the next questions; those after them are answered. */
  ways: readonly Way[] = [];
  joined: string | null = null;
  readonly #waiting: (() => void)[] = [];

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(0, "127.0.0.1", resolve));
    const address = this.#http.address();
    return `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}`;
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { digest } = EnrolRequest.parse(JSON.parse(Buffer.concat(chunks).toString("utf8")));
    const bearer = request.headers.authorization?.replace("Bearer ", "") ?? "";
    const [way = "open", ...later] = this.ways;
    this.ways = later;
    if (way === "slow") this.#waiting.push(() => void this.#decide(bearer, digest));
    if (way === "late") for (const count of this.#waiting.splice(0)) count();
    const status = typeof way === "number" ? way : way === "slow" ? 0 : this.#decide(bearer, digest);
    if (way === "slow" || way === "lost") {
      request.socket.destroy();
      return;
    }
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(status === 200 ? { node, approval: "Approved" } : { error: "no" }));
  }

  #decide(bearer: string, digest: string | undefined): number {
    if (bearer !== token) return digestOfCredential(bearer) === this.joined ? 200 : 401;
    if (digest === undefined || (this.joined !== null && this.joined !== digest)) return 409;
    this.joined = digest;
    return 200;
  }
}

let door: Door;
let client: HttpClient;
let joinToken: string | undefined;
/** What the machine keeps on its disk. */
let disk: Map<"credential" | "waiting", string>;

beforeEach(async () => {
  door = new Door();
  client = new HttpClient({ server: await door.open(), maxSockets: 1 });
  joinToken = token;
  disk = new Map();
});

afterEach(async () => {
  client.close();
  await door.close();
});

function fileOf(name: "credential" | "waiting") {
  return {
    read: () => disk.get(name),
    write: (credential: string) => void disk.set(name, credential),
    remove: () => void disk.delete(name),
  };
}

function agent(): NodeCredentials {
  const own = {
    waiting: fileOf("waiting"),
    newCredential: () => newCredential(node),
    digestOf: digestOfCredential,
    requestFor: (credential: string) => credential,
  };
  return new NodeCredentials({ node, client, store: fileOf("credential"), joinToken: () => joinToken, own });
}

/** That the one machine which was let in is this one. */
async function expectIn(credentials: NodeCredentials): Promise<void> {
  const result = await credentials.get();
  if (!result.ok) throw new Error(result.problem.message);
  expect(digestOfCredential(result.credential)).toBe(door.joined);
  expect([...disk]).toEqual([["credential", result.credential]]);
}

describe("a machine that may have been let in already", () => {
  test.each<readonly [string, readonly Way[]]>([
    ["its first question counts after it asked what became of it", ["slow", "open", "late"]],
    ["its first question counts after the second", ["slow", "open", "open", "late"]],
    ["the answer was lost, and somebody on the way says that nobody knows it", ["lost", 401]],
  ])("asks with the same credential when %s", async (_when, ways) => {
    door.ways = ways;
    const credentials = agent();
    expect(await credentials.get()).toMatchObject({ ok: false, problem: { kind: "unreachable" } });
    await expectIn(credentials);
  });

  test.each([400, 401, 403, 409, 422])(
    "keeps its credential when it is told %i, in another life too",
    async (status) => {
      door.ways = ["lost", 401, status];
      expect(await agent().get()).toMatchObject({ ok: false });
      expect(await agent().get()).toMatchObject({ ok: false });
      await expectIn(agent());
    },
  );

  test("keeps its credential when it is told 401 and has no token any more", async () => {
    door.ways = ["lost", 401];
    const credentials = agent();
    await credentials.get();
    joinToken = undefined;
    expect(await credentials.get()).toEqual({
      ok: false,
      problem: { kind: "refused", message: "the request to join was forgotten" },
    });
    await expectIn(credentials);
  });
});

describe("a node whose credential was refused", () => {
  test.each<readonly [string, string | undefined, readonly Way[]]>([
    ["its token is good no more", "over", [401]],
    ["its name is taken, by itself", token, [409]],
    ["it has no token, and an old request is forgotten", undefined, [401]],
  ])("shows it again where it is not let in anew: %s", async (_why, shown, ways) => {
    joinToken = shown;
    disk.set("credential", "known");
    if (shown === undefined) disk.set("waiting", newCredential(node));
    door.ways = ways;
    const credentials = agent();
    credentials.refused();
    expect(await credentials.get()).toMatchObject({ ok: false });
    expect(await credentials.get()).toEqual({ ok: true, credential: "known" });
  });

  test("goes on asking while nobody answers", async () => {
    disk.set("credential", "known");
    door.ways = ["lost"];
    const credentials = agent();
    credentials.refused();
    expect(await credentials.get()).toMatchObject({ ok: false, problem: { kind: "unreachable" } });
    await expectIn(credentials);
  });
});
