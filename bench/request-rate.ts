// How many requests a second a server answers over connections that stay open.
import { Agent, request } from "node:http";

const connections = 32;

export type Load = {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: (count: number) => string;
};

/** Requests a second, each connection sending its next one when it has its answer. Throws when one is refused. */
export async function requestRate(load: Load, forMs: number): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let count = 0;
  const endsAtMs = performance.now() + forMs;
  const startedAtMs = performance.now();
  await Promise.all(
    Array.from({ length: connections }, async () => {
      while (performance.now() < endsAtMs) {
        count += 1;
        await send(load, agent, count);
      }
    }),
  );
  agent.destroy();
  return count / ((performance.now() - startedAtMs) / 1000);
}

function send({ url, method, headers = {}, body }: Load, agent: Agent, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent }, (response) => {
      response.resume();
      response.on("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`${method} ${url} was answered with ${response.statusCode}`));
      });
    });
    sent.on("error", reject);
    sent.end(body?.(count));
  });
}
