import fc from "fast-check";
import { describe, expect, test } from "vitest";

import * as protocol from "../../agents/node/connection/protocol.ts";
import * as messages from "../../src/sync/messages.ts";

const anyPod = fc.record(
  {
    uid: fc.string(),
    namespace: fc.string(),
    name: fc.string(),
    template: fc.string(),
    createdAtMs: fc.integer(),
    observation: fc.nat(),
    deletion: fc.record({ atMs: fc.integer(), gracePeriodSeconds: fc.nat() }),
    serviceAccount: fc.record(
      { imagePullSecrets: fc.array(fc.string(), { maxLength: 2 }), automountServiceAccountToken: fc.boolean() },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: ["uid", "namespace", "name", "template", "createdAtMs", "observation"] },
);

// Which zod leaves out.
const anyKey = fc.string().filter((key) => key !== "__proto__");

const anyObject = fc.record(
  {
    kind: fc.constantFrom("ConfigMap", "Secret"),
    namespace: fc.string(),
    name: fc.string(),
    version: fc.string(),
    content: fc.record({
      uid: fc.string(),
      type: fc.string(),
      data: fc.dictionary(anyKey, fc.string(), { maxKeys: 2 }),
      binaryData: fc.dictionary(anyKey, fc.string(), { maxKeys: 2 }),
    }),
  },
  { requiredKeys: ["kind", "namespace", "name", "version"] },
);

const anyAnswer = fc.record(
  {
    protocol: fc.constant(1),
    acknowledged: fc.nat(),
    registered: fc.boolean(),
    revision: fc.nat(),
    etag: fc.string(),
    pods: fc.array(anyPod, { maxLength: 3 }),
    // Which zod leaves out; ids are digests.
    templates: fc.dictionary(
      fc.string().filter((id) => id !== "__proto__"),
      fc.object(),
    ),
    objects: fc.array(anyObject, { maxLength: 3 }),
    resend: fc.boolean(),
    usage: fc.boolean(),
    nextSyncMs: fc.nat(),
  },
  { requiredKeys: ["protocol", "acknowledged", "registered", "revision", "etag", "nextSyncMs"] },
);

/** Answers of which one field, wherever it is, is something else or gone. */
const brokenAnswer = fc
  .tuple(anyAnswer, fc.nat(), fc.constantFrom(undefined, null, "x", 1, true, [], {}, ["x"]))
  .map(([answer, where, value]) => {
    const whole = JSON.parse(JSON.stringify(answer));
    const places: [object, string][] = [];
    const collect = (from: object) => {
      for (const [key, inner] of Object.entries(from)) {
        places.push([from, key]);
        if (typeof inner === "object" && inner !== null && from !== whole.templates) collect(inner);
      }
    };
    collect(whole);
    const place = places[where % places.length];
    if (place !== undefined) Reflect.set(place[0], place[1], value);
    return whole;
  });

const anyApproval = fc.record(
  {
    node: fc.oneof(fc.string(), fc.constant(1)),
    approval: fc.constantFrom("Required", "Pending", "Approved", "Other", 1),
    request: fc.oneof(fc.string(), fc.constant(null)),
    error: fc.oneof(fc.string(), fc.constant(false)),
  },
  { requiredKeys: [] },
);

const anyTokenAnswer = fc.record(
  { token: fc.oneof(fc.string(), fc.constant(1)), expiresInMs: fc.oneof(fc.integer(), fc.constant("1")) },
  { requiredKeys: [] },
);

describe("the hand-written reader", () => {
  test("reads what the schema reads, as the schema reads it", () => {
    fc.assert(
      fc.property(anyAnswer, (answer) => {
        const text = JSON.stringify(answer);
        expect(protocol.readAnswer(text)).toEqual(messages.SyncAnswer.parse(JSON.parse(text)));
      }),
    );
  });

  test("refuses what the schema refuses", () => {
    fc.assert(
      fc.property(brokenAnswer, (answer) => {
        const text = JSON.stringify(answer);
        const bySchema = messages.SyncAnswer.safeParse(JSON.parse(text));
        expect(protocol.readAnswer(text) !== null).toBe(bySchema.success);
      }),
      { numRuns: 1000 },
    );
  });

  test.each(["", "null", "[]", "1", '"x"', "{}", "{", '{"revision":1e999}'])("refuses %j", (text) => {
    expect(protocol.readAnswer(text)).toBeNull();
    expect(protocol.readEnrolAnswer(text)).toBeNull();
  });

  test("reads what enrolment gives", () => {
    const answer = { node: "edge-1", credential: "c" };
    expect(protocol.readEnrolAnswer(JSON.stringify({ ...answer, more: 1 }))).toEqual(
      messages.EnrolAnswer.parse(answer),
    );
  });

  test("reads tokens as the schema does", () => {
    fc.assert(
      fc.property(anyTokenAnswer, (answer) => {
        const text = JSON.stringify(answer);
        const parsed = messages.PodTokenAnswer.safeParse(JSON.parse(text));
        expect(protocol.readTokenAnswer(text)).toEqual(parsed.success ? parsed.data : null);
      }),
    );
  });

  test("knows the contract's constants", () => {
    const { protocolVersion, ping, pong, paths } = messages;
    expect(protocol).toMatchObject({ protocolVersion, ping, pong, paths });
  });

  test("reads what answers say of approval as the schema does", () => {
    fc.assert(
      fc.property(anyApproval, (answer) => {
        const text = JSON.stringify(answer);
        const parsed = messages.ApprovalAnswer.safeParse(JSON.parse(text));
        expect(protocol.readApprovalAnswer(text)).toEqual(parsed.success ? parsed.data : null);
      }),
    );
  });
});
