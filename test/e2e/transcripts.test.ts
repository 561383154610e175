// The transcripts of transcripts/*.txt, played to a real cluster by the kubectls that are installed as kubectl.1.NN, else by
// the one on the path. A step is a test. To play one: `vitest run --project e2e test/e2e/transcripts.test.ts -t "wait.txt 1.32"`.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { Cluster } from "./support/cluster.ts";
import type { InstalledKubectl } from "./support/kubectl.ts";
import { installedKubectls } from "./support/kubectl.ts";
import { concerns, parseTranscript } from "./support/transcript.ts";
import { TranscriptSession } from "./support/transcript-session.ts";

const dir = fileURLToPath(new URL("./transcripts", import.meta.url));
const transcripts = readdirSync(dir)
  .filter((file) => file.endsWith(".txt"))
  .sort()
  .map((file) => ({ topic: file.replace(/\.txt$/, ""), ...parseTranscript(readFileSync(join(dir, file), "utf8")) }));

/** KUBECTLS=27,32 plays to these alone; every release began something on the wire or says something in other words. */
function playedKubectls(): readonly InstalledKubectl[] {
  const wanted = (process.env["KUBECTLS"] ?? "").split(",").filter((minor) => minor !== "");
  return installedKubectls().filter(({ minor }) => wanted.length === 0 || wanted.includes(String(minor)));
}

for (const installed of playedKubectls()) {
  const { minor } = installed;
  const played = transcripts.filter(({ bounds }) => concerns(bounds, minor));

  describe(`kubectl 1.${minor}`, () => {
    // Who has no cluster of its own shares this one; it is started when the first of them needs it.
    let shared: Promise<Cluster> | null = null;
    const clusters: Cluster[] = [];

    async function newCluster(): Promise<Cluster> {
      const cluster = await Cluster.start({ runtime: "fake", nodes: 3 });
      clusters.push(cluster);
      return cluster;
    }

    function sharedCluster(): Promise<Cluster> {
      shared ??= newCluster();
      return shared;
    }

    afterAll(async () => {
      await Promise.all(clusters.map((cluster) => cluster.remove()));
    }, 60_000);

    for (const { topic, ownCluster, steps } of played) {
      describe.concurrent(`${topic}.txt 1.${minor}`, () => {
        let session: TranscriptSession;

        beforeAll(async () => {
          const cluster = await (ownCluster ? newCluster() : sharedCluster());
          session = await TranscriptSession.start(cluster, installed, `${topic}-1-${minor}`);
        }, 120_000);

        afterAll(async () => {
          await session?.end();
        }, 60_000);

        for (const step of steps.filter(({ bounds }) => concerns(bounds, minor))) {
          it(`line ${step.line}: ${step.title}`, { concurrent: false }, async () => {
            const { expected, got } = await session.take(step);
            expect(got).toBe(expected);
          });
        }
      });
    }
  });
}
