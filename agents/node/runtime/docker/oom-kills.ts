// Whether the kernel ended a container for want of memory: Podman does not always notice.
import { closeSync, constants, openSync, readSync } from "node:fs";

/** Each read is one record of the kernel's log. */
const recordBytes = 8192;
const mostRecords = 20_000;

/** What the kernel's log says; false where the agent may not read it. */
export function wasKilledForMemory(containerId: string): boolean {
  let fd: number | undefined;
  try {
    fd = openSync("/dev/kmsg", constants.O_RDONLY | constants.O_NONBLOCK);
    return hasKill(fd, containerId);
  } catch {
    return false;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function hasKill(fd: number, containerId: string): boolean {
  const buffer = Buffer.alloc(recordBytes);
  for (let record = 0; record < mostRecords; record++) {
    try {
      const text = buffer.toString("latin1", 0, readSync(fd, buffer));
      // The control group is named after the container.
      if (text.includes("oom-kill:") && text.includes(containerId)) return true;
    } catch (error) {
      // EPIPE: records were overwritten meanwhile; it goes on with the oldest there is. Anything else: no more of them.
      if (!(error instanceof Error && "code" in error && error.code === "EPIPE")) return false;
    }
  }
  return false;
}
