// The connection by requests: one per message, and one that is held open where the control plane can do that.
import type { SyncAnswer, SyncRequest } from "../../../src/sync/messages.ts";
import type { Connection, ConnectionListener, ConnectionProblem } from "../ports.ts";
import type { Credentials } from "./credentials.ts";
import { statusProblem } from "./credentials.ts";
import type { HttpClient } from "./http-client.ts";
import { paths, readAnswer } from "./protocol.ts";

const timeoutMs = 25_000;
const holdSeconds = 25;
const heldTimeoutMs = 45_000;

export type PollOptions = {
  readonly client: HttpClient;
  readonly credentials: Credentials;
  /** Ask the control plane to hold the answer until there is news. */
  readonly holds: boolean;
  readonly read?: ReadAnswer;
};

export class PollConnection implements Connection {
  readonly #listener: ConnectionListener;
  readonly #options: PollOptions;
  #isClosed = false;

  constructor(listener: ConnectionListener, options: PollOptions) {
    this.#listener = listener;
    this.#options = options;
  }

  holdsQuestions(): boolean {
    return this.#options.holds;
  }

  send(request: SyncRequest, hold: boolean): void {
    void this.#exchange(request, hold).then((outcome) => {
      if (this.#isClosed) return;
      if ("kind" in outcome) this.#listener.failed(outcome);
      else this.#listener.answered(outcome);
    });
  }

  close(): void {
    this.#isClosed = true;
  }

  async #exchange(request: SyncRequest, hold: boolean): Promise<SyncAnswer | ConnectionProblem> {
    const { client, credentials } = this.#options;
    const credential = await credentials.get();
    if (!credential.ok) return credential.problem;
    const result = await client.post({
      path: hold ? `${paths.sync}?wait=${holdSeconds}` : paths.sync,
      bearer: credential.credential,
      body: JSON.stringify(request),
      timeoutMs: hold ? heldTimeoutMs : timeoutMs,
    });
    if (!result.ok) return { kind: "unreachable", message: result.message };
    const problem = statusProblem(result.status, result.body);
    if (problem?.kind === "refused") credentials.refused();
    if (problem !== null) return problem;
    return (
      (this.#options.read ?? readAnswer)(result.body) ?? { kind: "unreachable", message: "the answer is none of Lares" }
    );
  }
}

/** Reads an answer; null for a text that is none. A fleet shares what the answers to its agents have in common. */
export type ReadAnswer = (text: string) => SyncAnswer | null;
