// A pod that the agent runs for a line of the table, as its author sees it: its status, its events and what it says.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, vi } from "vitest";

import type { ContainerStatus } from "../../../src/model/container-status.ts";
import type { PodStatus } from "../../../src/model/pod-status.ts";
import type { EventReport } from "../../../src/sync/messages.ts";
import type { ControlPlane } from "../support/control-plane.ts";
import type { Place } from "./case.ts";

export type PodPlace = {
  readonly plane: ControlPlane;
  readonly logDirectory: string;
  readonly place: Place;
  readonly patience: () => { readonly timeout: number; readonly interval: number };
};

export class RealPod {
  readonly name: string;
  readonly uid: string;
  readonly plane: ControlPlane;
  readonly place: Place;
  readonly patience: PodPlace["patience"];
  readonly #logs: string;

  constructor(name: string, { plane, logDirectory, place, patience }: PodPlace) {
    this.patience = patience;
    this.name = name;
    this.uid = `uid-${name}`;
    this.plane = plane;
    this.place = place;
    this.#logs = join(logDirectory, `pods/default_${name}_${this.uid}`);
  }

  get status(): PodStatus | undefined {
    // The stand-in keeps what the agent sent, which made it as a PodStatus.
    return this.plane.status(this.uid) as PodStatus | undefined;
  }

  container(name = "main"): ContainerStatus | undefined {
    const { initContainerStatuses = [], containerStatuses = [] } = this.status ?? {};
    return [...initContainerStatuses, ...containerStatuses].find((one) => one.name === name);
  }

  condition(type: string): string | undefined {
    return this.status?.conditions?.find((one) => one.type === type)?.status;
  }

  get events(): readonly EventReport[] {
    return this.plane.events.filter(({ podUid }) => podUid === this.uid);
  }

  /** Of the containers that its status tells of, those that the runtime has. */
  async containersLeft(): Promise<readonly string[]> {
    const there = await this.place.list();
    const told = this.status?.containerStatuses?.map(({ containerID = "" }) => containerID.replace(/^.*:\/\//, ""));
    return there.filter((id) => told?.includes(id));
  }

  /** What a run of a container has printed so far; nothing while there is no log. */
  lines(name = "main", attempt = 0): readonly string[] {
    try {
      return printedLines(readFileSync(join(this.#logs, name, `${attempt}.log`), "utf8"));
    } catch {
      return [];
    }
  }

  until(check: () => void | Promise<void>): Promise<void> {
    return vi.waitFor(check, this.patience());
  }

  async untilReady(): Promise<void> {
    await this.until(() => expect(this.condition("Ready"), this.explanation()).toBe("True"));
  }

  async untilSaid(line: string, name = "main", attempt = 0): Promise<void> {
    await this.until(() => expect(this.lines(name, attempt)).toContain(line));
  }

  /** The container waits, and the status and an event name the field that it waits for. */
  async untilRefused(field: string, name = "main"): Promise<void> {
    await this.until(() => {
      expect(this.container(name)?.state.waiting, this.explanation()).toEqual({
        reason: "CreateContainerConfigError",
        message: expect.stringContaining(`${field}: `),
      });
      const told = this.events.filter(({ fieldPath }) => fieldPath === `spec.containers{${name}}`);
      const found = told.find(({ message }) => message.startsWith(`Error: ${field}: `));
      expect(found).toMatchObject({ type: "Warning", reason: "Failed" });
    });
    expect(this.container(name)?.containerID).toBeUndefined();
  }

  async untilEvent(reason: string, message: RegExp): Promise<EventReport> {
    return vi.waitFor(() => {
      const found = this.events.find((event) => event.reason === reason && message.test(event.message));
      if (found === undefined) throw new Error(`no ${reason} ${message}: ${this.explanation()}`);
      return found;
    }, this.patience());
  }

  /** What there is to know when something else was expected. */
  explanation(): string {
    return JSON.stringify({
      status: this.status,
      events: this.events.map((event) => `${event.reason} ${event.message}`),
    });
  }
}

/** Of a log in the CRI's form, in which a line that was printed in parts may come in parts. */
function printedLines(log: string): readonly string[] {
  const lines: string[] = [];
  let begun = "";
  for (const line of log.split("\n").slice(0, -1)) {
    const [, , tag = "", ...words] = line.split(" ");
    begun += words.join(" ");
    if (tag === "P") continue;
    lines.push(begun);
    begun = "";
  }
  return lines;
}
