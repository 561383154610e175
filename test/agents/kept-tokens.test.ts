// Tokens that outlive a network.
import { readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { KeptTokens } from "../../agents/node/assignment/kept-tokens.ts";
import type { TokenRequest } from "../../agents/node/assignment/objects.ts";
import { TokenRefused } from "../../agents/node/assignment/objects.ts";
import type { HttpResult } from "../../agents/node/connection/http-client.ts";
import { ControlPlaneTokens } from "../../agents/node/connection/tokens.ts";
import { SealedFile } from "../../agents/node/host/sealed-file.ts";
import { ownDirectory } from "../containers/own-directory.ts";
import { ControlPlane } from "./support/control-plane.ts";
import { VirtualClock } from "./support/virtual-clock.ts";

let directory: string;

beforeEach(() => {
  directory = ownDirectory("tokens");
});

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const clock = new VirtualClock();
const request = (fields: Partial<TokenRequest> = {}): TokenRequest => ({
  podUid: "uid-1",
  audience: "",
  expirationSeconds: 3607,
  ...fields,
});

/** What a life of the agent has; the network is there while `isUp` says so. */
function life(isUp: () => boolean, controlPlane = new ControlPlane()) {
  const warnings: string[] = [];
  const log = { info: () => {}, warn: (message: string) => void warnings.push(message) };
  const source = { token: (one: TokenRequest) => controlPlane.token(one, clock.nowMs(), isUp()) };
  const store = new SealedFile(join(directory, "tokens"));
  return { tokens: new KeptTokens({ source, store, clock, log }), warnings, controlPlane };
}

describe("a token", () => {
  test("is a new one whenever one can be had", async () => {
    const { tokens } = life(() => true);
    const first = await tokens.token(request());
    expect(first).toMatchObject({ token: "token-1", expiresAtMs: first.issuedAtMs + 3_607_000 });
    expect((await tokens.token(request())).token).toBe("token-2");
  });

  test("is the last one when none can be had, also in another life, and is worth asking for again soon", async () => {
    const { tokens } = life(() => true);
    await tokens.token(request());
    await tokens.token(request());
    const { token, issuedAtMs, expiresAtMs } = await life(() => false).tokens.token(request());
    expect(token).toBe("token-2");
    expect(expiresAtMs - issuedAtMs).toBe(60_000);
  });

  test("is none when the control plane refuses it", async () => {
    const { tokens, controlPlane } = life(() => true);
    await tokens.token(request());
    controlPlane.refusesTokens = true;
    await expect(tokens.token(request())).rejects.toThrow(TokenRefused);
  });

  test("of another pod, or for somebody else, is another one", async () => {
    await life(() => true).tokens.token(request());
    const { tokens } = life(() => false);
    for (const other of [{ podUid: "uid-2" }, { audience: "vault" }, { expirationSeconds: 600 }]) {
      await expect(tokens.token(request(other))).rejects.toThrow("the control plane is away");
    }
  });

  test("is on the disk for nobody to read, and few of those that are gone", async () => {
    const { tokens } = life(() => true);
    for (let pod = 0; pod < 200; pod++) await tokens.token(request({ podUid: `uid-${pod}` }));
    for (const name of readdirSync(directory)) {
      expect(readFileSync(join(directory, name), "utf8")).not.toContain("token-");
      expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
    }
    const later = life(() => false).tokens;
    expect((await later.token(request({ podUid: "uid-199" }))).token).toBe("token-200");
    await expect(later.token(request({ podUid: "uid-0" }))).rejects.toThrow("the control plane is away");
  });

  test("is given though it cannot be kept", async () => {
    const { tokens, warnings } = life(() => true);
    await tokens.token(request());
    rmSync(directory, { recursive: true });
    expect((await tokens.token(request())).token).toBe("token-2");
    expect(warnings).toEqual(["a token cannot be kept for later"]);
  });
});

describe("asking the control plane for a token", () => {
  const credential = "laresnode_edge-1_0";
  const answer = (result: HttpResult, posts: unknown[] = []) =>
    new ControlPlaneTokens({
      client: {
        post: async (post) => {
          posts.push(post);
          return result;
        },
      },
      credentials: { get: async () => ({ ok: true, credential }), refused: () => {} },
      clock,
    });

  test("shows the node's credential, and counts the token's life from when it came", async () => {
    const posts: unknown[] = [];
    const body = JSON.stringify({ token: "t", expiresInMs: 5000 });
    const issued = await answer({ ok: true, status: 200, body }, posts).token(request({ audience: "vault" }));
    expect(issued).toEqual({ token: "t", issuedAtMs: clock.nowMs(), expiresAtMs: clock.nowMs() + 5000 });
    expect(posts).toEqual([
      {
        path: "/agent/v1/token",
        bearer: credential,
        body: JSON.stringify({ podUid: "uid-1", audience: "vault", expirationSeconds: 3607 }),
        timeoutMs: 15_000,
      },
    ]);
  });

  test.each<readonly [string, HttpResult, boolean]>([
    ["no connection", { ok: false, message: "ECONNREFUSED" }, false],
    ["a control plane in trouble", { ok: true, status: 503, body: "" }, false],
    ["an answer that is none", { ok: true, status: 200, body: "<html>" }, false],
    ["a pod of another node", { ok: true, status: 403, body: '{"error":"node edge-1 was given no pod uid-1"}' }, true],
    ["a ServiceAccount that is gone", { ok: true, status: 404, body: "{}" }, true],
  ])("fails with %s", async (_what, result, isRefusal) => {
    const failure = await answer(result)
      .token(request())
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(failure instanceof TokenRefused).toBe(isRefusal);
  });

  test("fails for a machine that is not let in", async () => {
    const tokens = new ControlPlaneTokens({
      client: { post: async () => ({ ok: false, message: "not asked" }) },
      credentials: {
        get: async () => ({ ok: false, problem: { kind: "refused", message: "there is no credential" } }),
        refused: () => {},
      },
      clock,
    });
    await expect(tokens.token(request())).rejects.toThrow("there is no credential");
  });
});
