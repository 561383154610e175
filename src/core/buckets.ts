// Which of the node shards looks after a node.
import { fnv1a32 } from "./hash.ts";

/** Fixed for ever: stored with every node and pod. Shards are ranges of buckets, so their number may change. */
export const bucketCount = 4096;

export function bucketOf(node: string): number {
  return fnv1a32(node) % bucketCount;
}

export function shardOf(bucket: number, shardCount: number): number {
  return Math.floor((bucket * shardCount) / bucketCount);
}

/** First and last bucket of a shard. */
export function bucketsOf(shard: number, shardCount: number): { readonly first: number; readonly last: number } {
  return {
    first: Math.ceil((shard * bucketCount) / shardCount),
    last: Math.ceil(((shard + 1) * bucketCount) / shardCount) - 1,
  };
}
