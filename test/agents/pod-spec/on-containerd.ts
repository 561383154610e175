// A containerd for the table's pods.
import type { Engines } from "../../containers/engines.ts";
import { busyboxImage, pauseImage } from "../../containers/image.ts";
import { Registry } from "../../containers/registry.ts";
import { Containerd } from "../support/containerd.ts";
import type { RunningRuntime } from "./ground.ts";

export async function startContainerd(engines: Engines): Promise<RunningRuntime> {
  const registry = await Registry.start();
  try {
    const image = await registry.push("test/busybox:1", busyboxImage());
    const sandboxImage = await registry.push("test/pause:1", pauseImage());
    const containerd = await Containerd.start({ sandboxImage, engines });
    return {
      runtime: "containerd",
      image,
      registry,
      args: [
        ...["--runtime", "cri", "--runtime-endpoint", containerd.socketPath],
        ...["--cgroup", containerd.controlGroup],
      ],
      list: () => containerd.list(),
      remove: async () => {
        await containerd.remove();
        await registry.remove();
      },
    };
  } catch (error) {
    await registry.remove();
    throw error;
  }
}
