// Shows the control plane the pods that the node runs by itself.
import type { MirrorRequest } from "../../../src/sync/messages.ts";
import type { MirrorPost } from "../static-pods/mirrors.ts";
import type { Credentials } from "./credentials.ts";
import { statusProblem } from "./credentials.ts";
import type { HttpClient } from "./http-client.ts";
import { isFields, parseJson, paths } from "./protocol.ts";

const timeoutMs = 20_000;

export function mirrorPost(node: string, client: Pick<HttpClient, "post">, credentials: Credentials): MirrorPost {
  return async (pods) => {
    const credential = await credentials.get();
    if (!credential.ok) throw new Error(credential.problem.message);
    const body = JSON.stringify({ node, pods } satisfies MirrorRequest);
    const result = await client.post({ path: paths.mirror, bearer: credential.credential, body, timeoutMs });
    if (!result.ok) throw new Error(result.message);
    const problem = statusProblem(result.status, result.body);
    if (problem !== null) throw new Error(problem.message);
    const answer = parseJson(result.body);
    return isFields(answer) && Array.isArray(answer["problems"]) ? answer["problems"].map(String) : [];
  };
}
