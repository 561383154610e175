// Tokens for pods, asked for by the nodes that run them.
// Source: plugin/pkg/admission/noderestriction admitServiceAccount.

import type { Env } from "../env.ts";
import { shortestTokenSeconds } from "../model/limits.ts";
import { nodeShard, shardOfNode } from "../pokes.ts";
import { runBatch } from "../store/batch.ts";
import { readObject } from "../store/objects.ts";
import type { PodTokenAnswer } from "../sync/messages.ts";
import { PodTokenRequest } from "../sync/messages.ts";
import { nodeOf, problemOf, readJson, refuse } from "../sync/routes.ts";
import type { Keys } from "./json-web-token.ts";
import { makeToken, tokenIssuer } from "./service-account-tokens.ts";

/** A node comes back for another one in time: what a stolen one is good for ends with the day. */
const longestSeconds = 24 * 3600;
/** What is asked for on behalf of a pod whose author asked for nothing. */
const unaskedSeconds = 3607;
/**
 * Upstream lets these last for a year. Renewed by the hour they would be most of what a node at rest sends, and daemons
 * of a node that is cut off could soon do nothing with theirs. They end with the pod in any case.
 */
const extendedSeconds = 7 * 24 * 3600;

function secondsOf({ audience, expirationSeconds }: PodTokenRequest): number {
  if (audience === "" && expirationSeconds === unaskedSeconds) return extendedSeconds;
  return Math.min(longestSeconds, Math.max(shortestTokenSeconds, expirationSeconds));
}

export async function answerPodToken(request: Request, env: Env, keys: Keys): Promise<Response> {
  const caller = nodeOf(request.headers);
  if (caller === null) return refuse(401, "a node credential is required");
  const parsed = PodTokenRequest.safeParse(await readJson(request));
  if (!parsed.success) return refuse(400, `not a request for a token: ${problemOf(parsed.error)}`);
  const { podUid, audience } = parsed.data;
  const shard = nodeShard(env, shardOfNode(env, caller.node));
  const pod = await shard.podOfNode(caller.node, caller.digest, podUid);
  if (pod === "unauthorized") return refuse(401, "the credential is not known");
  if (pod === null) return refuse(403, `node ${caller.node} was given no pod ${podUid}`);
  const { namespace, name, serviceAccount, audiences, nodeUid } = pod;
  if (!audiences.includes(audience)) {
    return refuse(403, `pod ${namespace}/${name} has no use for a token for ${JSON.stringify(audience)}`);
  }
  const place = { resource: "serviceaccounts", namespace, name: serviceAccount };
  const [account] = await runBatch(env.DB, [readObject(env.DB, place)]);
  if (account === null) return refuse(404, `serviceaccounts ${JSON.stringify(serviceAccount)} not found`);
  const seconds = secondsOf(parsed.data);
  const token = await makeToken(
    {
      account,
      audiences: [audience === "" ? tokenIssuer : audience],
      expirationSeconds: seconds,
      binding: { pod: { name, uid: podUid }, node: { name: caller.node, uid: nodeUid } },
    },
    keys,
  );
  return Response.json({ token, expiresInMs: seconds * 1000 } satisfies PodTokenAnswer);
}
