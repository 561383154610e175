// Everything users asked and were told, with the times of both: what the order checker reads.
import type { ApiAnswer, ApiClient, ApiRequest } from "./client.ts";

export type Operation = {
  readonly client: string;
  readonly request: ApiRequest;
  readonly invokedMs: number;
  /** Null while there is no answer. */
  returnedMs: number | null;
  answer: ApiAnswer | null;
};

export class Recorder {
  readonly operations: Operation[] = [];
  readonly #nowMs: () => number;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  async send(client: ApiClient, request: ApiRequest): Promise<ApiAnswer> {
    const operation: Operation = {
      client: client.actor.name,
      request,
      invokedMs: this.#nowMs(),
      returnedMs: null,
      answer: null,
    };
    this.operations.push(operation);
    const answer = await client.request(request);
    operation.returnedMs = this.#nowMs();
    operation.answer = answer;
    return answer;
  }
}
