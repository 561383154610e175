// Whatever is sent is answered decently: with an object or with a refusal that tells nothing of our insides, never with a
// failure of ours; a refusal changes nothing, and the next request is as good as the first.
import { env, exports } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeAll, describe, expect, it } from "vitest";

import { controllerManager } from "../../src/pokes.ts";
import * as api from "./support/api.ts";
import { head, newCluster } from "./support/cluster.ts";
import { define, v1 } from "./support/definitions.ts";

beforeAll(newCluster);

const json = "application/json";
const secrets = "/api/v1/namespaces/default/secrets";

type Sent = { readonly method?: string; readonly path: string; readonly body: BodyInit; readonly contentType: string };

/** What may not be told to anybody: where in the code, and which SQL. */
const insides = /\.ts:\d+|\bat (?:async )?[A-Z]\w+\.|D1_ERROR|SQLITE|sqlite|\bSELECT \b|\bINSERT INTO\b|node_modules/;
/** Upstream answers this one so. */
const failuresAsUpstream = new Set(["resourceVersion should not be set on objects to be created"]);

async function send({ method = "POST", path, body, contentType }: Sent): Promise<api.Reply> {
  const before = await head();
  const headers = { authorization: `Bearer ${api.adminToken}`, "content-type": contentType };
  const response = await exports.default.fetch(new Request(`${api.server}${path}`, { method, body, headers }));
  const text = await response.text();
  const what = `${method} ${path} ${typeof body === "string" ? body.slice(0, 300) : "bytes"}: ${response.status} ${text}`;
  const parsed = response.headers.get("content-type")?.startsWith(json) === true ? JSON.parse(text) : null;
  if (response.status >= 500) expect(failuresAsUpstream, what).toContain(parsed?.message);
  expect(text, what).not.toMatch(insides);
  if (response.status >= 400) {
    expect(parsed, what).toMatchObject({ kind: "Status", status: "Failure", code: response.status });
    expect(await head(), what).toBe(before);
  } else expect(parsed?.kind, what).toBeTypeOf("string");
  return { code: response.status, body: parsed, headers: response.headers, text };
}

let made = 0;

function newName(): string {
  made += 1;
  return `n-${made}`;
}

/** A ConfigMap whose field `x` is the given JSON text. */
const holding = (text: string) => `{"metadata":{"name":"${newName()}"},"data":{"x":${text}}}`;

afterEach(async () => {
  const reply = await send({ path: api.configMaps, body: holding('"fine"'), contentType: json });
  expect(reply.code).toBe(201);
});

const noJson: readonly string[] = [
  ...[
    "",
    " ",
    "\u0000",
    "\ufeff",
    "{",
    "}",
    "[",
    "]",
    "{]",
    "[}",
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    "{,}",
  ],
  ...[
    "{1:1}",
    "{'a':1}",
    "{a:1}",
    '{"a" "b"}',
    '{"a"::1}',
    '{"a":1}}',
    '{"a":1}x',
    '{"a":1}{"b":2}',
    "[1,]",
    "[,1]",
    "[1 2]",
  ],
  ...[
    "nul",
    "nulll",
    "True",
    "NaN",
    "-NaN",
    "Infinity",
    "-Infinity",
    "undefined",
    "+1",
    ".5",
    "1.",
    "01",
    "-01",
    "1e",
    "1e+",
    "0x10",
  ],
  ...[
    '"',
    '"\\',
    '"\\u',
    '"\\u12"',
    '"\\x41"',
    '"\u0001"',
    "'a'",
    '"a" "b"',
    "/* c */{}",
    "{}//c",
    "{}#c",
    "<a/>",
    "%PDF",
    "\u2028{}",
  ],
];

