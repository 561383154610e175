import { createHash } from "node:crypto";

import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";

// One project per kind of ground the tests stand on. The worker project runs in workerd, the rest in Node.

/**
 * Real engines, processes and clocks on a machine that may be busy: a test of them that fails is tried once more, and
 * `npm test` says in the end which ones passed only then. What depends on nothing but itself has one try.
 */
const retry = 1;

export default defineConfig({
  test: {
    // What a test that passes has to say is of no use: many provoke warnings.
    silent: "passed-only",
    projects: [
      { test: { name: "unit", include: ["test/{model,core,api,house}/**/*.test.ts"], environment: "node" } },
      {
        test: {
          name: "agents",
          include: ["test/agents/**/*.test.ts"],
          environment: "node",
          retry,
          testTimeout: 30_000,
          // Daemons are started in them, on machines that may be busy.
          hookTimeout: 60_000,
        },
      },
      {
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              bindings: {
                TEST_MIGRATIONS: await readD1Migrations("migrations"),
                // Of the token in test/worker/support/api.ts.
                ADMIN_TOKEN_SHA256: createHash("sha256").update("lares-test-administrator").digest("hex"),
                // Enough to tell shards apart, and few to wait for.
                NODE_SHARD_COUNT: "2",
              },
            },
          })),
        ],
        test: {
          name: "worker",
          include: ["test/worker/**/*.test.ts"],
          retry,
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: "sim",
          include: ["test/sim/**/*.test.ts"],
          environment: "node",
          maxWorkers: 2,
          // The rarest of the planted bugs takes a minute to be found.
          testTimeout: 300_000,
        },
      },
      {
        test: {
          name: "e2e",
          include: ["test/e2e/**/*.test.ts"],
          environment: "node",
          retry,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          // Each file starts a cluster of its own, and they share two processors.
          fileParallelism: false,
        },
      },
      // Asked for by name only: a machine that is emulated takes a quarter of an hour.
      { test: { name: "machine", include: ["test/machine/**/*.test.ts"], environment: "node" } },
    ],
  },
});
