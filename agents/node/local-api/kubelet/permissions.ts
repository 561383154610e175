// Who may read what the node serves: as the control plane says, and while it is away, as it said last.
import { createHash } from "node:crypto";

import { isFields, parseJson } from "../../connection/protocol.ts";
import type { Reviewer } from "../../connection/reviews.ts";
import type { Clock } from "../../ports.ts";
import type { TokenStore } from "../tokens.ts";

/** For so long nobody is asked again. Source: the kubelet's default for authorized requests, webhook.cacheAuthorizedTTL. */
const freshMs = 300_000;
/** An answer for no is asked for again sooner: rights are given after the first attempt. */
const freshRefusalMs = 10_000;
/** And for so long an answer counts while there is none other. */
const longestAwayMs = 30 * 86_400_000;
const mostAnswers = 64;

type Known = { readonly parts: readonly string[]; readonly isKnown: boolean; readonly atMs: number };

export type Permission = "allowed" | "forbidden" | "unauthorized" | "unknown";

export class Permissions {
  readonly #review: Reviewer;
  readonly #clock: Clock;
  readonly #store: TokenStore;
  #answers: Map<string, Known> | undefined;

  constructor(review: Reviewer, clock: Clock, store: TokenStore) {
    this.#review = review;
    this.#clock = clock;
    this.#store = store;
  }

  /** `subject`: the account of one of the node's own pods, whose tokens change; empty: the token stands for itself. */
  async of(token: string, subject: string, wanted: readonly string[]): Promise<Permission> {
    const key = createHash("sha256")
      .update(subject === "" ? token : `account ${subject}`)
      .digest("hex");
    const known = this.#known().get(key);
    const ageMs = known === undefined ? 0 : Math.abs(this.#clock.nowMs() - known.atMs);
    if (known !== undefined && ageMs < freshMs && isAllowed(known, wanted)) return "allowed";
    if (known !== undefined && ageMs < freshRefusalMs) return verdict(known, wanted);
    const answer = await this.#review(token);
    if (answer === "away") return known !== undefined && ageMs < longestAwayMs ? verdict(known, wanted) : "unknown";
    const heard = { parts: answer.parts, isKnown: answer.user !== null, atMs: this.#clock.nowMs() };
    this.#remember(key, heard);
    return verdict(heard, wanted);
  }

  #remember(key: string, heard: Known): void {
    const answers = this.#known();
    const before = answers.get(key);
    answers.delete(key);
    answers.set(key, heard);
    const [oldest] = answers.keys();
    if (answers.size > mostAnswers && oldest !== undefined) answers.delete(oldest);
    // Times alone are not worth a write.
    const isSame = before?.isKnown === heard.isKnown && before.parts.join() === heard.parts.join();
    if (!isSame || heard.atMs - before.atMs > longestAwayMs / 10) this.#store.write(JSON.stringify([...answers]));
  }

  #known(): Map<string, Known> {
    this.#answers ??= new Map(readAnswers(this.#store.read()));
    return this.#answers;
  }
}

function isAllowed({ parts }: Known, wanted: readonly string[]): boolean {
  return wanted.some((part) => parts.includes(part));
}

function verdict(known: Known, wanted: readonly string[]): Permission {
  if (!known.isKnown) return "unauthorized";
  return isAllowed(known, wanted) ? "allowed" : "forbidden";
}

function readAnswers(text: string | undefined): readonly (readonly [string, Known])[] {
  const content = parseJson(text ?? "");
  if (!Array.isArray(content)) return [];
  return content.flatMap((entry: unknown) => {
    const [key, known] = Array.isArray(entry) ? entry : [];
    if (typeof key !== "string" || !isFields(known) || !Array.isArray(known["parts"])) return [];
    const { isKnown, atMs } = known;
    if (typeof isKnown !== "boolean" || typeof atMs !== "number") return [];
    return [[key, { parts: known["parts"].map(String), isKnown, atMs }] as const];
  });
}
