// When to talk to the control plane: one message at a time, again when it is lost, slower and slower while nobody answers.
import type { SyncAnswer, SyncRequest } from "../../../src/sync/messages.ts";
import { protocolVersion } from "../connection/protocol.ts";
import type { Clock, Connection, ConnectionListener, ConnectionProblem, Log, Random } from "../ports.ts";

/** One message's content, and what to do once its fate is known. */
export type Outgoing = {
  readonly content: Omit<SyncRequest, "protocol" | "node" | "sequence">;
  acknowledged(): void;
  lost(): void;
};

export type SessionOwner = {
  prepare(): Promise<Outgoing>;
  /** True: the answer says that there is more to ask for. */
  accept(answer: SyncAnswer): Promise<boolean>;
};

export type SessionPorts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly connect: (listener: ConnectionListener) => Connection;
};

/** How the agent stands with its control plane, and since when, by the clock that only rises. */
export type Standing = {
  readonly state: "connecting" | "connected" | ConnectionProblem["kind"];
  readonly message: string;
  readonly sinceMs: number;
};

const answerTimeoutMs = 30_000;
/** Longer than the control plane holds a question open. */
const heldAnswerTimeoutMs = 60_000;
const firstRetryMs = 1000;
const longestRetryMs = 60_000;
/** How often a machine that waits to be let in asks: from this to four times as long. */
const waitingRetryMs = 5_000;
const refusedRetryMs = 60_000;
const longestRefusedRetryMs = 300_000;
const askAgainMs = 1000;
/** Messages that the node's own doings cause: so many at once, and one a second in the long run. */
const burst = 10;
const burstIntervalMs = 1000;

type Pending = {
  readonly sequence: number;
  readonly outgoing: Outgoing;
  readonly cancelTimeout: () => void;
};

const problemTexts: Readonly<Record<ConnectionProblem["kind"], string>> = {
  refused: "the control plane refuses this node",
  waiting: "waiting to be let in",
  unreachable: "the control plane is away",
};

export class Session implements ConnectionListener {
  readonly #node: string;
  readonly #owner: SessionOwner;
  readonly #ports: SessionPorts;
  #connection: Connection | undefined;
  #sequence = 0;
  #pending: Pending | undefined;
  #held: Pending | undefined;
  #standing: Standing;
  #isPreparing = false;
  #isBackingOff = false;
  #isClosed = false;
  /** Something came up while a message was on its way. */
  #wantsMore = false;
  #failures = 0;
  /** Answers in a row that could not be taken in. */
  #untaken = 0;
  #dueAtMs = Number.POSITIVE_INFINITY;
  #cancelTimer: (() => void) | undefined;
  /** What went wrong the last time, if anything did. */
  #lastProblem: ConnectionProblem["kind"] | undefined;
  /** When the burst is used up, in the manner of a leaky bucket. */
  #spentUntilMs = 0;
  #accepting: Promise<unknown> = Promise.resolve();

  constructor(node: string, owner: SessionOwner, ports: SessionPorts) {
    this.#node = node;
    this.#owner = owner;
    this.#ports = ports;
    this.#standing = { state: "connecting", message: "", sinceMs: ports.clock.monotonicMs() };
  }

  get standing(): Standing {
    return this.#standing;
  }

  #stand(state: Standing["state"], message: string): void {
    if (this.#standing.state === state && this.#standing.message === message) return;
    // Another message about the same state is no new state.
    const { sinceMs } = this.#standing.state === state ? this.#standing : { sinceMs: this.#ports.clock.monotonicMs() };
    this.#standing = { state, message, sinceMs };
  }

  /** Messages in a row that got no answer. */
  get failures(): number {
    return this.#failures;
  }

  start(): void {
    this.#connection = this.#ports.connect(this);
    void this.#send(false);
  }

  close(): void {
    this.#isClosed = true;
    this.#pending?.cancelTimeout();
    this.#held?.cancelTimeout();
    this.#cancelTimer?.();
    this.#connection?.close();
  }

