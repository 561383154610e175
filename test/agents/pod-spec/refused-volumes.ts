// Every kind of volume that takes a driver of its own: none of the pod's containers starts, and all of them say why.
import { expect } from "vitest";

import type { Volume } from "../../../src/model/volume.ts";
import type { PodCase } from "./case.ts";

type MadeByNodes = "configMap" | "downwardAPI" | "emptyDir" | "hostPath" | "projected" | "secret";

/** A new kind does not compile before somebody has said what it looks like. */
const refused: Readonly<Record<Exclude<keyof Volume, MadeByNodes | "name">, object>> = {
  persistentVolumeClaim: { claimName: "data" },
  csi: { driver: "csi.example.com" },
  ephemeral: {
    volumeClaimTemplate: { spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } } },
  },
  image: { reference: "registry.example/content:1" },
  gcePersistentDisk: { pdName: "disk" },
  awsElasticBlockStore: { volumeID: "vol-1" },
  gitRepo: { repository: "https://git.example/repo" },
  nfs: { server: "nfs.example", path: "/exports" },
  iscsi: { targetPortal: "192.0.2.1", iqn: "iqn.2001-04.com.example:disk", lun: 0 },
  glusterfs: { endpoints: "gluster", path: "volume" },
  rbd: { monitors: ["192.0.2.1:6789"], image: "image" },
  flexVolume: { driver: "example.com/driver" },
  cinder: { volumeID: "volume-1" },
  cephfs: { monitors: ["192.0.2.1:6789"] },
  flocker: { datasetName: "data" },
  fc: { targetWWNs: ["50060e801049cfd1"], lun: 0 },
  azureFile: { secretName: "azure", shareName: "share" },
  vsphereVolume: { volumePath: "[store] volume.vmdk" },
  quobyte: { registry: "192.0.2.1:7861", volume: "volume" },
  azureDisk: { diskName: "disk", diskURI: "https://azure.example/disk.vhd" },
  photonPersistentDisk: { pdID: "disk" },
  portworxVolume: { volumeID: "volume-1" },
  scaleIO: {
    gateway: "https://scaleio.example",
    system: "system",
    secretRef: { name: "scaleio" },
    volumeName: "volume",
  },
  storageos: { volumeName: "volume" },
};

/** The second of two volumes, which one of two containers mounts. */
export const refusedVolumeCases = Object.entries(refused).map(([kind, source]): PodCase => {
  const field = `spec.volumes[1].${kind}`;
  return {
    pod: `refused-${kind.toLowerCase()}`,
    spec: () => ({
      hostNetwork: true,
      volumes: [
        { name: "scratch", emptyDir: {} },
        { name: "v", [kind]: source },
      ],
      containers: [
        { name: "main", volumeMounts: [{ name: "scratch", mountPath: "/scratch" }] },
        { name: "mounting", volumeMounts: [{ name: "v", mountPath: "/v", readOnly: true }] },
      ],
    }),
    rows: [
      {
        row: `${field}: all containers wait, their status and events name the field`,
        check: async (pod) => {
          for (const name of ["main", "mounting"]) await pod.untilRefused(field, name);
          expect(pod.status?.phase).toBe("Pending");
        },
      },
    ],
  };
});
