// What those who show a token to the node may read of it, asked of the control plane.
import type { ReviewAnswer, ReviewRequest } from "../../../src/sync/messages.ts";
import type { Credentials } from "./credentials.ts";
import type { HttpClient } from "./http-client.ts";
import { paths, readReviewAnswer } from "./protocol.ts";

const timeoutMs = 10_000;

/** `away`: there was no answer. */
export type Reviewer = (token: string) => Promise<ReviewAnswer | "away">;

export function controlPlaneReviewer(client: Pick<HttpClient, "post">, credentials: Credentials): Reviewer {
  return async (token) => {
    const credential = await credentials.get();
    if (!credential.ok) return "away";
    const body = JSON.stringify({ token } satisfies ReviewRequest);
    const result = await client.post({ path: paths.review, bearer: credential.credential, body, timeoutMs });
    const answer = result.ok && result.status === 200 ? readReviewAnswer(result.body) : null;
    return answer ?? "away";
  };
}
