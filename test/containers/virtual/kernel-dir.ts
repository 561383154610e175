// Where `npm run kernel` puts a kernel for virtual machines, and they find it.
import { join } from "node:path";

import { cacheDir } from "../cache-dir.ts";

export const kernelDir = cacheDir("kernel");
/** Uncompresses itself. */
export const kernelFile = join(kernelDir, "vmlinuz");
/** What is in memory at the start, and finds the disk. */
export const initialFile = join(kernelDir, "initrd");
/** What is below /usr of a machine with this kernel: its modules. */
export const kernelFiles = join(kernelDir, "usr");
