// What has to do with control groups, in a kernel with one tree for all of them: the same tests, of real runtimes.
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import * as z from "zod";

import { runInKernel } from "../containers/user-mode-kernel.ts";

const sources = fileURLToPath(new URL("../..", import.meta.url));

const config = `export default {
  cacheDir: "/tmp/vite",
  test: { include: ["test/agents/**/*.test.ts"], testTimeout: 60000, hookTimeout: 60000, maxWorkers: 1 },
};
`;

const script = `
cat /sys/fs/cgroup/cgroup.controllers
cd /sources
files="test/agents/process-runtime.test.ts test/agents/cri-runtime.test.ts"
/node node_modules/vitest/vitest.mjs run --config /root/vitest.config.mjs --root /sources -t "control group" \\
  --reporter json --outputFile /tmp/report.json $files
echo
echo REPORT
cat /tmp/report.json
echo
echo END
`;

const Report = z.object({
  testResults: z.array(
    z.object({
      message: z.string(),
      assertionResults: z.array(
        z.object({ title: z.string(), status: z.string(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
});

it("pods and containers have their shares and limits in the one tree of control groups", async () => {
  const files = { "vitest.config.mjs": config };
  const said = await runInKernel({ script, sources, files, timeoutMs: 280_000 });
  expect(said).toMatch(/^cpu io memory pids\s*$/m);
  const [, report = said] = /^REPORT\s*$(.*)^END\s*$/ms.exec(said) ?? [];
  const run = Report.parse(JSON.parse(report));
  const results = run.testResults.flatMap(({ assertionResults }) => assertionResults);
  const failures = results.flatMap(({ title, failureMessages }) => (failureMessages ?? []).map((why) => [title, why]));
  expect(failures).toEqual([]);
  expect(results.flatMap(({ title, status }) => (status === "passed" ? [title] : [])).toSorted()).toEqual([
    "ends as a whole when memory runs out for one of its processes",
    "has its limits, and its group goes with it",
    "is told from others that ended when its memory ran out",
    "keeps each pod in a control group of its own, which weighs what its containers do and goes with it",
  ]);
}, 300_000);
