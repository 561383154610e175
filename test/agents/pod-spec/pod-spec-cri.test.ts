// Every row of the PodSpec, with containerd.
import { busyboxImage, pauseImage } from "../../containers/image.ts";
import { Registry } from "../../containers/registry.ts";
import { Containerd } from "../support/containerd.ts";
import { describePodSpec } from "./table.ts";

describePodSpec("containerd", async () => {
  const registry = await Registry.start();
  try {
    const image = await registry.push("test/busybox:1", busyboxImage());
    const containerd = await Containerd.start({ sandboxImage: await registry.push("test/pause:1", pauseImage()) });
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
});
