// A cluster as it is before anybody has asked anything of it, and the ways to put things into it.
import { applyD1Migrations, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";

import { seed } from "../../../src/api/seed.ts";
import { bucketOf } from "../../../src/core/buckets.ts";
import type { KubeObject } from "../../../src/model/meta.ts";
import type { Part } from "../../../src/store/batch.ts";
import { runBatch } from "../../../src/store/batch.ts";
import type { NewObject, Written } from "../../../src/store/objects.ts";
import { insertObjects } from "../../../src/store/objects.ts";
import { type Changes, changed } from "../../model/objects.ts";

/** Forgets everything, and makes what every cluster has. */
export async function newCluster(): Promise<void> {
  await reset();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  await seed(env.DB, Date.now());
}

/** Runs one part as a batch of its own. */
export async function run<Result>(part: Part<Result>): Promise<Result> {
  const [result] = await runBatch(env.DB, [part]);
  return result;
}

let made = 0;

/** A uid that was never used. */
export function newUid(): string {
  made += 1;
  return `uid-${made}`;
}

const plainNode = {
  apiVersion: "v1",
  kind: "Node",
  metadata: { creationTimestamp: "2026-01-01T00:00:00Z" },
  spec: {},
  status: { conditions: [{ type: "Ready", status: "True" }], nodeInfo: {} },
};

/** A Node as it is stored. */
function node(name: string, changes: Changes = {}): KubeObject {
  const plain = changed(plainNode, { "metadata.name": name, "metadata.uid": newUid(), ...changes });
  // Typed stub: as much of a Node as the control plane reads.
  return plain as KubeObject;
}

export function nodeRow(name: string, changes: Changes = {}): NewObject {
  return { resource: "nodes", namespace: "", name, object: node(name, changes), bucket: bucketOf(name) };
}

/** Nodes in the store, as agents would have made them. */
export async function addNodes(names: readonly string[], changes: Changes = {}): Promise<Written> {
  return run(
    insertObjects(
      env.DB,
      names.map((name) => nodeRow(name, changes)),
      { nowMs: Date.now() },
    ),
  );
}

export function nodeNames(count: number, first = 0): readonly string[] {
  return Array.from({ length: count }, (_, index) => `node-${String(first + index).padStart(5, "0")}`);
}

export type LogRow = {
  readonly seq: number;
  readonly type: string;
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly body: string;
  readonly previous: string | null;
  readonly origin: string;
  readonly bucket: number;
};

/** The log after `seq`, in its order. */
export async function logAfter(seq: number): Promise<readonly LogRow[]> {
  const { results } = await env.DB.prepare("SELECT * FROM log WHERE seq > ? ORDER BY seq").bind(seq).all<LogRow>();
  return results;
}

/** The last resourceVersion given out. */
export async function head(): Promise<number> {
  return (await env.DB.prepare("SELECT max(seq) FROM log").first<number>("max(seq)")) ?? 0;
}
