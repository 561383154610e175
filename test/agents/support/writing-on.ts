// A program that writes one state after another to a checkpoint, and says of each when it is kept.
import { DiskCheckpoint } from "../../../agents/node/host/disk-checkpoint.ts";

const [directory = ""] = process.argv.slice(2);
const checkpoint = new DiskCheckpoint(directory);
const { memory } = await checkpoint.load();

for (let observation = (memory?.observation ?? 0) + 1; ; observation += 1) {
  // Of another length each time, so that there is room for one and not for the next.
  const name = "x".repeat((observation * 7919) % 60_000);
  const pods = { [name]: { memory: { attempt: observation } } };
  try {
    // Any JSON will do for what is only kept.
    await checkpoint.saveMemory({ observation, pods } as unknown as Parameters<typeof checkpoint.saveMemory>[0]);
    process.stdout.write(`${observation}\n`);
  } catch {
    process.stdout.write("full\n");
  }
}
