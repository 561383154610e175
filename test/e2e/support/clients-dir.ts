// Where `npm run clients` puts clients of other releases, and the tests find them.
import { cacheDir } from "../../containers/cache-dir.ts";

export const clientsDir = cacheDir("clients");
