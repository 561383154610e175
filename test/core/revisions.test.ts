import * as fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { HistoryInput, Revision } from "../../src/core/revisions.ts";
import { planHistory, revisionData, revisionHash, superfluousRevisions } from "../../src/core/revisions.ts";
import type { Changes } from "../model/objects.ts";
import { daemonSet } from "../model/objects.ts";

function template(changes: Changes = {}) {
  return daemonSet(changes).spec.template;
}

const plainData =
  '{"spec":{"template":{"$patch":"replace","metadata":{"creationTimestamp":null,"labels":{"app":"web"}},"spec":{"containers":' +
  '[{"image":"nginx:1.27","imagePullPolicy":"IfNotPresent","name":"c","resources":{},"terminationMessagePath":"/dev/termination-log",' +
  '"terminationMessagePolicy":"File"}],"dnsPolicy":"ClusterFirst","restartPolicy":"Always","schedulerName":"default-scheduler",' +
  '"securityContext":{},"terminationGracePeriodSeconds":30}}}}';

describe("revisionData", () => {
  it("is what Go clients compute of a plain template, byte for byte", () => {
    expect(revisionData(template())).toBe(plainData);
  });

  it.each<readonly [string, Changes, string]>([
    [
      "HTML characters are escaped, in keys too",
      { "spec.template.metadata.annotations": { "a<b": "x > y && z" } },
      '"annotations":{"a\\u003cb":"x \\u003e y \\u0026\\u0026 z"}',
    ],
    [
      "line separators are escaped, other characters are not",
      { "spec.template.metadata.annotations": { a: "ü\u2028\u2029😀\u007f" } },
      '"annotations":{"a":"ü\\u2028\\u2029😀\u007f"}',
    ],
    [
      "control characters are escaped as Go escapes them",
      { "spec.template.metadata.annotations": { a: '"\\\n\r\t\b\f\u0001' } },
      '"annotations":{"a":"\\"\\\\\\n\\r\\t\\b\\f\\u0001"}',
    ],
    [
      "keys are in the order of their bytes, not of their UTF-16 units",
      { "spec.template.metadata.annotations": { "😀": "3", "\uffee": "2", z: "1", Z: "0" } },
      '"annotations":{"Z":"0","z":"1","\uffee":"2","😀":"3"}',
    ],
    [
      "amounts are as the API returns them",
      { "spec.template.spec.containers[0].resources": { limits: { memory: "1024Mi", cpu: "0.5" } } },
      '"resources":{"limits":{"cpu":"500m","memory":"1Gi"}}',
    ],
    ["lists keep their order", { "spec.template.spec.containers[0].args": ["b", "a"] }, '"args":["b","a"]'],
    ["empty lists are left out", { "spec.template.spec.tolerations": [] }, '"terminationGracePeriodSeconds":30}'],
    [
      "false is left out where Go leaves it out",
      { "spec.template.spec.hostNetwork": false },
      '"dnsPolicy":"ClusterFirst","restartPolicy"',
    ],
    [
      "fields that are not known are left out",
      { "spec.template.spec.unheardOf": 1 },
      '"terminationGracePeriodSeconds":30}}}}',
    ],
  ])("%s", (_rule, changes, part) => {
    expect(revisionData(template(changes))).toContain(part);
  });

  it("does not depend on the order in which a manifest gives its fields", () => {
    const { metadata, spec } = template();
    expect(revisionData({ spec, metadata })).toBe(revisionData({ metadata, spec }));
  });
});

