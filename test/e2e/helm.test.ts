// What a user of Helm sees who installs, upgrades, rolls back and uninstalls charts of daemons. The charts are our own, with
// the kinds of objects and the fields of pods that the published ones have. `npm run clients` gets the Helms.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import * as z from "zod";

import { Cluster } from "./support/cluster.ts";
import { Helm, helmReleases, isHelmInstalled } from "./support/helm.ts";

const chartsDir = fileURLToPath(new URL("./charts", import.meta.url));
const charts = readdirSync(chartsDir).sort();

/** Deployments and Jobs are kept and not run, so there is nothing to wait for, and hooks that are Jobs fail. */
function has(chart: string, kind: string): boolean {
  const templates = join(chartsDir, chart, "templates");
  return readdirSync(templates).some((file) => readFileSync(join(templates, file), "utf8").includes(`kind: ${kind}\n`));
}

const ReleaseSecrets = z.object({
  items: z.array(
    z.object({
      type: z.string(),
      metadata: z.object({ name: z.string(), labels: z.record(z.string(), z.string()) }),
    }),
  ),
});

const Revisions = z.array(z.object({ revision: z.int(), status: z.string() }));

/** What a namespace has without anybody making it. */
const furniture = new Set(["serviceaccount/default", "configmap/kube-root-ca.crt"]);

describe.each(helmReleases)("Helm %i", (release) => {
  if (!isHelmInstalled(release)) {
    it.skip(`is not installed: npm run clients`, () => {});
    return;
  }

  let cluster: Cluster;
  let helm: Helm;

  beforeAll(async () => {
    cluster = await Cluster.start({ runtime: "fake", nodes: 3 });
    helm = new Helm(release, cluster);
  }, 90_000);

  afterAll(async () => {
    await cluster?.remove();
  }, 60_000);

  /** The images of the daemons of a release, once they are all rolled out. */
  async function rolledOut(name: string): Promise<string> {
    const { kubectl } = cluster;
    const sets = (await kubectl.ok(`get daemonsets -n ${name} -o name`)).split("\n").filter((set) => set !== "");
    expect(sets.length).toBeGreaterThan(0);
    for (const set of sets) await kubectl.ok(`rollout status ${set} -n ${name} --timeout=60s`);
    const running = "{range .items[?(@.status.phase=='Running')]}{.spec.containers[*].image}{'\\n'}{end}";
    const printed = await kubectl.ok(["get", "pods", "-n", name, "-o", `jsonpath=${running}`]);
    return printed.trim().split("\n").sort().join("\n");
  }

  /** What there is of a release, in its namespace and outside of any. */
  async function leftOf(name: string): Promise<readonly string[]> {
    const { kubectl } = cluster;
    const list = async (scope: string, ...args: readonly string[]) => {
      const kinds = (await kubectl.ok(`api-resources --verbs=list,delete --namespaced=${scope} -o name`)).trim();
      const wanted = kinds.split("\n").filter((kind) => !/^events($|\.)|\.metrics\.k8s\.io$/.test(kind));
      const printed = await kubectl.ok(["get", wanted.join(","), "-o", "name", ...args]);
      return printed.split("\n").filter((line) => line !== "" && !furniture.has(line));
    };
    return [...(await list("true", "-n", name)), ...(await list("false", "-l", `app.kubernetes.io/instance=${name}`))];
  }

  it("says why a hook that is a Job cannot be had", async () => {
    const dir = join(chartsDir, "akri");
    const { code, stderr } = await helm.run(["install", "hooked", dir, "-n", "hooked", "--create-namespace"]);
    expect(code).toBe(1);
    expect(stderr).toContain(
      release === 3
        ? "job hooked-create failed: NotRunHere"
        : "resource Job/hooked/hooked-create not ready. status: Failed",
    );
  });

  describe.concurrent("takes a chart through its life", () => {
    it.each(charts)("%s", { timeout: 240_000 }, async (chart) => {
      const name = chart;
      const waits = !has(chart, "Deployment");
      const how = [
        "-n",
        name,
        ...(waits ? ["--wait", "--timeout", "60s"] : []),
        ...(has(chart, "Job") ? ["--no-hooks"] : []),
      ];
      const dir = join(chartsDir, chart);

      await helm.ok(["install", name, dir, "--create-namespace", ...how]);
      const first = await rolledOut(name);
      expect(first).toMatch(/:1$/m);
      const secrets = await cluster.kubectl.ok(`get secrets -n ${name} -l owner=helm,name=${name} -o json`);
      expect(ReleaseSecrets.parse(JSON.parse(secrets)).items).toMatchObject([
        {
          type: "helm.sh/release.v1",
          metadata: {
            name: `sh.helm.release.v1.${name}.v1`,
            labels: { owner: "helm", name, status: "deployed", version: "1" },
          },
        },
      ]);
      expect(await helm.ok(["status", name, "-n", name, ...(release === 3 ? ["--show-resources"] : [])])).toContain(
        "deployed",
      );

      await helm.ok(["upgrade", name, dir, "--set", "version=2", ...how]);
      expect(await rolledOut(name)).toBe(
        first.replaceAll(/:1(?= |$)/gm, (tag, at) => (isPinned(first, at) ? tag : ":2")),
      );

      await helm.ok(["rollback", name, "1", ...how]);
      expect(await rolledOut(name)).toBe(first);
      const history = Revisions.parse(JSON.parse(await helm.ok(["history", name, "-n", name, "-o", "json"])));
      expect(history).toMatchObject([
        { revision: 1, status: "superseded" },
        { revision: 2, status: "superseded" },
        { revision: 3, status: "deployed" },
      ]);

      expect((await leftOf(name)).length).toBeGreaterThan(3);
      await helm.ok([
        "uninstall",
        name,
        "-n",
        name,
        "--wait",
        "--timeout",
        "60s",
        ...(has(chart, "Job") ? ["--no-hooks"] : []),
      ]);
      // Helm waits for what it made itself; the pods go a moment after their DaemonSet.
      await vi.waitFor(async () => expect(await leftOf(name)).toEqual([]), { timeout: 60_000, interval: 500 });
    });
  });
});

/** Whether the image that ends at a place is one that no upgrade changes. */
function isPinned(images: string, at: number): boolean {
  return /\/(config-reloader|livenessprobe|node-driver-registrar|wget|busybox)$/.test(images.slice(0, at));
}
