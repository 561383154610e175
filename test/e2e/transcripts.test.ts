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

/**
 * Each began something on the wire: 27 asks for OpenAPI v2 first, 29 for aggregated discovery in its old form, 31 is the last
 * to send JSON alone, 32 sends protobuf, 34 says things in other words, 36 has its watches send what there is at first.
 * EVERY_KUBECTL=1 plays to those in between as well.
 */
const playedMinors: readonly number[] = [27, 29, 31, 32, 34, 36];

function playedKubectls(): readonly InstalledKubectl[] {
  const installed = installedKubectls();
  const chosen = installed.filter(({ minor }) => playedMinors.includes(minor));
  return chosen.length === 0 || process.env["EVERY_KUBECTL"] === "1" ? installed : chosen;
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
