// The node's credential: got once for a join token, then kept.
import type { ConnectionProblem } from "../ports.ts";
import type { HttpClient, HttpResult } from "./http-client.ts";
import { isFields, parseJson, paths, readEnrolAnswer } from "./protocol.ts";

export type CredentialResult =
  | { readonly ok: true; readonly credential: string }
  | { readonly ok: false; readonly problem: ConnectionProblem };

export type Credentials = {
  get(): Promise<CredentialResult>;
  /** The control plane did not accept it. */
  refused(): void;
};

/** Where the credential is between two lives of the agent. */
export type CredentialStore = {
  read(): string | undefined;
  write(credential: string): void;
};

export type EnrolOptions = {
  readonly node: string;
  readonly client: HttpClient;
  readonly store: CredentialStore;
  /** Read each time, as tokens are renewed; undefined when there is none. */
  readonly joinToken: () => string | undefined;
};

const timeoutMs = 30_000;

export class NodeCredentials implements Credentials {
  readonly #options: EnrolOptions;
  #credential: string | undefined;
  /** A stored credential that was refused is replaced if a join token can be had, and is kept if none can. */
  #isRefused = false;
  #pending: Promise<CredentialResult> | undefined;

  constructor(options: EnrolOptions) {
    this.#options = options;
    this.#credential = options.store.read();
  }

  async get(): Promise<CredentialResult> {
    const known = this.#credential;
    const joinToken = this.#options.joinToken();
    if (known !== undefined && (!this.#isRefused || joinToken === undefined)) return { ok: true, credential: known };
    if (joinToken === undefined) {
      return { ok: false, problem: { kind: "refused", message: "there is no credential and no join token" } };
    }
    this.#pending ??= this.#enrol(joinToken).finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  refused(): void {
    this.#isRefused = true;
  }

  async #enrol(joinToken: string): Promise<CredentialResult> {
    const { node, client, store } = this.#options;
    const result = await client.post({
      path: paths.enrol,
      bearer: joinToken,
      body: JSON.stringify({ node }),
      timeoutMs,
    });
    const answer = credentialOf(result);
    if (typeof answer !== "string") return { ok: false, problem: answer };
    store.write(answer);
    this.#credential = answer;
    this.#isRefused = false;
    return { ok: true, credential: answer };
  }
}

function credentialOf(result: HttpResult): string | ConnectionProblem {
  if (!result.ok) return { kind: "unreachable", message: `cannot enrol: ${result.message}` };
  const problem = statusProblem(result.status, result.body);
  if (problem !== null) return { ...problem, message: `cannot enrol: ${problem.message}` };
  const answer = readEnrolAnswer(result.body);
  if (answer !== null) return answer.credential;
  return { kind: "unreachable", message: "cannot enrol: the answer is none of Lares" };
}

const longestShownBody = 200;

/** Null for an answer that is one. */
export function statusProblem(status: number, body: string): ConnectionProblem | null {
  if (status === 200) return null;
  const kind = status === 401 || status === 403 ? "refused" : "unreachable";
  const shown = messageOf(body).slice(0, longestShownBody);
  return { kind, message: `status ${status}${shown === "" ? "" : `: ${shown}`}` };
}

function messageOf(body: string): string {
  const parsed = parseJson(body);
  return isFields(parsed) ? String(parsed["error"] ?? parsed["message"] ?? "") : "";
}