describe("revisionHash", () => {
  it("is stable: pods carry it", () => {
    expect(revisionHash(plainData, null)).toBe("969c4f64b");
    expect(revisionHash(plainData, 1)).toBe("864f65887c");
  });

  it("changes with each collision", () => {
    const hashes = [null, 0, 1, 2, 3].map((collisions) => revisionHash(plainData, collisions));
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it("is always a label value of at most ten characters", () => {
    fc.assert(
      fc.property(fc.string(), fc.option(fc.nat()), (data, collisions) => {
        expect(revisionHash(data, collisions)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
      }),
    );
  });
});

function revision(name: string, number: number, fields: Partial<Revision> = {}): Revision {
  return { name, uid: name, hash: name, revision: number, data: name, ...fields };
}

function history(revisions: readonly Revision[], fields: Partial<HistoryInput> = {}) {
  return planHistory({ setName: "web", template: template(), collisionCount: null, revisions, ...fields });
}

describe("planHistory", () => {
  const names = (revisions: readonly Revision[]) => revisions.map(({ name }) => name);

  it("makes the first revision, number 1, named after the DaemonSet and the hash", () => {
    const hash = revisionHash(plainData, null);
    expect(history([])).toEqual({
      current: { name: `web-${hash}`, hash, revision: 1 },
      create: true,
      raise: false,
      duplicates: [],
      unlabelled: [],
      old: [],
    });
  });

  it("gives a new template the next number", () => {
    const plan = history([revision("a", 1), revision("b", 4)]);
    expect([plan.create, plan.current.revision, names(plan.old)]).toEqual([true, 5, ["a", "b"]]);
  });

  it("keeps the revision that has the template's bytes", () => {
    const plan = history([revision("a", 1), revision("b", 2, { data: plainData })]);
    expect(plan.current).toEqual({ name: "b", hash: "b", revision: 2 });
    expect([plan.create, plan.raise, names(plan.old)]).toEqual([false, false, ["a"]]);
  });

  it("uses an old revision again after a rollback, under a higher number", () => {
    const plan = history([revision("a", 1, { data: plainData }), revision("b", 2)]);
    expect(plan.current).toEqual({ name: "a", hash: "a", revision: 3 });
    expect([plan.create, plan.raise]).toEqual([false, true]);
  });

  it("keeps the highest of several with the same bytes, the last of equals", () => {
    const twins = [
      revision("a", 3, { data: plainData }),
      revision("b", 3, { data: plainData }),
      revision("c", 2, { data: plainData }),
    ];
    const plan = history(twins);
    expect([plan.current.name, names(plan.duplicates)]).toEqual(["b", ["a", "c"]]);
  });

  it("gives a revision without the hash label its name as one", () => {
    const plan = history([revision("a", 1, { data: plainData, hash: "" })]);
    expect([plan.current.hash, names(plan.unlabelled)]).toEqual(["a", ["a"]]);
  });

  it("takes another name after a collision", () => {
    expect(history([], { collisionCount: 1 }).current.name).not.toBe(history([]).current.name);
  });

  it("does not look at the hash: bytes decide", () => {
    const other = revision("other", 1, { hash: revisionHash(plainData, null) });
    expect(history([other]).create).toBe(true);
  });

  it("comes to rest: planned again after it was carried out, there is nothing to do", () => {
    const any = fc.record({
      name: fc.constantFrom("a", "b", "c", "d"),
      revision: fc.integer({ min: 1, max: 5 }),
      data: fc.constantFrom("other", "another", plainData),
    });
    fc.assert(
      fc.property(fc.uniqueArray(any, { selector: ({ name }) => name }), (found) => {
        const before = found.map(({ name, revision: number, data }) => revision(name, number, { data }));
        const { current, duplicates } = history(before);
        const kept = before.filter((one) => !duplicates.includes(one) && one.name !== current.name);
        const after = history([...kept, { ...current, uid: "u", data: plainData }]);
        expect(after).toMatchObject({ create: false, raise: false, duplicates: [], current });
        expect(Math.max(0, ...after.old.map(({ revision: number }) => number))).toBeLessThan(current.revision);
      }),
    );
  });
});

describe("superfluousRevisions", () => {
  const old = [revision("c", 3), revision("a", 1), revision("b", 2)];
  const none = new Set<string>();

  it.each<readonly [string, number, ReadonlySet<string>, readonly string[]]>([
    ["within the limit all stay", 3, none, []],
    ["beyond it the lowest numbers go first", 1, none, ["a", "b"]],
    ["a limit of 0 keeps none", 0, none, ["a", "b", "c"]],
    ["what pods still carry is passed over, and the next goes instead", 1, new Set(["a"]), ["b", "c"]],
    ["what pods still carry stays, whatever the limit", 0, new Set(["a", "c"]), ["b"]],
    ["the current hash of pods frees no old one", 2, new Set(["new"]), ["a"]],
  ])("%s", (_rule, limit, live, gone) => {
    expect(superfluousRevisions(old, limit, live).map(({ name }) => name)).toEqual(gone);
  });

  it("leaves no more than the limit and those in use", () => {
    const revisions = fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 15 });
    fc.assert(
      fc.property(revisions, fc.nat(5), fc.array(fc.integer({ min: 1, max: 30 })), (numbers, limit, live) => {
        const found = numbers.map((number) => revision(`r${number}`, number));
        const inUse = new Set(live.map((number) => `r${number}`));
        const gone = superfluousRevisions(found, limit, inUse);
        const left = found.filter((one) => !gone.includes(one));
        expect(left.length).toBeLessThanOrEqual(limit + left.filter(({ hash }) => inUse.has(hash)).length);
        expect(gone.some(({ hash }) => inUse.has(hash))).toBe(false);
        expect(gone.length).toBeLessThanOrEqual(Math.max(0, found.length - limit));
      }),
    );
  });
});
