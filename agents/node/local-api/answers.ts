// Answers in the API's form.
import type { IncomingMessage, ServerResponse } from "node:http";

export type Json = Readonly<Record<string, unknown>>;

export type Failure = {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  /**
   * Only for what is over in a moment: client-go says nothing to its program until it has asked ten times, which is a long
   * time to wait for a control plane that is away.
   */
  readonly retryAfterSeconds?: number;
};

export const unauthorized: Failure = { code: 401, reason: "Unauthorized", message: "Unauthorized" };

export function notHeld(what: string): Failure {
  const message = `the control plane is away, and this node has no copy of ${what} that you may read`;
  return { code: 503, reason: "ServiceUnavailable", message };
}

export function statusOf({ code, reason, message }: Failure): Json {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", message, reason, code };
}

export function refuse(response: ServerResponse, failure: Failure): void {
  const { retryAfterSeconds } = failure;
  if (retryAfterSeconds !== undefined) response.setHeader("retry-after", String(retryAfterSeconds));
  answer(response, failure.code, statusOf(failure));
}

export function answer(response: ServerResponse, code: number, content: Json | string): void {
  if (response.headersSent || response.destroyed) return;
  const body = typeof content === "string" ? content : `${JSON.stringify(content)}\n`;
  response.writeHead(code, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}

/** The API takes nothing longer. */
const longestBodyBytes = 3 * 1024 * 1024;

/** Null: too long. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request) {
    sizeBytes += chunk.length;
    if (sizeBytes > longestBodyBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function bearerOf({ headers }: IncomingMessage): string | null {
  return /^bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1] ?? null;
}
