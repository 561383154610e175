// Which images to remove when the disk fills up, or when nobody has used them for long.
// Source: pkg/kubelet/images/image_gc_manager.go.
import type { RuntimeImage } from "../runtime/runtime.ts";
import { durationMs, percent, UpkeepFlagError } from "./flags.ts";
import type { Reading } from "./thresholds.ts";

export type ImageLimits = {
  /** Above this share of the disk images are removed, down to `lowShare`. */
  readonly highShare: number;
  readonly lowShare: number;
  /** An image that was pulled a moment ago is about to be used. */
  readonly minimumAgeMs: number;
  /** Unused for longer than this, an image goes though there is room. */
  readonly maximumAgeMs: number;
};

export const defaultImageLimits: ImageLimits = {
  highShare: 0.85,
  lowShare: 0.8,
  minimumAgeMs: 2 * 60_000,
  maximumAgeMs: Number.POSITIVE_INFINITY,
};

/** As they were given; absent: not at all. */
export type ImageFlags = {
  readonly highThreshold?: string | undefined;
  readonly lowThreshold?: string | undefined;
  readonly maximumAge?: string | undefined;
};

/** Throws an UpkeepFlagError. Source: kubelet apis/config/validation; image_gc_manager.go, NewImageGCManager. */
export function parseImageLimits(flags: ImageFlags): ImageLimits {
  const high = percent("--image-gc-high-threshold", flags.highThreshold ?? "85");
  const low = percent("--image-gc-low-threshold", flags.lowThreshold ?? "80");
  if (low >= high) {
    const which = `--image-gc-low-threshold: ${low}`;
    throw new UpkeepFlagError(`${which} is not less than --image-gc-high-threshold, which is ${high}`);
  }
  const maximumAgeMs = durationMs("--image-maximum-gc-age", flags.maximumAge ?? "0s");
  const { minimumAgeMs } = defaultImageLimits;
  if (maximumAgeMs > 0 && maximumAgeMs <= minimumAgeMs) {
    const which = `--image-maximum-gc-age: ${flags.maximumAge ?? ""}`;
    throw new UpkeepFlagError(`${which} is too short: images stay for two minutes in any case`);
  }
  return {
    // At 100 a kubelet does not look.
    highShare: high === 100 ? Number.POSITIVE_INFINITY : high / 100,
    lowShare: low / 100,
    minimumAgeMs,
    maximumAgeMs: maximumAgeMs === 0 ? Number.POSITIVE_INFINITY : maximumAgeMs,
  };
}

type ImageRecord = { readonly seenAtMs: number; readonly usedAtMs: number };
/** By id. */
export type ImageRecords = Readonly<Record<string, ImageRecord>>;

/** The records with what is there now; `inUse`: ids and names. Images that are gone are forgotten. */
export function recordImages(
  before: ImageRecords,
  images: readonly RuntimeImage[],
  inUse: ReadonlySet<string>,
  nowMs: number,
): ImageRecords {
  return Object.fromEntries(
    images.map((image) => {
      const known = before[image.id];
      const usedAtMs = isInUse(image, inUse) ? nowMs : (known?.usedAtMs ?? 0);
      // A clock that was set back must not make an image young for ever.
      return [image.id, { seenAtMs: Math.min(known?.seenAtMs ?? nowMs, nowMs), usedAtMs: Math.min(usedAtMs, nowMs) }];
    }),
  );
}

function isInUse({ id, repoTags, repoDigests }: RuntimeImage, inUse: ReadonlySet<string>): boolean {
  return [id, ...repoTags, ...repoDigests].some((name) => inUse.has(name));
}

export type CollectionInput = {
  readonly images: readonly RuntimeImage[];
  readonly records: ImageRecords;
  readonly inUse: ReadonlySet<string>;
  readonly disk: Reading;
  readonly limits: ImageLimits;
  readonly nowMs: number;
  /** True: everything that is not used goes, as before pods have to. */
  readonly all: boolean;
};

export type Collection = {
  /** In the order in which they are to go. */
  readonly candidates: readonly RuntimeImage[];
  /** How many bytes to free of the candidates; those of `expired` go in any case. */
  readonly goalBytes: number;
  readonly expired: ReadonlySet<string>;
};

export function planCollection({ images, records, inUse, disk, limits, nowMs, all }: CollectionInput): Collection {
  const recordOf = ({ id }: RuntimeImage) => records[id] ?? { seenAtMs: nowMs, usedAtMs: 0 };
  const candidates = images
    .filter((image) => !isInUse(image, inUse) && nowMs - recordOf(image).seenAtMs >= limits.minimumAgeMs)
    .toSorted((a, b) => {
      const [first, second] = [recordOf(a), recordOf(b)];
      return first.usedAtMs - second.usedAtMs || first.seenAtMs - second.seenAtMs || (a.id < b.id ? -1 : 1);
    });
  const isFull = disk.capacity > 0 && disk.capacity - disk.available >= disk.capacity * limits.highShare;
  const toLow = Math.ceil(disk.capacity * (1 - limits.lowShare) - disk.available);
  const goalBytes = all ? Number.POSITIVE_INFINITY : isFull ? Math.max(0, toLow) : 0;
  const age = (image: RuntimeImage) => nowMs - Math.max(recordOf(image).usedAtMs, recordOf(image).seenAtMs);
  const expired = new Set(candidates.filter((image) => age(image) > limits.maximumAgeMs).map(({ id }) => id));
  return { candidates, goalBytes, expired };
}