const oddJson: readonly string[] = [
  ...[
    "null",
    "true",
    "0",
    '""',
    "[]",
    "[[]]",
    "[{}]",
    "{}",
    '{"metadata":null}',
    '{"metadata":[]}',
    '{"metadata":"x"}',
    '{"metadata":5}',
  ],
  ...[
    '{"metadata":{"name":5}}',
    '{"metadata":{"name":null}}',
    '{"metadata":{"name":{}}}',
    '{"metadata":{"labels":[]}}',
  ],
  ...[
    '{"metadata":{"name":"a","labels":{"a":5}}}',
    '{"metadata":{"name":"a","finalizers":{}}}',
    '{"metadata":{"name":"a","finalizers":[5]}}',
  ],
  ...[
    '{"kind":[],"metadata":{"name":"a"}}',
    '{"apiVersion":{},"metadata":{"name":"a"}}',
    '{"kind":"__proto__"}',
    '{"__proto__":{"kind":"x"}}',
  ],
  ...[
    '{"constructor":{"prototype":{"x":1}},"metadata":{"name":"a"}}',
    '{"metadata":{"name":"a","uid":"u","generation":1e400}}',
  ],
  ...['{"metadata":{"name":"__proto__"}}', '{"metadata":{"name":"constructor"}}', '{"metadata":{"name":"toString"}}'],
];

const numbers: readonly string[] = [
  ...[
    "0",
    "-0",
    "0.0",
    "1e2",
    "1E+2",
    "1.5",
    "1e-400",
    "1e400",
    "-1e400",
    "123456789012345678901234567890",
    "9007199254740993",
  ],
  ...[
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "2147483648",
    "-2147483649",
    "1e1000000",
    "0e0",
    "-1",
  ],
];

/** Those that JavaScript would make others of. */
const refusedNumbers: ReadonlySet<string> = new Set([
  ...["1e400", "-1e400", "1e1000000", "123456789012345678901234567890", "9007199254740993"],
  ...["9223372036854775807", "9223372036854775808", "-9223372036854775809"],
]);

