// `serviceaccounts/token`: a token of a service account, for those who may ask for one.
// Source: pkg/registry/core/serviceaccount/storage/token.go.
import type { ResourceName } from "../model/api-error.ts";
import { ApiError, conflictError, invalidError, notFoundError } from "../model/api-error.ts";
import type { BoundObjectReference } from "../model/authentication.ts";
import { TokenRequest, validateTokenRequest } from "../model/authentication.ts";
import { decode } from "../model/decode.ts";
import { goTime } from "../model/instant.ts";
import type { KubeObject } from "../model/meta.ts";
import { nodes } from "../model/node.ts";
import type { Pod } from "../model/pod.ts";
import { pods } from "../model/pod.ts";
import { secrets } from "../model/secret.ts";
import { runBatch } from "../store/batch.ts";
import { readObject } from "../store/objects.ts";
import { answer } from "./answer.ts";
import type { RequestContext } from "./context.ts";
import { existing, methodNotAllowed } from "./context.ts";
import { PodStorage } from "./pod-storage.ts";
import { writeOptions } from "./query.ts";
import { readObject as readBody } from "./request-body.ts";
import type { Binding } from "./service-account-tokens.ts";
import { makeToken, tokenIssuer } from "./service-account-tokens.ts";

const group = "authentication.k8s.io";
const expected = { kind: "TokenRequest", schema: TokenRequest } as const;

export async function requestToken(context: RequestContext): Promise<Response> {
  const { request, url, target, credentials, nowMs } = context;
  if (request.method !== "POST") throw methodNotAllowed();
  const { dryRun } = writeOptions(url.searchParams, "CreateOptions");
  const decoded = decode(TokenRequest, (await readBody(request, expected)).json);
  if (!decoded.ok) {
    const what = `TokenRequest in version "v1" cannot be handled as a TokenRequest: ${decoded.message}`;
    throw new ApiError("BadRequest", what);
  }
  const wish = decoded.object;
  const account = await existing(context);
  const { name = "", namespace = "" } = account.metadata;
  const errors = validateTokenRequest(wish);
  if (errors.length > 0) throw invalidError({ group, plural: "tokenrequests", kind: "TokenRequest" }, "", errors);
  const { boundObjectRef, expirationSeconds } = wish.spec;
  const binding = boundObjectRef === undefined ? {} : await bindingOf(context, boundObjectRef, account);
  const audiences = wish.spec.audiences ?? [tokenIssuer];
  const token = dryRun ? "" : await makeToken({ account, audiences, expirationSeconds, binding }, credentials);
  const expirationTimestamp = goTime(nowMs + expirationSeconds * 1000);
  const answered = {
    kind: "TokenRequest",
    apiVersion: `${group}/v1`,
    metadata: { name: target.name ?? name, namespace, creationTimestamp: goTime(nowMs) },
    spec: { ...wish.spec, audiences },
    status: { token, expirationTimestamp },
  };
  return answer(answered, { code: 201 });
}

async function bindingOf(
  context: RequestContext,
  reference: BoundObjectReference,
  account: KubeObject,
): Promise<Binding> {
  const { kind = "", apiVersion = "", name = "" } = reference;
  const { namespace = "" } = account.metadata;
  switch (apiVersion === "v1" ? kind : "") {
    case "Pod":
      return bindingToPod(context, reference, account);
    case "Secret":
      return { secret: bound(reference, await stored(context, "secrets", namespace, name), secrets) };
    case "Node":
      return { node: bound(reference, await stored(context, "nodes", "", name), nodes) };
    default: {
      const type = `${apiVersion.includes("/") ? apiVersion : `/${apiVersion}`}, Kind=${kind}`;
      throw new ApiError("BadRequest", `cannot bind token to object of type ${type}`);
    }
  }
}

async function bindingToPod(
  context: RequestContext,
  reference: BoundObjectReference,
  { metadata }: KubeObject,
): Promise<Binding> {
  const place = { namespace: metadata.namespace ?? "", name: reference.name ?? "" };
  // Pods are stored decoded.
  const pod = (await new PodStorage(context.env.DB, context.templates).read(place)) as Pod | null;
  const found = bound(reference, pod, pods);
  const { serviceAccountName = "", nodeName = "" } = pod?.spec ?? {};
  if (serviceAccountName !== metadata.name) {
    const what = `cannot bind token for serviceaccount ${JSON.stringify(metadata.name)} to pod running with different serviceaccount name.`;
    throw new ApiError("BadRequest", what);
  }
  const node = nodeName === "" ? null : await stored(context, "nodes", "", nodeName);
  return { pod: found, ...(node === null ? {} : { node: { name: nodeName, uid: node.metadata.uid ?? "" } }) };
}

async function stored({ env }: RequestContext, resource: string, namespace: string, name: string) {
  const [object] = await runBatch(env.DB, [readObject(env.DB, { resource, namespace, name })]);
  return object;
}

function bound({ name = "", uid = "" }: BoundObjectReference, object: KubeObject | null, resource: ResourceName) {
  if (object === null) throw notFoundError(resource, name);
  const actual = object.metadata.uid ?? "";
  if (uid === "" || uid === actual) return { name, uid: actual };
  const why = `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;
  throw conflictError(resource, name, why);
}
