import { expect, it } from "vitest";

import { daemonSets } from "../../src/model/daemonset.ts";
import { decodeObject } from "../../src/model/decode.ts";
import { daemonSet, plainDaemonSet } from "./objects.ts";

it("a plain DaemonSet becomes what a Go server would store", () => {
  expect(JSON.parse(JSON.stringify(daemonSet()))).toEqual({
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "web", namespace: "default", creationTimestamp: null },
    spec: {
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" }, creationTimestamp: null },
        spec: {
          containers: [
            {
              name: "c",
              image: "nginx:1.27",
              resources: {},
              terminationMessagePath: "/dev/termination-log",
              terminationMessagePolicy: "File",
              imagePullPolicy: "IfNotPresent",
            },
          ],
          restartPolicy: "Always",
          terminationGracePeriodSeconds: 30,
          dnsPolicy: "ClusterFirst",
          securityContext: {},
          schedulerName: "default-scheduler",
        },
      },
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
      revisionHistoryLimit: 10,
    },
    status: { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 },
  });
});

const rich = {
  ...plainDaemonSet,
  spec: {
    selector: { matchLabels: { app: "web" }, matchExpressions: [] },
    minReadySeconds: 0,
    revisionHistoryLimit: 0,
    updateStrategy: { rollingUpdate: { maxUnavailable: "50%" } },
    template: {
      metadata: { labels: { app: "web" }, annotations: {}, creationTimestamp: null, name: "" },
      spec: {
        hostNetwork: true,
        hostPID: false,
        serviceAccount: "agent",
        automountServiceAccountToken: false,
        nodeSelector: { "kubernetes.io/os": "linux", zone: null },
        priority: 0,
        overhead: { cpu: "0.0001", memory: "1e3" },
        tolerations: [{ operator: "Exists" }, { key: "a", value: "", tolerationSeconds: 0, effect: "NoExecute" }],
        hostAliases: [{ hostnames: ["a"] }],
        dnsConfig: { nameservers: ["10.0.0.1"], options: [{ name: "ndots", value: "" }] },
        topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" }],
        securityContext: { runAsUser: 0, runAsNonRoot: false, supplementalGroups: [], sysctls: [{ name: "a" }] },
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "Exists", values: [] }] }],
            },
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1 }],
          },
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: "t" } }],
          },
        },
        initContainers: [{ name: "i", image: "busybox", restartPolicy: "Always" }],
        containers: [
          {
            name: "c",
            image: `registry.example:5000/nginx@sha256:${"a".repeat(64)}`,
            command: [],
            args: ["--x"],
            stdin: false,
            tty: true,
            resources: {
              limits: { cpu: 0.5, memory: "1024Mi", "example.com/gpu": "1" },
              requests: { cpu: "500m", memory: "1.5Gi" },
              claims: [{ name: "gpu" }],
            },
            ports: [
              { containerPort: 80, hostPort: 0 },
              { containerPort: 53, protocol: "UDP", name: "dns" },
            ],
            env: [
              { name: "EMPTY", value: "" },
              { name: "NODE", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
              { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu" } } },
              { name: "KEY", valueFrom: { secretKeyRef: { name: "s", key: "k", optional: false } } },
            ],
            envFrom: [{ prefix: "", configMapRef: { name: "cm" } }],
            volumeMounts: [{ name: "host", mountPath: "/host", readOnly: false, subPath: "" }],
            livenessProbe: { httpGet: { port: "http" }, initialDelaySeconds: 0, successThreshold: 0 },
            readinessProbe: { tcpSocket: { port: 80 }, periodSeconds: 5, terminationGracePeriodSeconds: 0 },
            startupProbe: { grpc: { port: 9090 }, failureThreshold: 30 },
            lifecycle: { preStop: { httpGet: { path: "/bye", port: 80, scheme: "HTTPS" } } },
            securityContext: { privileged: false, capabilities: { add: ["NET_ADMIN"], drop: [] } },
          },
          { name: "d", image: "nginx:latest", resources: null },
        ],
        volumes: [
          { name: "host", hostPath: { path: "/" } },
          { name: "none" },
          { name: "cm", configMap: { name: "cm", items: [{ key: "a", path: "b" }] } },
          { name: "secret", secret: { secretName: "s", defaultMode: 0, optional: true } },
          { name: "scratch", emptyDir: { medium: "", sizeLimit: "1024Ki" } },
          { name: "down", downwardAPI: { items: [{ path: "p", fieldRef: { fieldPath: "metadata.labels" } }] } },
          {
            name: "all",
            projected: { sources: [{ serviceAccountToken: { path: "t" } }, { configMap: { name: "cm" } }] },
          },
          { name: "nothing", projected: {} },
          { name: "claim", persistentVolumeClaim: { claimName: "c", readOnly: false } },
          { name: "own", ephemeral: { volumeClaimTemplate: { spec: { accessModes: ["ReadWriteOnce"] } } } },
          { name: "csi", csi: { driver: "d", readOnly: false, volumeAttributes: {} } },
          { name: "nfs", nfs: { server: "s", path: "/" } },
          { name: "iscsi", iscsi: { targetPortal: "p", iqn: "iqn.2000-01.x:y" } },
          { name: "rbd", rbd: { monitors: ["m"], image: "i" } },
          { name: "azure", azureDisk: { diskName: "d", diskURI: "https://x" } },
          { name: "scaleio", scaleIO: { gateway: "g", system: "s" } },
          { name: "image", image: { reference: "data:v1" } },
        ],
      },
    },
  },
};