const strings: readonly string[] = [
  ...[
    "",
    " ",
    "\u0000",
    "\u0007",
    "\u001b[31mred",
    "\u007f",
    "\u0085",
    "\u00a0",
    "\u200b",
    "\u202etxet",
    "\ufeff",
    "\ufffd",
    "\uffff",
  ],
  ...["\ud800", "\udfff", "\ud83d", "\ud83d\ude00", "é", "e\u0301", "ß", "İ", "日本語", "שלום", "مرحبا", "𝕳𝖊𝖑𝖑𝖔", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢"],
  ...[
    "undefined",
    "null",
    "NaN",
    "true",
    "0",
    "-1",
    "1e9",
    "[object Object]",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "../../x",
    ".",
  ],
  ...[
    "..",
    "/",
    "\\",
    "a/b",
    "%00",
    "%2e%2e",
    "' OR 1=1 --",
    '"; DROP TABLE objects; --',
    "';--",
    "$(reboot)",
    "`reboot`",
    "| id",
    "&& id",
  ],
  ...[
    "$" + "{jndi:ldap://x/a}",
    "{{7*7}}",
    "<script>alert(1)</script>",
    "]]>",
    "&lt;",
    "\r\nSet-Cookie: a=b",
    "\n",
    "\t",
    "%s%n%x",
    "a".repeat(300_000),
  ],
];

const yamls: readonly string[] = [
  ...[
    "",
    "---",
    "...",
    "- a",
    "a",
    "a: b: c",
    "\ta: b",
    "a: [",
    "a: {",
    "a: 'b",
    'a: "b',
    "a: *b",
    "&a a: *a",
    "? a",
    "a:\n- b\n c",
    "%YAML 9.9\n---\na: b",
  ],
  ...[
    "!!binary x",
    "a: !!binary '***'",
    "a: !!timestamp x",
    "a: !<tag:x> y",
    "<<: *x",
    "a: &x {b: *x}",
    "a: .nan",
    "a: .inf",
    "a: 0x1F",
    "a: 1_000",
  ],
  ...[
    "a: 0o17",
    "a: 2001-12-14t21:59:43.10-05:00",
    "? [a, b]\n: c",
    "? {a: b}\n: c",
    "1: a",
    "null: a",
    "true: a",
    "---\na: 1\n---\nb: 2",
    "a: |\n\tb",
  ],
];

describe("a body", () => {
  it.each(noJson)("that is no JSON: %j", async (text) => {
    for (const path of [api.configMaps, api.daemonSets]) {
      expect((await send({ path, body: text, contentType: json })).code).toBe(400);
    }
  });

  it.each(oddJson)("that is JSON and no object of ours: %j", async (text) => {
    for (const path of [api.configMaps, api.daemonSets, api.pods, "/api/v1/nodes", "/api/v1/namespaces"]) {
      await send({ path: `${path}?dryRun=All`, body: text, contentType: json });
    }
  });

  it("with odd numbers", async () => {
    for (const number of numbers) {
      const spec = `{"selector":{"matchLabels":{"a":"b"}},"minReadySeconds":${number},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"priority":${number},"terminationGracePeriodSeconds":${number},"containers":[{"name":"c","image":"i","resources":{"limits":{"cpu":${number}}}}]}}}`;
      await send({
        path: `${api.daemonSets}?dryRun=All`,
        body: `{"metadata":{"name":"a"},"spec":${spec}}`,
        contentType: json,
      });
      await send({ path: api.configMaps, body: holding(number), contentType: json });
    }
  });

  it("with odd numbers in an object of somebody's own kind keeps them or says which it cannot keep", async () => {
    const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
    const version = { ...v1, schema: { openAPIV3Schema: { type: "object", properties: { spec: anything } } } };
    await define({ kind: "Gadget", plural: "gadgets", versions: [version] });
    const gadgets = "/apis/example.com/v1/namespaces/default/gadgets";
    const gadget = (name: string, spec: string) =>
      `{"apiVersion":"example.com/v1","kind":"Gadget","metadata":{"name":"${name}"},"spec":${spec}}`;
    await controllerManager(env).poke();
    await send({ path: gadgets, body: gadget("patched", "{}"), contentType: json });
    const patched = `${gadgets}/patched`;
    const applied = `${patched}?fieldManager=a&force=true`;
    const ways = (value: string): readonly Sent[] => [
      { path: gadgets, body: gadget(newName(), `{"a":${value}}`), contentType: json },
      { path: gadgets, body: gadget(newName(), `{"a":${value}}`), contentType: "application/yaml" },
      ...[
        [patched, "application/merge-patch+json", `{"spec":{"a":${value}}}`],
        [patched, "application/json-patch+json", `[{"op":"add","path":"/spec/a","value":${value}}]`],
        [applied, "application/apply-patch+yaml", gadget("patched", `{"a":${value}}`)],
        [applied, "application/apply-patch+yaml", `# YAML\n${gadget("patched", `{"a":${value}}`)}`],
      ].map(([path = "", contentType = "", body = ""]) => ({ method: "PATCH", path, body, contentType })),
    ];
    for (const number of numbers) {
      for (const way of ways(`[{"size":${number}}]`)) {
        const { code, body } = await send(way);
        const what = `${way.contentType} ${number}: ${JSON.stringify(body)}`;
        if (refusedNumbers.has(number)) {
          expect({ code, ...body }, what).toMatchObject({ code: 400, reason: "BadRequest" });
          expect(body?.message, what).toContain(` ${number} at `);
        } else {
          expect(code, what).toBeLessThan(300);
          expect(body, what).toMatchObject({ spec: { a: [{ size: Number(number) + 0 }] } });
        }
      }
    }
  });

  it("with odd numbers in what a controller keeps of its own says which it cannot keep", async () => {
    const body = `{"metadata":{"name":"${newName()}"},"revision":1,"data":{"spec":{"x":9007199254740993}}}`;
    const reply = await send({ path: api.revisions, body, contentType: json });
    expect(reply).toMatchObject({
      code: 400,
      body: { message: expect.stringContaining("9007199254740993 at data.spec.x") },
    });
  });

  it("with odd texts keeps them or refuses them", async () => {
    for (const text of strings) {
      const name = newName();
      const body = JSON.stringify({ metadata: { name, annotations: { note: text } }, data: { x: text } });
      const { code } = await send({ path: api.configMaps, body, contentType: json });
      if (code === 201 && text.isWellFormed()) {
        expect(await api.get(`${api.configMaps}/${name}`)).toMatchObject({ data: { x: text } });
      }
      for (const metadata of [
        { name: text },
        { generateName: text },
        { name, labels: { a: text } },
        { name, labels: { [text]: "a" } },
      ]) {
        await send({ path: `${api.configMaps}?dryRun=All`, body: JSON.stringify({ metadata }), contentType: json });
      }
      await send({
        path: `${api.configMaps}?dryRun=All`,
        body: JSON.stringify({ metadata: { name }, data: { [text]: "a" } }),
        contentType: json,
      });
      await send({
        path: `${secrets}?dryRun=All`,
        body: JSON.stringify({ metadata: { name }, type: text, data: { x: text } }),
        contentType: json,
      });
    }
  }, 60_000);

  it("with keys that objects have by themselves keeps them, or says that it cannot", async () => {
    const body = '{"metadata":{"name":"own"},"data":{"constructor":"2","toString":"3"}}';
    expect((await send({ path: api.configMaps, body, contentType: json })).code).toBe(201);
    expect(await api.get(`${api.configMaps}/own`)).toMatchObject(JSON.parse(body));
    const other = '{"metadata":{"name":"proto"},"data":{"__proto__":"1"}}';
    expect(await send({ path: api.configMaps, body: other, contentType: json })).toMatchObject({
      code: 400,
      body: { message: 'data: the key "__proto__" cannot be kept' },
    });
  });

  it.each([
    ["lists", "[".repeat(5_000) + "]".repeat(5_000)],
    ["objects", `${'{"a":'.repeat(5_000)}1${"}".repeat(5_000)}`],
    ["lists without end", "[".repeat(100_000)],
    ["a few too many", `{"metadata":{"name":"a"},"x":${"[".repeat(80)}${"]".repeat(80)}}`],
  ])("that is nested too deep: %s", async (_what, text) => {
    expect((await send({ path: api.configMaps, body: text, contentType: json })).code).toBe(400);
    await send({ path: api.configMaps, body: text, contentType: "application/yaml" });
  });

  it.each(yamls)("that is odd YAML: %j", async (text) => {
    await send({ path: `${api.configMaps}?dryRun=All`, body: text, contentType: "application/yaml" });
  });

  it("that is YAML which grows without bounds", async () => {
    const bomb = [
      "a: &a [x,x,x,x,x,x,x,x,x]",
      ..."bcdefghi"
        .split("")
        .map((name, index) => `${name}: &${name} [${Array(9).fill(`*${"abcdefgh"[index]}`).join(",")}]`),
    ];
    const startedAtMs = performance.now();
    expect((await send({ path: api.configMaps, body: bomb.join("\n"), contentType: "application/yaml" })).code).toBe(
      400,
    );
    expect(performance.now() - startedAtMs).toBeLessThan(1_000);
  });

  it("that is noise, in each of the formats", async () => {
    const types = [
      json,
      "application/yaml",
      "application/vnd.kubernetes.protobuf",
      "application/cbor",
      "text/plain",
      "",
      "a;b;c",
    ];
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 80 }), fc.constantFrom(...types), async (noise, contentType) => {
        await send({ path: `${api.configMaps}?dryRun=All`, body: noise as Uint8Array<ArrayBuffer>, contentType });
      }),
      { numRuns: 150 },
    );
  }, 60_000);

  it("that is protobuf with noise in it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (noise) => {
        const body = new Uint8Array([0x6b, 0x38, 0x73, 0, 0x12, noise.length, ...noise]);
        for (const path of [api.configMaps, api.daemonSets, api.pods]) {
          await send({ path: `${path}?dryRun=All`, body, contentType: "application/vnd.kubernetes.protobuf" });
        }
      }),
      { numRuns: 100 },
    );
  }, 60_000);
});

