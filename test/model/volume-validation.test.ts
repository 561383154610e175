import { describe } from "vitest";

import { c, checkTemplates, subdomain } from "./template-errors.ts";

describe("mounts", () => {
  const volumes = [
    { name: "v", emptyDir: {} },
    { name: "w", persistentVolumeClaim: { claimName: "c" } },
  ];
  const mount = (...mounts: readonly object[]) => ({ volumes, [`${c}.volumeMounts`]: mounts });
  const m = `${c}.volumeMounts`;
  checkTemplates([
    ["are of volumes that exist", mount({ name: "x", mountPath: "/x" }), [`${m}[0].name: Not found: "x"`]],
    ["stand somewhere", mount({ name: "v" }), [`${m}[0].mountPath: Required value`]],
    [
      "stand alone",
      mount({ name: "v", mountPath: "/x" }, { name: "w", mountPath: "/x" }),
      [`${m}[1].mountPath: Invalid value: "/x": must be unique`],
    ],
    [
      "show a part below the volume",
      mount({ name: "v", mountPath: "/x", subPath: "/a" }),
      [`${m}.subPath: Invalid value: "/a": must be a relative path`],
    ],
    [
      "do not climb out of the volume",
      mount({ name: "v", mountPath: "/x", subPath: "a/../../b" }),
      [`${m}.subPath: Invalid value: "a/../../b": must not contain '..'`],
    ],
    [
      "have one subpath",
      mount({ name: "v", mountPath: "/x", subPath: "a", subPathExpr: "b" }),
      [`${m}[0].subPathExpr: Invalid value: "b": subPathExpr and subPath are mutually exclusive`],
    ],
    [
      "propagate in a way that exists",
      mount({ name: "v", mountPath: "/x", mountPropagation: "Both" }),
      [
        `${m}.mountPropagation: Unsupported value: "Both": supported values: "Bidirectional", "HostToContainer", "None"`,
      ],
    ],
    [
      "propagate to the host from privileged containers",
      mount({ name: "v", mountPath: "/x", mountPropagation: "Bidirectional" }),
      [`${m}.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers`],
    ],
    [
      "that are privileged",
      {
        ...mount({ name: "v", mountPath: "/x", mountPropagation: "Bidirectional" }),
        [`${c}.securityContext`]: { privileged: true },
      },
      [],
    ],
    [
      "are read-only all the way down if they are read-only",
      mount({ name: "v", mountPath: "/x", recursiveReadOnly: "Enabled" }),
      [`${m}.recursiveReadOnly: Forbidden: may only be specified when readOnly is true`],
    ],
    [
      "as devices are of claims",
      { volumes, [`${c}.volumeDevices`]: [{ name: "v", devicePath: "/dev/x" }] },
      [
        `${c}.volumeDevices[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode`,
      ],
    ],
    [
      "are mounts or devices, not both",
      {
        ...mount({ name: "w", mountPath: "/x" }),
        [`${c}.volumeDevices`]: [{ name: "w", devicePath: "/dev/x" }],
      },
      [
        `${m}[0].name: Invalid value: "w": must not already exist in volumeDevices`,
        `${c}.volumeDevices[0].name: Invalid value: "w": must not already exist in volumeMounts`,
      ],
    ],
  ]);
});

