// The Kubernetes API as a client sees it.
import { exports } from "cloudflare:workers";
import { assert } from "vitest";

import type { KubeObject } from "../../../src/model/meta.ts";

/** Of the administrator; vitest.config.ts has its digest. */
export const adminToken = "lares-test-administrator";

export const server = "https://lares.test";

export type Reply = {
  readonly code: number;
  readonly body: KubeObject;
  readonly headers: Headers;
  readonly text: string;
};

export type Call = {
  readonly method?: string;
  /** Sent as JSON, unless it is text. */
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  /** Null: none at all. */
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
};

export function request(
  path: string,
  { method = "GET", body, contentType, accept, token = adminToken, headers = {} }: Call,
): Request {
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  return new Request(`${server}${path}`, {
    method,
    headers: {
      ...headers,
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(text === undefined ? {} : { "content-type": contentType ?? "application/json" }),
      ...(accept === undefined ? {} : { accept }),
    },
    ...(text === undefined ? {} : { body: text }),
  });
}

export async function call(path: string, options: Call = {}): Promise<Reply> {
  const response = await exports.default.fetch(request(path, options));
  const text = await response.text();
  return { code: response.status, body: parsed(text), headers: response.headers, text };
}

function parsed(text: string): KubeObject {
  try {
    // Answers of the API are objects; what is not JSON is looked at as text.
    return JSON.parse(text) as KubeObject;
  } catch {
    return { apiVersion: "", kind: "", metadata: { creationTimestamp: null } };
  }
}

/** Fails the test unless the answer is a success. */
async function succeed(path: string, options: Call): Promise<KubeObject> {
  const { code, body, text } = await call(path, options);
  assert(code < 300, `${options.method} ${path}: ${code} ${text}`);
  return body;
}

export function get(path: string): Promise<KubeObject> {
  return succeed(path, { method: "GET" });
}

export function create(path: string, body: unknown): Promise<KubeObject> {
  return succeed(path, { method: "POST", body });
}

export function replace(path: string, body: unknown): Promise<KubeObject> {
  return succeed(path, { method: "PUT", body });
}

export function patch(path: string, body: unknown, contentType = "application/merge-patch+json"): Promise<KubeObject> {
  return succeed(path, { method: "PATCH", body, contentType });
}

export function remove(path: string, options: object = {}): Promise<KubeObject> {
  return succeed(path, { method: "DELETE", body: options });
}

export async function list(path: string): Promise<readonly KubeObject[]> {
  const { items } = await get(path);
  // A list's items leave out kind and version.
  return items as readonly KubeObject[];
}

/** Whether there is such an object. */
export async function exists(path: string): Promise<boolean> {
  return (await call(path)).code === 200;
}

export const daemonSets = "/apis/apps/v1/namespaces/default/daemonsets";
export const revisions = "/apis/apps/v1/namespaces/default/controllerrevisions";
export const pods = "/api/v1/namespaces/default/pods";
export const nodes = "/api/v1/nodes";
export const serviceAccounts = "/api/v1/namespaces/default/serviceaccounts";
export const configMaps = "/api/v1/namespaces/default/configmaps";
