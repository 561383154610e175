// Runs the whole table with one runtime. The pods of a subject start while the rows of the one before are looked at. Every pod
// goes when its own rows have been, and what is left goes at the end, whether rows have failed or not.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";

import type { PodCase, Row, RuntimeKind, Shown } from "./case.ts";
import { containerOf, isShown, sectionsOf } from "./case.ts";
import type { RunningRuntime } from "./ground.ts";
import { Ground } from "./ground.ts";
import type { RealPod } from "./real-pod.ts";
import { subjects } from "./subjects.ts";

/** `name` tells which one of its kind it is. */
export function describePodSpec(kind: RuntimeKind, start: () => Promise<RunningRuntime>, name: string = kind): void {
  describe(`a pod's specification with ${name}`, () => {
    const ground = new Ground();
    beforeAll(() => ground.start(start), 60_000);
    afterAll(() => ground.remove(), 90_000);

    for (const [index, [subject, cases]] of Object.entries(subjects).entries()) {
      const next = Object.values(subjects)[index + 1] ?? [];
      describe(subject, () => {
        beforeAll(() => ground.assign([...cases, ...next]), 30_000);
        for (const each of cases) {
          describe(each.pod, () => {
            afterAll(() => ground.release(each.pod));
            for (const row of each.rows) describeRow(row, each.rows, { kind, podOf: () => ground.pod(each.pod) });
          });
        }
      });
    }

    test("of all these pods nothing is left when they are gone", { timeout: 90_000 }, () => ground.untilAllGone());
  });
}

type Looking = { readonly kind: RuntimeKind; readonly podOf: () => RealPod };

function describeRow(row: Row, rows: PodCase["rows"], { kind, podOf }: Looking): void {
  const exception = row.except?.[kind];
  const name = exception === undefined ? row.row : `${row.row} (here: ${exception.why})`;
  test(name, { timeout: 150_000 }, async () => {
    const pod = podOf();
    if (exception?.refused !== undefined) return pod.untilRefused(exception.refused, containerOf(row));
    if (!isShown(row)) return (exception?.check ?? row.check)(pod);
    const shown = await shownBy(pod, row, rows);
    const is = exception?.is ?? row.is;
    // A container may be quicker to show something than its status is to be told.
    if (typeof is === "function") await pod.until(() => expectShown(shown, is(pod)));
    else expectShown(shown, is);
  });
}

/** What the row's part of its container's script has printed. */
function shownBy(pod: RealPod, row: Shown, rows: PodCase["rows"]): Promise<string> {
  const container = containerOf(row);
  const index = rows
    .filter(isShown)
    .filter((one) => containerOf(one) === container)
    .indexOf(row);
  return vi.waitFor(() => {
    const sections = sectionsOf(pod.lines(container));
    if (sections === undefined) throw new Error(`${container} has not ended its work: ${pod.explanation()}`);
    return sections[index] ?? "";
  }, pod.patience());
}

function expectShown(shown: string, wanted: string | RegExp): void {
  if (typeof wanted === "string") expect(shown).toBe(wanted);
  else expect(shown).toMatch(wanted);
}
