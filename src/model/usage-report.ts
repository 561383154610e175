// What a node and its containers use, as its agent says when it is asked.
import * as z from "zod";

const ResourceUsage = {
  /** Billionths of a processor, over the window. */
  cpuNanoCores: z.int().min(0),
  /** What is used now and cannot be had back at once. */
  workingSetBytes: z.int().min(0),
};

/** What a node and its containers use. Kept by the control plane for a moment only, never written. */
export const UsageReport = z.strictObject({
  /** Over how long the use of the processor was measured. */
  windowMs: z.int().min(1),
  node: z.strictObject(ResourceUsage),
  containers: z.array(z.strictObject({ podUid: z.string(), name: z.string(), ...ResourceUsage })),
});
export type UsageReport = z.output<typeof UsageReport>;

export type NodeUsage = UsageReport & {
  /** When the report came, in milliseconds since 1970: agents' clocks are not asked. */
  readonly atMs: number;
};
