// Tokens of the pods' ServiceAccounts, asked of the control plane.
import type { PodTokenRequest } from "../../../src/sync/messages.ts";
import type { IssuedToken, TokenRequest, TokenSource } from "../assignment/objects.ts";
import { TokenRefused } from "../assignment/objects.ts";
import type { Clock } from "../ports.ts";
import type { Credentials } from "./credentials.ts";
import { statusProblem } from "./credentials.ts";
import type { HttpClient } from "./http-client.ts";
import { paths, readTokenAnswer } from "./protocol.ts";

const timeoutMs = 15_000;

export type TokenOptions = {
  readonly client: Pick<HttpClient, "post">;
  readonly credentials: Credentials;
  readonly clock: Clock;
};

export class ControlPlaneTokens implements TokenSource {
  readonly #options: TokenOptions;

  constructor(options: TokenOptions) {
    this.#options = options;
  }

  async token(request: TokenRequest): Promise<IssuedToken> {
    const { client, credentials, clock } = this.#options;
    const credential = await credentials.get();
    if (!credential.ok) throw new Error(credential.problem.message);
    const body = JSON.stringify(request satisfies PodTokenRequest);
    const result = await client.post({ path: paths.token, bearer: credential.credential, body, timeoutMs });
    if (!result.ok) throw new Error(result.message);
    const problem = statusProblem(result.status, result.body);
    if (problem !== null && result.status >= 400 && result.status < 500) throw new TokenRefused(problem.message);
    if (problem !== null) throw new Error(problem.message);
    const answer = readTokenAnswer(result.body);
    if (answer === null) throw new Error("the answer is none of Lares");
    const issuedAtMs = clock.nowMs();
    return { token: answer.token, issuedAtMs, expiresAtMs: issuedAtMs + answer.expiresInMs };
  }
}
