// Volumes of the node and of the pod itself, and how they are mounted.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect } from "vitest";

import type { PodCase, Row } from "./case.ts";
import { running } from "./case.ts";
import { kept, keptLines, keptMount } from "./endings.ts";

const hostPath = (name: string, path: string, type?: string) => ({
  name,
  hostPath: { path, ...(type === undefined ? {} : { type }) },
});

const hostPaths: PodCase = {
  pod: "host-paths",
  spec: async ({ directory }) => {
    mkdirSync(join(directory, "folder"));
    writeFileSync(join(directory, "folder/in"), "from the node\n");
    writeFileSync(join(directory, "file"), "one file\n");
    execFileSync("mknod", [join(directory, "chars"), "c", "1", "3"]);
    execFileSync("mknod", [join(directory, "blocks"), "b", "7", "0"]);
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(join(directory, "socket"), resolve));
    listener.unref();
    const volumes = [
      hostPath("any", join(directory, "folder")),
      hostPath("none", join(directory, "made/by/need")),
      hostPath("folder", join(directory, "folder"), "Directory"),
      hostPath("new-folder", join(directory, "new/folder"), "DirectoryOrCreate"),
      hostPath("file", join(directory, "file"), "File"),
      hostPath("new-file", join(directory, "new-file"), "FileOrCreate"),
      hostPath("socket", join(directory, "socket"), "Socket"),
      hostPath("chars", join(directory, "chars"), "CharDevice"),
      hostPath("blocks", join(directory, "blocks"), "BlockDevice"),
    ];
    const volumeMounts = volumes.map(({ name }) => ({ name, mountPath: `/v/${name}` }));
    const readOnly = { name: "any", mountPath: "/v/read-only", readOnly: true };
    return { volumes, containers: [{ name: "main", volumeMounts: [...volumeMounts, readOnly] }] };
  },
  rows: [
    { row: "hostPath: without a type whatever is there", shows: "cat /v/any/in", is: "from the node" },
    { row: "hostPath: without a type a missing one is made", shows: "test -d /v/none && echo made", is: "made" },
    { row: "hostPath: Directory", shows: "cat /v/folder/in", is: "from the node" },
    {
      row: "hostPath: DirectoryOrCreate, 0755",
      shows: "stat -c '%F %a' /v/new-folder; echo back >/v/new-folder/out",
      is: "directory 755",
    },
    { row: "hostPath: File", shows: "cat /v/file", is: "one file" },
    { row: "hostPath: FileOrCreate, 0644", shows: "stat -c '%F %a' /v/new-file", is: "regular empty file 644" },
    { row: "hostPath: Socket", shows: "test -S /v/socket && echo socket", is: "socket" },
    { row: "hostPath: CharDevice", shows: "test -c /v/chars && echo device", is: "device" },
    { row: "hostPath: BlockDevice", shows: "test -b /v/blocks && echo device", is: "device" },
    {
      row: "volumeMounts.readOnly",
      shows: "cat /v/read-only/in; touch /v/read-only/x || echo no",
      is: /^from the node\n.*Read-only file system\nno$/,
    },
    {
      row: "hostPath: what the pod writes is on the node",
      check: async (pod) => {
        await pod.until(() => {
          expect(readFileSync(join(pod.place.directory, "new/folder/out"), "utf8")).toBe("back\n");
        });
      },
    },
  ],
};

const wrongTypes = {
  Directory: ["file", "directory"],
  DirectoryOrCreate: ["file", "directory"],
  File: ["folder", "file"],
  FileOrCreate: ["folder", "file"],
  Socket: ["file", "socket file"],
  CharDevice: ["file", "character device"],
  BlockDevice: ["nothing", "block device"],
} as const;

/** One pod each, as a pod with one volume that cannot be had does not start. */
const wrongHostPaths = Object.entries(wrongTypes).map(([type, [what, wanted]]): PodCase => {
  return {
    pod: `no-${type.toLowerCase()}`,
    spec: ({ directory }) => {
      mkdirSync(join(directory, "folder"));
      writeFileSync(join(directory, "file"), "");
      const volumeMounts = [{ name: "wrong", mountPath: "/wrong" }];
      const volumes = [hostPath("wrong", join(directory, what), type)];
      return { volumes, containers: [{ name: "main", volumeMounts }] };
    },
    rows: [
      {
        row: `hostPath: a pod that wants a ${type} and finds something else waits, and says why`,
        check: async (pod) => {
          const path = join(pod.place.directory, what);
          const message = `MountVolume.SetUp failed for volume "wrong" : hostPath type check failed: ${path} is not a ${wanted}`;
          const event = await pod.untilEvent("FailedMount", /type check/);
          expect(event).toMatchObject({ type: "Warning", message });
          await pod.until(() => {
            expect(pod.status?.phase).toBe("Pending");
            expect(pod.container()?.state.waiting?.reason).toBe("ContainerCreating");
          });
        },
      },
    ],
  };
});

