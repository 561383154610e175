// Which Service has an address. The index that this reads holds each address to one Service.
import type { Part } from "./batch.ts";
import { rowsOf } from "./batch.ts";

/** Whether some Service has the address. */
export function readAddressTaken(db: D1Database, address: string): Part<boolean> {
  const statement = db
    .prepare(
      `SELECT 1 FROM objects WHERE resource = 'services' AND body->>'$.spec.clusterIP' = ?1
         AND body->>'$.spec.clusterIP' <> 'None'`,
    )
    .bind(address);
  return { statements: [statement], read: ([result]) => rowsOf(result).length > 0 };
}

/** Whether a batch failed because it would have given one address to two Services. */
export function isAddressConflict(error: unknown): boolean {
  return String(error).includes("services_by_address");
}
