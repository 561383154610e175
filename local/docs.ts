// `npm run docs`: writes the tables of README.md anew that say what is there.
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { withTables } from "./support-tables.ts";

const path = fileURLToPath(new URL("../README.md", import.meta.url));
const readme = readFileSync(path, "utf8");
const written = withTables(readme);
if (written !== readme) writeFileSync(path, written);
console.log(written === readme ? "README.md is as it should be" : "README.md was written anew");
