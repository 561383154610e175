// Lists: pages and their tokens, versions that clients ask for, and what is refused.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";

import { trimLog } from "../../src/store/log.ts";
import * as api from "./support/api.ts";
import { head, newCluster, run } from "./support/cluster.ts";

beforeEach(newCluster);

type Page = {
  readonly metadata: {
    readonly resourceVersion: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
};

async function page(query: string): Promise<Page> {
  // A list, as the API answers it.
  return (await api.get(`${api.configMaps}?${query}`)) as unknown as Page;
}

const namesOf = ({ items }: Page) => items.map(({ metadata }) => metadata.name);

async function make(...names: readonly string[]): Promise<void> {
  for (const name of names) await api.create(api.configMaps, { metadata: { name } });
}

async function forgetLog(): Promise<void> {
  await run(trimLog(env.DB, { beforeMs: Date.now() + 60_000, keep: 0, limit: 100_000 }));
}

describe("pages", () => {
  it("all bear the version of the first, and count what is left", async () => {
    await make("a", "b", "c", "d", "e");
    const first = await page("limit=2");
    expect(first.metadata).toMatchObject({ resourceVersion: String(await head()), remainingItemCount: 3 });
    await make("aa", "z");
    const second = await page(`limit=2&continue=${first.metadata.continue}`);
    expect(second.metadata).toMatchObject({
      resourceVersion: first.metadata.resourceVersion,
      remainingItemCount: 1,
    });
    const third = await page(`limit=3&continue=${second.metadata.continue}`);
    expect([namesOf(first), namesOf(second), namesOf(third)]).toEqual([
      ["a", "b"],
      ["c", "d"],
      ["e", "z"],
    ]);
    expect(third.metadata).toEqual({ resourceVersion: first.metadata.resourceVersion });
  });

  it("do not count where selectors pick", async () => {
    await make("a", "b", "c");
    const { metadata } = await page("limit=1&labelSelector=!x");
    expect(metadata.continue).toBeDefined();
    expect(metadata.remainingItemCount).toBeUndefined();
  });

  it("whose first is forgotten are refused, with a token to go on from the same place all the same", async () => {
    await make("a", "b", "c");
    const { metadata } = await page("limit=1");
    await make("bb", "d");
    await forgetLog();
    const { code, body } = await api.call(`${api.configMaps}?limit=1&continue=${metadata.continue}`);
    expect({ code, body }).toMatchObject({
      code: 410,
      body: { reason: "Expired", message: expect.stringMatching(/^The provided continue parameter is too old/) },
    });
    const rest = await page(`limit=5&continue=${body.metadata["continue" as never]}`);
    expect(namesOf(rest)).toEqual(["b", "bb", "c", "d"]);
    expect(rest.metadata.resourceVersion).toBe(String(await head()));
  });

  it("are not made of a list of whatever there is", async () => {
    await make("a", "b");
    expect(namesOf(await page("limit=1&resourceVersion=0"))).toEqual(["a", "b"]);
  });

  it.each([
    ["no base64", "$$$", "illegal base64 data at input byte 0"],
    ["another version", btoa('{"v":"v9","rv":1,"start":"a"}'), "server does not recognize this encoded version v9"],
    [
      "no number",
      btoa('{"v":"meta.k8s.io/v1","rv":0,"start":"a"}'),
      "incorrect encoded start resourceVersion (version meta.k8s.io/v1)",
    ],
    ["no key", btoa('{"v":"meta.k8s.io/v1","rv":5,"start":""}'), "encoded start key empty (version meta.k8s.io/v1)"],
    ["no JSON", "abcd", "it cannot be read"],
  ])("a token with %s is refused", async (_what, token, why) => {
    const { code, body } = await api.call(
      `${api.configMaps}?limit=1&continue=${encodeURIComponent(token.replace(/=+$/, ""))}`,
    );
    expect({ code, body }).toMatchObject({
      code: 400,
      body: { reason: "BadRequest", message: `invalid continue token: continue key is not valid: ${why}` },
    });
  });

  it("a token and a version together are refused", async () => {
    await make("a", "b");
    const { metadata } = await page("limit=1");
    const { code, body } = await api.call(`${api.configMaps}?resourceVersion=1&continue=${metadata.continue}`);
    expect({ code, body }).toMatchObject({
      code: 400,
      body: { message: "specifying resource version is not allowed when using continue" },
    });
  });
});

describe("a version that is asked for", () => {
  it.each([
    ["the last one", "NotOlderThan", 0],
    ["an old one, for no older than it", "NotOlderThan", -1],
    ["the last one exactly", "Exact", 0],
  ])("is had: %s", async (_what, match, offset) => {
    await make("a", "b");
    const rv = (await head()) + offset;
    const found = await page(`resourceVersion=${rv}&resourceVersionMatch=${match}`);
    expect(namesOf(found)).toEqual(["a", "b"]);
    expect(found.metadata.resourceVersion).toBe(String(await head()));
  });

  it("is had exactly although other things changed since", async () => {
    await make("a");
    const rv = await head();
    await api.create("/api/v1/namespaces/default/secrets", { metadata: { name: "s" } });
    const { metadata } = await page(`resourceVersion=${rv}&resourceVersionMatch=Exact`);
    expect(metadata.resourceVersion).toBe(String(rv));
  });

  it("is gone when the collection changed since", async () => {
    await make("a");
    const rv = await head();
    await make("b");
    expect(await api.call(`${api.configMaps}?resourceVersion=${rv}&resourceVersionMatch=Exact`)).toMatchObject({
      code: 410,
      body: { reason: "Expired", message: "The resourceVersion for the provided list is too old." },
    });
  });

  it("is waited for", async () => {
    const rv = (await head()) + 1;
    const listing = page(`resourceVersion=${rv}`);
    await make("a");
    expect(namesOf(await listing)).toEqual(["a"]);
  });

  it.each([
    ["a list", ""],
    ["an object", "/kube-root-ca.crt"],
  ])("that does not come ends in a timeout, for %s", async (_what, path) => {
    const last = await head();
    const { code, body, headers } = await api.call(`${api.configMaps}${path}?resourceVersion=${last + 5}`);
    expect({ code, body }).toEqual({
      code: 504,
      body: {
        kind: "Status",
        apiVersion: "v1",
        metadata: {},
        status: "Failure",
        message: `Timeout: Too large resource version: ${last + 5}, current: ${last}`,
        reason: "Timeout",
        details: {
          causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
          retryAfterSeconds: 1,
        },
        code: 504,
      },
    });
    expect(headers.get("retry-after")).toBe("1");
  });

  it.each([
    ["x", "invalid syntax"],
    ["-1", "invalid syntax"],
    ["1.5", "invalid syntax"],
    ["99999999999999999999", "value out of range"],
  ])("%s is none", async (given, problem) => {
    const { body } = await api.call(`${api.configMaps}?resourceVersion=${given}`);
    expect(body).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: `resourceVersion: Invalid value: "${given}": strconv.ParseUint: parsing "${given}": ${problem}`,
      code: 500,
    });
  });

  it.each([
    ["resourceVersionMatch=Exact", "resourceVersionMatch is forbidden unless resourceVersion is provided"],
    [
      "resourceVersionMatch=Exact&resourceVersion=0",
      'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    ],
    [
      "resourceVersionMatch=NotOlderThan&resourceVersion=1&continue=a",
      "resourceVersionMatch is forbidden when continue is provided",
    ],
  ])("%s is refused", async (query, why) => {
    expect(await api.call(`${api.configMaps}?${query}`)).toMatchObject({
      code: 422,
      body: {
        reason: "Invalid",
        message: `ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: ${why}`,
        details: {
          group: "meta.k8s.io",
          kind: "ListOptions",
          causes: [{ reason: "FieldValueForbidden", field: "resourceVersionMatch" }],
        },
      },
    });
  });

  it.each([
    [
      "resourceVersionMatch=Newest&resourceVersion=1",
      'resourceVersionMatch: Unsupported value: "Newest": supported values: "Exact", "NotOlderThan", ""',
    ],
    ["sendInitialEvents=true", "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list"],
  ])("%s is refused", async (query, error) => {
    expect(await api.call(`${api.configMaps}?${query}`)).toMatchObject({
      code: 422,
      body: { message: `ListOptions.meta.k8s.io "" is invalid: ${error}` },
    });
  });
});

