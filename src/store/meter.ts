// What this isolate has asked of D1: what bills are made of, and what must not grow with the fleet.

export type Meter = { readonly batches: number; readonly rowsRead: number; readonly rowsWritten: number };

const meter = { batches: 0, rowsRead: 0, rowsWritten: 0 };

/** Counts one batch by what D1 says of its results. */
export function count(results: readonly D1Result<unknown>[]): void {
  meter.batches += 1;
  for (const { meta } of results) {
    meter.rowsRead += meta.rows_read;
    meter.rowsWritten += meta.rows_written;
  }
}

export function readMeter(): Meter {
  return { ...meter };
}