  /** Asks for a message within `delayMs`, sooner if one is due anyway. */
  wake(delayMs: number): void {
    if (this.#isClosed || this.#isBackingOff) return;
    if (this.#pending !== undefined || this.#isPreparing) {
      this.#wantsMore = true;
      return;
    }
    const nowMs = this.#ports.clock.monotonicMs();
    const freeAtMs = this.#spentUntilMs - (burst - 1) * burstIntervalMs;
    this.#setDue(Math.max(nowMs + delayMs, freeAtMs));
  }

  answered(answer: SyncAnswer): void {
    if (this.#isClosed) return;
    // What the control plane says by itself shows only that it can be heard, not that it hears.
    if (answer.acknowledged !== 0) this.#heard();
    this.#settle(answer.acknowledged);
    // One after the other, as accepting writes to disk.
    this.#accepting = this.#accepting.then(() => this.#accept(answer));
  }

  #heard(): void {
    if (this.#failures > 0) this.#ports.log.info("the control plane answers again", { node: this.#node });
    this.#failures = 0;
    this.#stand("connected", "");
    this.#lastProblem = undefined;
    this.#isBackingOff = false;
  }

  failed(problem: ConnectionProblem): void {
    if (this.#isClosed || this.#isBackingOff) return;
    this.#forget();
    this.#failures += 1;
    this.#isBackingOff = true;
    const delayMs = this.#retryDelayMs(problem);
    if (problem.kind !== this.#lastProblem || problem.kind === "refused") {
      this.#ports.log.warn(problemTexts[problem.kind], {
        node: this.#node,
        problem: problem.message,
        retryInMs: Math.round(delayMs),
      });
    }
    this.#lastProblem = problem.kind;
    this.#stand(problem.kind, problem.message);
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    this.#setDue(this.#ports.clock.monotonicMs() + delayMs);
  }

  #retryDelayMs({ kind }: ConnectionProblem): number {
    const doubled = 2 ** Math.min(this.#failures - 1, 10);
    // Spread wide, so that a fleet that lost its control plane does not come back all at once.
    const spread = 1 + 3 * this.#ports.random.next();
    if (kind === "waiting") return waitingRetryMs * spread;
    if (kind === "refused") return Math.min(longestRefusedRetryMs, refusedRetryMs * doubled * spread);
    return Math.min(longestRetryMs, firstRetryMs * doubled * spread);
  }

  async #accept(answer: SyncAnswer): Promise<void> {
    let wantsMore = true;
    try {
      wantsMore = await this.#owner.accept(answer);
      this.#untaken = 0;
    } catch (error) {
      this.#untaken += 1;
      this.#ports.log.warn("cannot take in an answer", { node: this.#node, problem: String(error) });
    }
    if (this.#isClosed || this.#isBackingOff || this.#pending !== undefined || this.#isPreparing) return;
    if (this.#connection?.holdsQuestions() === true && this.#held === undefined && !this.#wantsMore && !wantsMore) {
      void this.#send(true);
      return;
    }
    const jitter = 0.8 + 0.4 * this.#ports.random.next();
    this.#setDue(this.#ports.clock.monotonicMs() + Math.max(answer.nextSyncMs, 100) * jitter);
    if (wantsMore) this.wake(Math.min(longestRetryMs, askAgainMs * 2 ** Math.max(0, this.#untaken - 1)));
    if (this.#wantsMore) {
      this.#wantsMore = false;
      this.wake(0);
    }
  }

  #settle(sequence: number): void {
    for (const pending of [this.#pending, this.#held]) {
      if (pending?.sequence !== sequence) continue;
      pending.cancelTimeout();
      pending.outgoing.acknowledged();
    }
    if (this.#pending?.sequence === sequence) this.#pending = undefined;
    if (this.#held?.sequence === sequence) this.#held = undefined;
  }

  #forget(): void {
    for (const pending of [this.#pending, this.#held]) {
      pending?.cancelTimeout();
      pending?.outgoing.lost();
    }
    this.#pending = undefined;
    this.#held = undefined;
    this.#wantsMore = false;
  }

  #setDue(atMs: number): void {
    if (atMs >= this.#dueAtMs) return;
    this.#cancelTimer?.();
    this.#dueAtMs = atMs;
    const { clock } = this.#ports;
    const delayMs = atMs - clock.monotonicMs();
    if (delayMs <= 0) {
      this.#due();
      return;
    }
    this.#cancelTimer = clock.setTimer(delayMs, () => this.#due());
  }

  #due(): void {
    this.#cancelTimer = undefined;
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    this.#isBackingOff = false;
    if (this.#isClosed) return;
    if (this.#pending !== undefined || this.#isPreparing) this.#wantsMore = true;
    else void this.#send(false);
  }

  async #send(hold: boolean): Promise<void> {
    this.#isPreparing = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    // What was answered last is taken in first: the message says what the agent has.
    await this.#accepting;
    const outgoing = await this.#owner.prepare();
    this.#isPreparing = false;
    if (this.#isClosed) return;
    const { clock } = this.#ports;
    this.#spentUntilMs = Math.max(this.#spentUntilMs, clock.monotonicMs()) + burstIntervalMs;
    this.#sequence += 1;
    const timeoutMs = hold ? heldAnswerTimeoutMs : answerTimeoutMs;
    const message = `no answer within ${timeoutMs / 1000} s`;
    const cancelTimeout = clock.setTimer(timeoutMs, () => this.failed({ kind: "unreachable", message }));
    const pending = { sequence: this.#sequence, outgoing, cancelTimeout };
    if (hold) this.#held = pending;
    else this.#pending = pending;
    this.#connection?.send(
      { protocol: protocolVersion, node: this.#node, sequence: this.#sequence, ...outgoing.content },
      hold,
    );
    // What came up while the question to be held was prepared must not wait for its answer.
    if (hold && this.#wantsMore) {
      this.#wantsMore = false;
      this.wake(0);
    }
  }
}