describe("a query that makes no sense", () => {
  it.each([
    ["limit=x", 'strconv.ParseInt: parsing "x": invalid syntax'],
    ["limit=", 'strconv.ParseInt: parsing "": invalid syntax'],
    ["limit=9223372036854775808", 'strconv.ParseInt: parsing "9223372036854775808": value out of range'],
    ["timeoutSeconds=1s", 'strconv.ParseInt: parsing "1s": invalid syntax'],
    ["fieldSelector=a", "invalid selector: 'a'; can't understand 'a'"],
    ["fieldSelector=spec.x=1", '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'],
    ["labelSelector=a%20b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"],
  ])("%s", async (query, message) => {
    expect(await api.call(`${api.configMaps}?${query}`)).toMatchObject({
      code: 400,
      body: { reason: "BadRequest", message },
    });
  });

  it("for pods is refused in their own words", async () => {
    expect(await api.call(`${api.pods}?fieldSelector=spec.x=1`)).toMatchObject({
      code: 400,
      body: { message: "field label not supported: spec.x" },
    });
  });

  it("is passed over where nobody knows what it means, and a limit below nothing is none", async () => {
    await make("a");
    expect(namesOf(await page("limit=-1&timeout=32s&unheard=of&pretty=maybe"))).toEqual(["a"]);
  });
});
