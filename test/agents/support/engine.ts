// Bare questions to a Docker-compatible API, past the agent's own client.
import { request } from "node:http";

export type EngineAnswer = { readonly status: number; readonly text: string };

export function engine(socketPath: string, method: string, path: string, content?: unknown): Promise<EngineAnswer> {
  return new Promise((resolve, reject) => {
    const body = content === undefined ? undefined : JSON.stringify(content);
    const headers = body === undefined ? {} : { "content-type": "application/json" };
    const asked = request({ socketPath, method, path, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

type Listed = {
  readonly Id: string;
  readonly Names: readonly string[];
  readonly Labels: Readonly<Record<string, string>>;
};

export async function listContainers(socketPath: string): Promise<readonly Listed[]> {
  const { text } = await engine(socketPath, "GET", "/containers/json?all=1");
  // What an engine says in answer to this.
  return JSON.parse(text) as readonly Listed[];
}

/** Those whose namespaces others use go last. Harmless when the engine is away. */
export async function removeAllContainers(socketPath: string): Promise<void> {
  for (let round = 0; round < 5; round++) {
    const listed = await listContainers(socketPath).catch(() => []);
    if (listed.length === 0) return;
    await Promise.all(listed.map(({ Id }) => engine(socketPath, "DELETE", `/containers/${Id}?force=1&v=1`)));
  }
}
