// The first thing that runs, on whatever Node there is: installs what is missing and goes on with the pinned Node.
// Plain JavaScript for Node 20, without dependencies.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [script, ...rest] = process.argv.slice(2);
const oldest = 20;

function fail(message) {
  console.error(`lares: ${message}`);
  process.exit(1);
}

const major = Number(process.versions.node.split(".")[0]);
if (major < oldest)
  fail(`Node ${oldest} or newer is needed, this is ${process.versions.node}. See https://nodejs.org.`);

/** The lock file's digest, kept beside what was installed from it. */
const stamp = join(root, "node_modules", ".lares-installed");
const wanted = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");

function isInstalled() {
  return existsSync(stamp) && readFileSync(stamp, "utf8") === wanted;
}

if (!isInstalled()) {
  console.log("Installing what is needed (once) ...");
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status, error } = spawnSync(npm, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (error !== undefined) fail(`npm could not be started: ${error.message}`);
  if (status !== 0) fail("npm could not install the dependencies; what it said is above.");
  writeFileSync(stamp, wanted);
}

/** The pinned Node, or the running one where no package of it exists for the platform. */
function node() {
  const pinned = join(root, "node_modules", ".bin", "node");
  if (existsSync(pinned) && statSync(pinned).isFile()) return pinned;
  const [, minor] = process.versions.node.split(".").map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return process.execPath;
  return fail(`there is no pinned Node for ${process.platform} ${process.arch}; start this with Node 22.18 or newer.`);
}

const binary = node();
const path = `${join(root, "node_modules", ".bin")}:${process.env.PATH ?? ""}`;
const child = spawn(binary, ["--disable-warning=ExperimentalWarning", join(root, script), ...rest], {
  stdio: "inherit",
  env: { ...process.env, PATH: path },
});
// The terminal sends its signals to the child as well; the parent only waits for what the child makes of them.
for (const signal of ["SIGINT", "SIGHUP"]) process.on(signal, () => {});
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 1)));