const anything = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1.5,
    2 ** 53,
    1e300,
    "",
    "x",
    [],
    {},
    [null],
    [[]],
    [{}],
    { a: null },
    "-",
    "a/b",
    "A",
  ),
  fc.jsonValue({ maxDepth: 2 }),
);

const whole = {
  metadata: {
    name: "m",
    labels: { a: "b" },
    annotations: { c: "d" },
    finalizers: ["a.b/c"],
    ownerReferences: [{ apiVersion: "v1", kind: "Node", name: "n", uid: "u" }],
  },
  spec: {
    selector: { matchLabels: { a: "b" }, matchExpressions: [{ key: "a", operator: "In", values: ["b"] }] },
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "10%", maxSurge: 0 } },
    minReadySeconds: 1,
    revisionHistoryLimit: 5,
    template: {
      metadata: { labels: { a: "b" } },
      spec: {
        nodeSelector: { a: "b" },
        tolerations: [{ key: "a", operator: "Exists", effect: "NoExecute", tolerationSeconds: 5 }],
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "In", values: ["b"] }] }],
            },
          },
        },
        volumes: [
          { name: "v", emptyDir: { sizeLimit: "1Gi" } },
          { name: "w", hostPath: { path: "/x" } },
        ],
        containers: [
          {
            name: "c",
            image: "i",
            ports: [{ containerPort: 80, name: "p" }],
            env: [{ name: "E", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
            resources: { limits: { cpu: "1" } },
            volumeMounts: [{ name: "v", mountPath: "/v" }],
            livenessProbe: { httpGet: { port: "p", path: "/" } },
            securityContext: { runAsUser: 5, capabilities: { add: ["X"] } },
          },
        ],
        initContainers: [{ name: "d", image: "i" }],
        securityContext: { sysctls: [{ name: "a.b", value: "c" }] },
      },
    },
  },
};