describe("volumes", () => {
  const volume = (value: object) => ({ volumes: [{ name: "v", ...value }] });
  const v = "volumes[0]";
  checkTemplates([
    ["have a name", { volumes: [{ emptyDir: {} }] }, [`${v}.name: Required value`]],
    [
      "have a name of their own",
      { volumes: [{ name: "v" }, { name: "v" }] },
      ['volumes[1].name: Duplicate value: "v"'],
    ],
    [
      "are of one kind",
      volume({ hostPath: { path: "/" }, configMap: { name: "a" } }),
      [`${v}.configMap: Forbidden: may not specify more than 1 volume type`],
    ],
    ["of the host have a path", volume({ hostPath: {} }), [`${v}.hostPath.path: Required value`]],
    [
      "of the host have a path without steps back",
      volume({ hostPath: { path: "/a/../b" } }),
      [`${v}.hostPath.path: Invalid value: "/a/../b": must not contain '..'`],
    ],
    [
      "of the host have a type that exists",
      volume({ hostPath: { path: "/", type: "Pipe" } }),
      [
        `${v}.hostPath.type: Unsupported value: "Pipe": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"`,
      ],
    ],
    [
      "of memory have a size",
      volume({ emptyDir: { sizeLimit: "-1" } }),
      [`${v}.emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity`],
    ],
    ["of settings name them", volume({ configMap: {} }), [`${v}.configMap.name: Required value`]],
    ["of secrets name them", volume({ secret: {} }), [`${v}.secret.secretName: Required value`]],
    ["have modes up to 0777", volume({ secret: { secretName: "s", defaultMode: 0o777 } }), []],
    [
      "have no modes above",
      volume({ secret: { secretName: "s", defaultMode: 0o1000 } }),
      [`${v}.secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 (octal), both inclusive`],
    ],
    [
      "show keys at paths inside",
      volume({
        configMap: {
          name: "a",
          items: [
            { key: "k", path: "../p" },
            { key: "", path: "..p" },
          ],
        },
      }),
      [
        `${v}.configMap.items[0].path: Invalid value: "../p": must not contain '..'`,
        `${v}.configMap.items[1].key: Required value`,
        `${v}.configMap.items[1].path: Invalid value: "..p": must not start with '..'`,
      ],
    ],
    [
      "of the pod's own fields name them",
      volume({ downwardAPI: { items: [{ path: "p" }] } }),
      [`${v}.downwardAPI: Required value: one of fieldRef and resourceFieldRef is required`],
    ],
    [
      "of resources say whose",
      volume({ downwardAPI: { items: [{ path: "p", resourceFieldRef: { resource: "limits.cpu" } }] } }),
      [`${v}.downwardAPI.resourceFieldRef.containerName: Required value`],
    ],
    [
      "of several sources have one kind each",
      volume({ projected: { sources: [{ secret: { name: "s" }, configMap: { name: "c" } }] } }),
      [`${v}.projected.sources[0]: Forbidden: may not specify more than 1 volume type per source`],
    ],
    [
      "of several sources show each path once",
      volume({
        projected: {
          sources: [
            { secret: { name: "s", items: [{ key: "k", path: "p" }] } },
            { configMap: { name: "c", items: [{ key: "k", path: "p" }] } },
          ],
        },
      }),
      [`${v}.projected: Invalid value: "c": conflicting duplicate paths`],
    ],
    [
      "of tokens let them live 10 minutes",
      volume({ projected: { sources: [{ serviceAccountToken: { path: "t", expirationSeconds: 599 } }] } }),
      [
        `${v}.projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes`,
      ],
    ],
    [
      "of drivers name them",
      volume({ csi: { driver: "" } }),
      [`${v}.csi.driver: Required value`, `${v}.csi.driver: Invalid value: "": ${subdomain}`],
    ],
    [
      "of claims of their own say how much they want",
      volume({ ephemeral: { volumeClaimTemplate: { spec: { accessModes: ["ReadWriteOnce"] } } } }),
      [`${v}.ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value`],
    ],
    [
      "of claims of their own say how they are used",
      volume({
        ephemeral: {
          volumeClaimTemplate: { metadata: { name: "x" }, spec: { resources: { requests: { storage: "1Gi" } } } },
        },
      }),
      [
        `${v}.ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set`,
        `${v}.ephemeral.volumeClaimTemplate.spec.accessModes: Required value: at least 1 access mode is required`,
      ],
    ],
    [
      "of servers have an absolute path",
      volume({ nfs: { server: "s", path: "a" } }),
      [`${v}.nfs.path: Invalid value: "a": must be an absolute path`],
    ],
    [
      "of iSCSI have a name by its rules",
      volume({ iscsi: { targetPortal: "p", iqn: "x", lun: 256 } }),
      [
        `${v}.iscsi.iqn: Invalid value: "x": must be valid format starting with iqn, eui, or naa`,
        `${v}.iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive`,
      ],
    ],
  ]);
});
