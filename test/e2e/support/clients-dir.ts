// Where `npm run clients` puts clients of other releases, and the tests find them.
import { homedir } from "node:os";
import { join } from "node:path";

const cache = process.env["XDG_CACHE_HOME"] ?? "";

export const clientsDir = join(cache === "" ? join(homedir(), ".cache") : cache, "lares", "clients");
