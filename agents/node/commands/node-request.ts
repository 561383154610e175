// Requests about this machine's own Node, with its credential.
import { existsSync, readFileSync } from "node:fs";

import type { NodeAnswer, NodeRequest } from "../../../src/sync/messages.ts";
import { HttpClient } from "../connection/http-client.ts";
import { isFields, parseJson, paths } from "../connection/protocol.ts";
import type { Identity } from "./settings.ts";

const timeoutMs = 30_000;

export type NodeResult =
  | { readonly ok: true; readonly answer: NodeAnswer }
  /** `isRefused`: the control plane does not know the credential any more. */
  | { readonly ok: false; readonly isRefused: boolean; readonly message: string };

export async function askNode(
  { server, node, credential }: Identity,
  action: NodeRequest["action"],
  authorityFile: string,
): Promise<NodeResult> {
  const ca = existsSync(authorityFile) ? { ca: readFileSync(authorityFile, "utf8") } : {};
  const client = new HttpClient({ server, maxSockets: 1, ...ca });
  try {
    const body = JSON.stringify({ node, action });
    const result = await client.post({ path: paths.node, bearer: credential, body, timeoutMs });
    if (!result.ok) return { ok: false, isRefused: false, message: result.message };
    const answer = parseJson(result.body);
    if (result.status !== 200) {
      const why = isFields(answer) ? String(answer["error"] ?? "") : "";
      return { ok: false, isRefused: result.status === 401, message: why === "" ? `status ${result.status}` : why };
    }
    const isWhole = isFields(answer) && (answer["pods"] === undefined || Array.isArray(answer["pods"]));
    if (!isWhole) return { ok: false, isRefused: false, message: "the answer is none of Lares" };
    // Every field that is used was just looked at.
    return { ok: true, answer: answer as NodeAnswer };
  } finally {
    client.close();
  }
}
