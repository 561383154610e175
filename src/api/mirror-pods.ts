// Mirrors of the pods that a node runs by itself: the node says which they are, and they are made, replaced and removed
// so. A node can make no other pods this way, and none for another node.
// Source: plugin/pkg/admission/noderestriction admitPodCreate; pkg/kubelet/pod/mirror_client.go.
import type { Env } from "../env.ts";
import type { Pod } from "../model/pod.ts";
import { findNodeCredential, isSameDigest } from "../store/credentials.ts";
import type { MirrorAnswer } from "../sync/messages.ts";
import { MirrorRequest } from "../sync/messages.ts";
import { nodeOf, problemOf, readJson, refuse } from "../sync/routes.ts";
import type { Ask } from "./node-requests.ts";

const mirrorAnnotation = "kubernetes.io/config.mirror";

type Wanted = MirrorRequest["pods"][number];

export async function answerMirrors(env: Env, request: Request, ask: Ask): Promise<Response> {
  const caller = nodeOf(request.headers);
  const stored = caller === null ? null : await findNodeCredential(env.DB, caller.node);
  if (caller === null || stored === null || !isSameDigest(stored.digest, caller.digest))
    return refuse(401, "a node credential is required");
  const parsed = MirrorRequest.safeParse(await readJson(request));
  if (!parsed.success) return refuse(400, `no list of pods: ${problemOf(parsed.error)}`);
  const { node, pods } = parsed.data;
  if (node !== caller.node) return refuse(403, `this credential is for node ${caller.node}`);
  const listed = await ask("GET", `/api/v1/pods?fieldSelector=${encodeURIComponent(`spec.nodeName=${node}`)}`);
  if (listed.status >= 400) return refuse(503, "the pods of the node cannot be read");
  // The API's own answer.
  const { items } = listed.json as { readonly items: readonly Pod[] };
  const mirrors = items.filter(({ metadata }) => metadata.annotations?.[mirrorAnnotation] !== undefined);
  const wanted = new Map(pods.map((pod) => [keyOf(pod), pod]));
  for (const { metadata } of mirrors) {
    const { namespace = "", name = "", uid } = metadata;
    const hash = metadata.annotations?.[mirrorAnnotation];
    if (wanted.get(keyOf({ namespace, name }))?.hash === hash) wanted.delete(keyOf({ namespace, name }));
    else await ask("DELETE", pathOf({ namespace, name }), { gracePeriodSeconds: 0, preconditions: { uid } });
  }
  const problems: string[] = [];
  for (const pod of wanted.values()) {
    const made = await ask("POST", pathOf({ namespace: pod.namespace, name: "" }), mirrorPod(pod, node));
    if (made.status >= 400) problems.push(`${keyOf(pod)}: ${messageOf(made.json)}`);
  }
  return Response.json({ problems } satisfies MirrorAnswer);
}

type Key = { readonly namespace: string; readonly name: string };

function keyOf({ namespace, name }: Key): string {
  return `${namespace}/${name}`;
}

function pathOf({ namespace, name }: Key): string {
  const list = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  return name === "" ? list : `${list}/${encodeURIComponent(name)}`;
}

/** Nothing that the control plane holds can come to the node by a mirror. */
function mirrorPod({ namespace, name, hash, labels, annotations, spec }: Wanted, node: string) {
  const { serviceAccountName: _name, serviceAccount: _account, imagePullSecrets: _secrets, ...own } = spec;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace, name, labels, annotations: { ...annotations, [mirrorAnnotation]: hash } },
    spec: { ...own, nodeName: node, automountServiceAccountToken: false },
  };
}

function messageOf(json: unknown): string {
  const isObject = typeof json === "object" && json !== null && "message" in json;
  return isObject ? String(json.message) : "the request failed";
}