function pathsOf(value: unknown, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, part]) => pathsOf(part, [...path, key]))];
}

/** A copy with something else at one place. */
function changed(value: unknown, [key, ...rest]: readonly string[], to: unknown): unknown {
  if (key === undefined) return to;
  const copy = Array.isArray(value) ? [...value] : { ...Object(value) };
  copy[key] = changed(copy[key], rest, to);
  return copy;
}

describe("an object that is nearly right", () => {
  const places = pathsOf(whole).slice(1);
  const mutant = fc.tuple(fc.constantFrom(...places), anything).map(([path, to]) => changed(whole, path, to));

  it("is taken or refused when it is made", async () => {
    await fc.assert(
      fc.asyncProperty(mutant, async (object) => {
        await send({ path: `${api.daemonSets}?dryRun=All`, body: JSON.stringify(object), contentType: json });
      }),
      { numRuns: 400 },
    );
  }, 120_000);

  it("is taken or refused when it is a pod", async () => {
    const pod = { metadata: whole.metadata, spec: whole.spec.template.spec };
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...pathsOf(pod).slice(1)), anything, async (path, to) => {
        await send({ path: `${api.pods}?dryRun=All`, body: JSON.stringify(changed(pod, path, to)), contentType: json });
      }),
      { numRuns: 200 },
    );
  }, 120_000);

  it("is taken or refused as a change of each sort", async () => {
    await api.create(api.daemonSets, { ...whole, metadata: { name: "m" } });
    const types = ["application/merge-patch+json", "application/strategic-merge-patch+json"];
    await fc.assert(
      fc.asyncProperty(mutant, fc.constantFrom(...types), async (object, contentType) => {
        const path = `${api.daemonSets}/m?dryRun=All`;
        const body = JSON.stringify(object);
        const reply = await exports.default.fetch(
          new Request(`${api.server}${path}`, {
            method: "PATCH",
            body,
            headers: { authorization: `Bearer ${api.adminToken}`, "content-type": contentType },
          }),
        );
        const text = await reply.text();
        // Strategic patches that do not fit are failures without a reason upstream.
        if (reply.status >= 500) expect(JSON.parse(text)["reason"], `${body} ${text}`).toBeUndefined();
        expect(text).not.toMatch(insides);
      }),
      { numRuns: 200 },
    );
  }, 120_000);
});

describe("a query", () => {
  it("with odd values is answered or refused", async () => {
    const names = [
      "limit",
      "continue",
      "labelSelector",
      "fieldSelector",
      "resourceVersion",
      "resourceVersionMatch",
      "includeObject",
      "pretty",
      "dryRun",
      "watch=false&sendInitialEvents",
    ];
    const values = [
      "",
      "x",
      "-1",
      "1e9",
      "%00",
      "%ff",
      "%",
      "a=b,c!=d,e in (f)",
      "((",
      "a in ()",
      "metadata.name=%22",
      "\u{1f600}",
      "1".repeat(40),
      "a".repeat(4_000),
    ];
    for (const name of names) {
      for (const value of values) {
        const { code, text } = await api.call(`${api.configMaps}?${name}=${value}`);
        const isUpstreams = code === 500 && text.includes("strconv.ParseUint");
        expect(code < 500 || code === 504 || isUpstreams, `${name}=${value}: ${text}`).toBe(true);
        expect(text).not.toMatch(insides);
      }
    }
  }, 60_000);
});
