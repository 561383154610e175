import { readFileSync } from "node:fs";
import { expect, it } from "vitest";

import { withTables } from "../../local/support-tables.ts";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

it("README's tables of what is there are those that `npm run docs` writes", () => {
  expect(readme).toBe(withTables(readme));
});

it("a README without the places for the tables is noticed", () => {
  expect(() => withTables("# Lares\n")).toThrow("README.md has no <!-- kinds");
});
