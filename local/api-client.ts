// What a local cluster asks of its own control plane, over the Kubernetes API like anybody else.

export type KubeJson = {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Record<string, string> };
  readonly [field: string]: unknown;
};

export type ApiClient = {
  /** Null: there is no such object. */
  get(path: string): Promise<KubeJson | null>;
  list(path: string): Promise<readonly KubeJson[]>;
  /** False: it exists already. */
  create(path: string, object: unknown): Promise<KubeJson | false>;
  remove(path: string): Promise<void>;
};

/** `url` is the control plane's own socket. Every call throws when the server refuses it. */
export function apiClient(url: string, token: string): ApiClient {
  const call = async (method: string, path: string, body?: unknown): Promise<Response> => {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    return fetch(url + path, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  };
  const read = async (response: Response) => {
    const text = await response.text();
    if (!response.ok) throw new Error(`the control plane answered ${response.status}: ${messageOf(text)}`);
    return JSON.parse(text);
  };
  return {
    get: async (path) => {
      const response = await call("GET", path);
      return response.status === 404 ? null : read(response);
    },
    list: async (path) => (await read(await call("GET", path))).items,
    create: async (path, object) => {
      const response = await call("POST", path, object);
      return response.status === 409 ? false : read(response);
    },
    remove: async (path) => {
      const response = await call("DELETE", path);
      if (response.status !== 404) await read(response);
    },
  };
}

function messageOf(text: string): string {
  try {
    return JSON.parse(text).message ?? text;
  } catch {
    return text.slice(0, 200);
  }
}