const emptyDirs: PodCase = {
  pod: "empty-dirs",
  spec: () => ({
    volumes: [
      { name: "disk", emptyDir: {} },
      { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "3Mi" } },
      { name: "nothing" },
    ],
    initContainers: [
      {
        name: "before",
        command: ["sh", "-c", "echo kept >/disk/from-before"],
        volumeMounts: [{ name: "disk", mountPath: "/disk" }],
      },
    ],
    containers: [
      {
        name: "main",
        volumeMounts: ["disk", "memory", "nothing"].map((name) => ({ name, mountPath: `/${name}` })),
      },
    ],
  }),
  rows: [
    { row: "emptyDir: one for all containers, open to all", shows: "cat /disk/*; stat -c %a /disk", is: "kept\n777" },
    { row: "emptyDir: medium Memory is a tmpfs", shows: "stat -f -c %T /memory; stat -c %a /memory", is: "tmpfs\n777" },
    {
      row: "emptyDir: sizeLimit of one in memory is as much as fits",
      shows: "dd if=/dev/zero of=/memory/much bs=1024 count=4096; stat -c %s /memory/much",
      is: /No space left on device[\s\S]*\n3145728$/,
    },
    { row: "volumes: one without a source is an emptyDir", shows: "touch /nothing/x && ls /nothing", is: "x" },
  ],
};

const tooMuch: PodCase = {
  pod: "too-much",
  spec: ({ directory }) => ({
    volumes: [{ name: "small", emptyDir: { sizeLimit: "1Mi" } }, kept(directory)],
    containers: [
      {
        name: "main",
        // What it prints goes with it when it is evicted.
        command: running("dd if=/dev/zero of=/small/x bs=1024 count=2048 && echo written >/kept/said"),
        volumeMounts: [{ name: "small", mountPath: "/small" }, keptMount],
      },
    ],
  }),
  rows: [
    {
      row: "emptyDir: sizeLimit of one on disk holds back no write",
      check: (pod) => pod.until(() => expect(keptLines(pod, "said"), pod.explanation()).toEqual(["written"])),
    },
    {
      row: "emptyDir: a pod that is above its sizeLimit is evicted",
      check: async (pod) => {
        await pod.until(() => {
          const message = 'Usage of EmptyDir volume "small" exceeds the limit "1Mi". ';
          expect(pod.status).toMatchObject({ phase: "Failed", reason: "Evicted", message });
        });
      },
    },
  ],
};

