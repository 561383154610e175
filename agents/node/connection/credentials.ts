// The node's credential: got once for a join token, then kept.
import type { ConnectionProblem } from "../ports.ts";
import type { HttpClient, HttpResult } from "./http-client.ts";
import { isFields, parseJson, paths, readApprovalAnswer, readEnrolAnswer } from "./protocol.ts";

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

/** What it takes to make the credential here. */
export type OwnCredentials = {
  /**
   * One that does not count yet, or is not known to. Only that it counts ends this: whatever an answer says, an earlier
   * question may have let it in, or may yet, and then no other one gets in under this name.
   */
  readonly waiting: CredentialStore & { remove(): void };
  newCredential(): string;
  /** SHA-256, in hex. */
  digestOf(credential: string): string;
  /** The request that tells of a credential those who let machines in. */
  requestFor(credential: string): string;
};

export type EnrolOptions = {
  readonly node: string;
  readonly client: HttpClient;
  readonly store: CredentialStore;
  /** Read each time, as tokens are renewed; undefined when there is none. */
  readonly joinToken: () => string | undefined;
  /** Absent: this agent is given its credential, and joins only with tokens that are enough by themselves. */
  readonly own?: OwnCredentials;
};

const timeoutMs = 30_000;

export class NodeCredentials implements Credentials {
  readonly #options: EnrolOptions;
  #credential: string | undefined;
  /**
   * A stored credential that was refused is replaced if a join token can be had and lets the machine in; until then it is
   * kept, and shown again after each time that the token was refused as well.
   */
  #isRefused = false;
  #pending: Promise<CredentialResult> | undefined;

  constructor(options: EnrolOptions) {
    this.#options = options;
    this.#credential = options.store.read();
  }

  async get(): Promise<CredentialResult> {
    const known = this.#credential;
    const joinToken = this.#options.joinToken();
    const waiting = this.#options.own?.waiting.read();
    const canEnrol = joinToken !== undefined || waiting !== undefined;
    if (known !== undefined && (!this.#isRefused || !canEnrol)) return { ok: true, credential: known };
    if (!canEnrol) {
      return { ok: false, problem: { kind: "refused", message: "there is no credential and no join token" } };
    }
    this.#pending ??= this.#enrol(joinToken, waiting).finally(() => {
      this.#pending = undefined;
    });
    return this.#pending;
  }

  refused(): void {
    this.#isRefused = true;
  }

  async #enrol(joinToken: string | undefined, waiting: string | undefined): Promise<CredentialResult> {
    if (waiting !== undefined) {
      const result = await this.#post(waiting);
      // Nobody knows of it any more, or yet, or somebody on the way says so: it is asked for again.
      const isForgotten = result.ok && result.status === 401;
      if (!isForgotten) return this.#heard(waiting, result);
    }
    if (joinToken === undefined) {
      return this.#notLetIn({ kind: "refused", message: "the request to join was forgotten" });
    }
    const { own } = this.#options;
    if (own !== undefined) return this.#ask(own, { joinToken, credential: waiting ?? newWaiting(own) });
    const result = await this.#post(joinToken);
    const answer = credentialOf(result);
    return typeof answer === "string" ? this.#keep(answer) : this.#failed(result, answer);
  }

  async #ask(own: OwnCredentials, { joinToken, credential }: Asked): Promise<CredentialResult> {
    const digest = own.digestOf(credential);
    const result = await this.#post(joinToken, { digest });
    const mustWait = result.ok && readApprovalAnswer(result.body)?.approval === "Required";
    if (!mustWait) return this.#heard(credential, result);
    return this.#heard(credential, await this.#post(joinToken, { digest, request: own.requestFor(credential) }));
  }

  /** What became of a credential that was made here. */
  #heard(credential: string, result: HttpResult): CredentialResult {
    const answer = result.ok ? readApprovalAnswer(result.body) : null;
    if (answer?.approval === "Approved") {
      const kept = this.#keep(credential);
      this.#options.own?.waiting.remove();
      return kept;
    }
    if (answer?.approval !== "Pending") {
      const problem = credentialOf(result);
      const odd = { kind: "unreachable", message: "cannot enrol: the answer is none of Lares" } as const;
      return this.#failed(result, typeof problem === "string" ? odd : problem);
    }
    const name = answer.request ?? "";
    const message = `CertificateSigningRequest ${name} is not approved yet: kubectl certificate approve ${name}`;
    return { ok: false, problem: { kind: "waiting", message } };
  }

  #failed(result: HttpResult, problem: ConnectionProblem): CredentialResult {
    const isRefusal = result.ok && result.status >= 400 && result.status < 500;
    return isRefusal ? this.#notLetIn(problem) : { ok: false, problem };
  }

  #notLetIn(problem: ConnectionProblem): CredentialResult {
    // The stored credential may have been refused by somebody on the way, and be good again.
    this.#isRefused = false;
    return { ok: false, problem };
  }

  #keep(credential: string): CredentialResult {
    this.#options.store.write(credential);
    this.#credential = credential;
    this.#isRefused = false;
    return { ok: true, credential };
  }

  #post(bearer: string, told: { readonly digest?: string; readonly request?: string } = {}): Promise<HttpResult> {
    const { node, client } = this.#options;
    const body = JSON.stringify({ node, ...told });
    return client.post({ path: paths.enrol, bearer, body, timeoutMs });
  }
}

type Asked = { readonly joinToken: string; readonly credential: string };

/** Kept before it is told: should the answer get lost, it is asked about again. */
function newWaiting(own: OwnCredentials): string {
  const credential = own.newCredential();
  own.waiting.write(credential);
  return credential;
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
