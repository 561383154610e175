// `npm run build`: the node agent as one file, to be copied to a machine that has nothing but Node.
import { join } from "node:path";

import { bundleAgent, projectRoot } from "./bundle.ts";

const file = join(projectRoot, "dist", "lares-agent.cjs");
await bundleAgent("node", file);
console.log(`${file}\nRun it with Node 20 or newer: node lares-agent.cjs --help`);
