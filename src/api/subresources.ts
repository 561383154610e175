// The subresources that are served beside /status, as discovery tells of them.
import { TokenRequest } from "../model/authentication.ts";
import { bindings } from "../model/binding.ts";
import { Eviction } from "../model/eviction.ts";
import type { Subresource } from "./discovery.ts";

const pods = { group: "", plural: "pods" } as const;
const requests = { group: "certificates.k8s.io", plural: "certificatesigningrequests" } as const;
const serviceAccounts = { group: "", plural: "serviceaccounts" } as const;

const stream = { parent: pods, isStream: true } as const;

export const subresources: readonly Subresource[] = [
  { ...stream, name: "attach", kind: "PodAttachOptions", verbs: ["create", "get"] },
  { parent: pods, name: "binding", kind: "Binding", verbs: ["create"], schema: bindings.schema },
  {
    parent: pods,
    name: "eviction",
    kind: "Eviction",
    group: "policy",
    version: "v1",
    verbs: ["create"],
    schema: Eviction,
  },
  { ...stream, name: "exec", kind: "PodExecOptions", verbs: ["create", "get"] },
  { ...stream, name: "log", kind: "Pod", verbs: ["get"] },
  { ...stream, name: "portforward", kind: "PodPortForwardOptions", verbs: ["create", "get"] },
  { parent: requests, name: "approval", kind: "CertificateSigningRequest", verbs: ["get", "patch", "update"] },
  {
    parent: serviceAccounts,
    name: "token",
    kind: "TokenRequest",
    group: "authentication.k8s.io",
    version: "v1",
    verbs: ["create"],
    schema: TokenRequest,
  },
];