const containerDefaults = {
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
};
const probeDefaults = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 };

it("a rich DaemonSet becomes, field by field, what a Go 1.32 server would store", () => {
  const result = decodeObject(daemonSets, rich);
  expect(result).toMatchObject({ ok: true, unknownFields: [] });
  const { spec } = JSON.parse(JSON.stringify(result.ok && result.object));
  expect(spec).toEqual({
    selector: { matchLabels: { app: "web" } },
    revisionHistoryLimit: 0,
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "50%", maxSurge: 0 } },
    template: {
      metadata: { labels: { app: "web" }, creationTimestamp: null },
      spec: {
        hostNetwork: true,
        serviceAccountName: "agent",
        serviceAccount: "agent",
        automountServiceAccountToken: false,
        nodeSelector: { "kubernetes.io/os": "linux", zone: "" },
        priority: 0,
        overhead: { cpu: "1m", memory: "1e3" },
        tolerations: [{ operator: "Exists" }, { key: "a", tolerationSeconds: 0, effect: "NoExecute" }],
        hostAliases: [{ ip: "", hostnames: ["a"] }],
        dnsConfig: { nameservers: ["10.0.0.1"], options: [{ name: "ndots", value: "" }] },
        topologySpreadConstraints: [{ maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" }],
        securityContext: { runAsUser: 0, runAsNonRoot: false, sysctls: [{ name: "a", value: "" }] },
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "Exists" }] }],
            },
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: {} }],
          },
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: "t" } }],
          },
        },
        restartPolicy: "Always",
        terminationGracePeriodSeconds: 30,
        dnsPolicy: "ClusterFirst",
        schedulerName: "default-scheduler",
        initContainers: [
          {
            name: "i",
            image: "busybox",
            restartPolicy: "Always",
            resources: {},
            imagePullPolicy: "Always",
            ...containerDefaults,
          },
        ],
        containers: [
          {
            name: "c",
            image: `registry.example:5000/nginx@sha256:${"a".repeat(64)}`,
            imagePullPolicy: "IfNotPresent",
            ...containerDefaults,
            args: ["--x"],
            tty: true,
            resources: {
              limits: { cpu: "500m", memory: "1Gi", "example.com/gpu": "1" },
              requests: { cpu: "500m", memory: "1536Mi" },
              claims: [{ name: "gpu" }],
            },
            ports: [
              { containerPort: 80, protocol: "TCP" },
              { containerPort: 53, protocol: "UDP", name: "dns" },
            ],
            env: [
              { name: "EMPTY" },
              { name: "NODE", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "spec.nodeName" } } },
              { name: "CPU", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "0" } } },
              { name: "KEY", valueFrom: { secretKeyRef: { name: "s", key: "k", optional: false } } },
            ],
            envFrom: [{ configMapRef: { name: "cm" } }],
            volumeMounts: [{ name: "host", mountPath: "/host" }],
            livenessProbe: { httpGet: { path: "/", port: "http", scheme: "HTTP" }, ...probeDefaults },
            readinessProbe: {
              tcpSocket: { port: 80 },
              ...probeDefaults,
              periodSeconds: 5,
              terminationGracePeriodSeconds: 0,
            },
            startupProbe: { grpc: { port: 9090, service: "" }, ...probeDefaults, failureThreshold: 30 },
            lifecycle: { preStop: { httpGet: { path: "/bye", port: 80, scheme: "HTTPS" } } },
            securityContext: { privileged: false, capabilities: { add: ["NET_ADMIN"] } },
          },
          { name: "d", image: "nginx:latest", resources: {}, imagePullPolicy: "Always", ...containerDefaults },
        ],
        volumes: [
          { name: "host", hostPath: { path: "/", type: "" } },
          { name: "none", emptyDir: {} },
          { name: "cm", configMap: { name: "cm", items: [{ key: "a", path: "b" }], defaultMode: 420 } },
          { name: "secret", secret: { secretName: "s", defaultMode: 0, optional: true } },
          { name: "scratch", emptyDir: { sizeLimit: "1Mi" } },
          {
            name: "down",
            downwardAPI: {
              items: [{ path: "p", fieldRef: { apiVersion: "v1", fieldPath: "metadata.labels" } }],
              defaultMode: 420,
            },
          },
          {
            name: "all",
            projected: {
              sources: [{ serviceAccountToken: { path: "t", expirationSeconds: 3600 } }, { configMap: { name: "cm" } }],
              defaultMode: 420,
            },
          },
          { name: "nothing", projected: { sources: null, defaultMode: 420 } },
          { name: "claim", persistentVolumeClaim: { claimName: "c" } },
          {
            name: "own",
            ephemeral: {
              volumeClaimTemplate: {
                metadata: { creationTimestamp: null },
                spec: { accessModes: ["ReadWriteOnce"], resources: {}, volumeMode: "Filesystem" },
              },
            },
          },
          { name: "csi", csi: { driver: "d", readOnly: false } },
          { name: "nfs", nfs: { server: "s", path: "/" } },
          {
            name: "iscsi",
            iscsi: { targetPortal: "p", iqn: "iqn.2000-01.x:y", lun: 0, iscsiInterface: "default" },
          },
          {
            name: "rbd",
            rbd: { monitors: ["m"], image: "i", pool: "rbd", user: "admin", keyring: "/etc/ceph/keyring" },
          },
          {
            name: "azure",
            azureDisk: {
              diskName: "d",
              diskURI: "https://x",
              cachingMode: "ReadWrite",
              fsType: "ext4",
              readOnly: false,
              kind: "Shared",
            },
          },
          {
            name: "scaleio",
            scaleIO: { gateway: "g", system: "s", secretRef: null, storageMode: "ThinProvisioned", fsType: "xfs" },
          },
          { name: "image", image: { reference: "data:v1", pullPolicy: "IfNotPresent" } },
        ],
      },
    },
  });
});

it("leaves rollingUpdate alone when the strategy is OnDelete", () => {
  expect(daemonSet({ "spec.updateStrategy": { type: "OnDelete" } }).spec.updateStrategy).toEqual({ type: "OnDelete" });
});

it.each([
  ["a tag", "nginx:1.27", "IfNotPresent"],
  ["no tag", "nginx", "Always"],
  ["latest", "nginx:latest", "Always"],
  ["a port is no tag", "localhost:5000/nginx", "Always"],
  ["a port and a tag", "localhost:5000/nginx:1", "IfNotPresent"],
  ["a digest", `nginx@sha256:${"0".repeat(64)}`, "IfNotPresent"],
  ["latest and a digest", `nginx:latest@sha256:${"0".repeat(64)}`, "Always"],
  ["what is no image name", "Nginx", "IfNotPresent"],
  ["a blank", " ", "IfNotPresent"],
])("imagePullPolicy for %s", (_rule, image, policy) => {
  const set = daemonSet({ "spec.template.spec.containers[0].image": image });
  expect(set.spec.template.spec.containers[0]?.imagePullPolicy).toBe(policy);
});
