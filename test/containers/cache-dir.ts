// Where things lie that were fetched for the tests: in the user's cache, for all copies of this repository.
import { homedir } from "node:os";
import { join } from "node:path";

const cache = process.env["XDG_CACHE_HOME"] ?? "";

export function cacheDir(what: string): string {
  return join(cache === "" ? join(homedir(), ".cache") : cache, "lares", what);
}