const subPaths: PodCase = {
  pod: "sub-paths",
  spec: ({ directory }) => {
    mkdirSync(join(directory, "data/deep"), { recursive: true });
    writeFileSync(join(directory, "data/deep/file"), "deep down\n");
    chmodSync(join(directory, "data"), 0o750);
    return {
      volumes: [hostPath("data", join(directory, "data"), "Directory")],
      containers: [
        {
          name: "main",
          env: [
            { name: "POD", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
            { name: "PART", value: "deep" },
          ],
          volumeMounts: [
            { name: "data", mountPath: "/folder", subPath: "deep" },
            { name: "data", mountPath: "/etc/one", subPath: "deep/file", readOnly: true },
            { name: "data", mountPath: "/made", subPath: "new/made" },
            { name: "data", mountPath: "/expr", subPathExpr: "$(PART)/of-$(POD)" },
          ],
        },
      ],
    };
  },
  rows: [
    { row: "subPath: a folder", shows: "cat /folder/file", is: "deep down" },
    {
      row: "subPath: a single file",
      shows: "cat /etc/one; echo x 2>&1 >/etc/one || echo no",
      is: /^deep down\n[\s\S]*no$/,
    },
    {
      row: "subPath: one that is missing is made, with the mode of its volume",
      shows: "echo here >/made/file; stat -c %a /made",
      is: "750",
    },
    {
      row: "subPathExpr: $(VAR) of the container's environment",
      shows: "echo own >/expr/file && echo done",
      is: "done",
    },
    {
      row: "subPath, subPathExpr: where it says in the volume",
      check: async (pod) => {
        const { directory } = pod.place;
        await pod.until(() =>
          expect(readFileSync(join(directory, "data/deep/of-sub-paths/file"), "utf8")).toBe("own\n"),
        );
        expect(readFileSync(join(directory, "data/new/made/file"), "utf8")).toBe("here\n");
      },
    },
  ],
};

const escapes: PodCase = {
  pod: "escapes",
  spec: ({ directory }) => {
    mkdirSync(join(directory, "outside"));
    writeFileSync(join(directory, "outside/secret"), "not for pods\n");
    return {
      volumes: [{ name: "own", emptyDir: {} }],
      initContainers: [
        {
          name: "linker",
          command: [
            "sh",
            "-c",
            `ln -s ${directory}/outside /own/out; ln -s /etc/hostname /own/file; mkdir /own/in; ln -s in /own/fine`,
          ],
          volumeMounts: [{ name: "own", mountPath: "/own" }],
        },
      ],
      containers: [
        { name: "main", volumeMounts: [{ name: "own", mountPath: "/out", subPath: "out" }] },
        { name: "below", volumeMounts: [{ name: "own", mountPath: "/out", subPath: "out/new" }] },
        { name: "file", volumeMounts: [{ name: "own", mountPath: "/out", subPath: "file" }] },
        { name: "fine", volumeMounts: [{ name: "own", mountPath: "/in", subPath: "fine" }] },
        { name: "expr", volumeMounts: [{ name: "own", mountPath: "/in", subPathExpr: "$(NOWHERE)/x" }] },
      ],
    };
  },
  rows: [
    ...["main", "below", "file"].map(
      (name): Row => ({
        row: `subPath: a symbolic link leads nowhere outside its volume (${name})`,
        check: async (pod) => {
          const message = new RegExp(
            `failed to prepare subPath for volumeMount "own" of container "${name}": .*not within the volume`,
          );
          await pod.until(() => {
            expect(pod.container(name)?.state.waiting).toEqual({
              reason: "CreateContainerConfigError",
              message: expect.stringMatching(message),
            });
          });
          expect(existsSync(join(pod.place.directory, "outside/new"))).toBe(false);
        },
      }),
    ),
    {
      row: "subPath: a symbolic link within its volume is followed",
      check: async (pod) => {
        await pod.until(() => expect(pod.container("fine")?.ready).toBe(true));
      },
    },
    {
      row: "subPathExpr: a variable that is not there is told",
      check: async (pod) => {
        await pod.until(() => {
          expect(pod.container("expr")?.state.waiting).toEqual({
            reason: "CreateContainerConfigError",
            message: expect.stringContaining("NOWHERE"),
          });
        });
      },
    },
  ],
};

const propagation: PodCase = {
  pod: "propagation",
  spec: ({ directory }) => {
    const path = join(directory, "shared");
    for (const name of ["early", "late", "inner"]) mkdirSync(join(path, name), { recursive: true });
    // A mount of its own, for only what is shared is seen elsewhere. It goes with all that the agent has mounted.
    execFileSync("mount", ["--bind", path, path]);
    execFileSync("mount", ["--make-rshared", path]);
    const looking = (container: string, mountPropagation?: string) => ({
      name: container,
      command: [
        "sh",
        "-c",
        "echo up; while :; do cat /shared/late/file 2>/dev/null && exec sleep 2147483; sleep 0.1; done",
      ],
      volumeMounts: [{ name: "shared", mountPath: "/shared", mountPropagation }],
    });
    return {
      terminationGracePeriodSeconds: 1,
      volumes: [hostPath("shared", path)],
      containers: [
        looking("none"),
        looking("to-container", "HostToContainer"),
        {
          name: "main",
          securityContext: { privileged: true },
          volumeMounts: [{ name: "shared", mountPath: "/shared", mountPropagation: "Bidirectional" }],
        },
      ],
    };
  },
  rows: [
    {
      row: "mountPropagation: Bidirectional lets a container mount",
      shows: "mount -t tmpfs none /shared/inner && echo in >/shared/inner/file && echo done",
      is: "done",
    },
    {
      row: "mountPropagation: Bidirectional shows the node what the container mounts",
      check: async (pod) => {
        await pod.until(() => {
          expect(readFileSync(join(pod.place.directory, "shared/inner/file"), "utf8")).toBe("in\n");
        });
      },
    },
    {
      row: "mountPropagation: HostToContainer shows the container what the node mounts later, None does not",
      check: async (pod) => {
        await pod.untilSaid("up", "none");
        await pod.untilSaid("up", "to-container");
        const late = join(pod.place.directory, "shared/late");
        execFileSync("mount", ["-t", "tmpfs", "none", late]);
        expect(statSync(late).dev).not.toBe(statSync(pod.place.directory).dev);
        writeFileSync(join(late, "file"), "late\n");
        await pod.untilSaid("late", "to-container");
        expect(pod.lines("none")).toEqual(["up"]);
      },
    },
  ],
};

export const volumeCases: readonly PodCase[] = [
  hostPaths,
  ...wrongHostPaths,
  emptyDirs,
  tooMuch,
  subPaths,
  escapes,
  propagation,
];
