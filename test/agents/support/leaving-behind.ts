// A test's process as its killer finds it: with a mount, an interface and a program. Says where its files are.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { nameOf, ownDirectory } from "../../containers/own-directory.ts";

const directory = ownDirectory("left");
mkdirSync(join(directory, "mounted"));
execFileSync("mount", ["-t", "tmpfs", "tmpfs", join(directory, "mounted")]);
execFileSync("ip", ["link", "add", nameOf(directory), "type", "bridge"]);
spawn("sleep", ["600"], { cwd: directory, detached: true, stdio: "ignore" });
console.log(directory);
setInterval(() => {}, 1000);
