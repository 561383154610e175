// The checks of a whole run: its history, its tables, its watches.
import type { Breach } from "../check/history.ts";
import { ledgerBreaches } from "../check/ledger.ts";
import { onceBreaches } from "../check/once.ts";
import { orderBreaches } from "../check/order.ts";
import { tableBreaches } from "../check/tables.ts";
import { countWatch, expectedList, listBreach, watchBreach } from "../check/watching.ts";
import type { Informer } from "../world/informer.ts";
import type { Run } from "./run-seed.ts";

export function atTheEnd(run: Run): readonly Breach[] {
  const { world, judge, users, informers } = run;
  const { history, checked } = judge;
  const record = { entries: history.entries, state: history.state, seqAt: (atMs: number) => history.seqAt(atMs) };
  return [
    ...tableBreaches(world, history.state, checked),
    ...ledgers(run),
    ...orderBreaches(users.recorder.operations, record, checked),
    ...onceBreaches(users.recorder.operations, history.entries, checked),
    ...informers.flatMap((informer) => informerBreaches(informer, run)),
  ];
}

function ledgers({ world, judge }: Run): readonly Breach[] {
  const { state } = judge.history;
  return [...state.sets()].flatMap((set) => {
    const { namespace, name, uid } = set.metadata;
    judge.checked({ id: "D5", name: "ledgers" });
    const { storage } = world.object("DaemonSetController", `${namespace}/${name}/${uid}`);
    return ledgerBreaches(set, state, (sql) => storage.inspect(sql), world.kernel.nowMs);
  });
}

function informerBreaches({ wish, lists, sessions, store, rv }: Informer, { judge }: Run): readonly Breach[] {
  const { entries, state } = judge.history;
  const name = `${wish.path}?${wish.query}`;
  const breaches: Breach[] = [];
  const add = (rule: "D1" | "W1", what: string | null) => {
    if (what !== null) breaches.push({ rule, what: `${name}: ${what}` });
  };
  const { checked } = judge;
  checked({ id: "D1", name: "lists" }, lists.length);
  for (const session of sessions) countWatch(session, entries, checked);
  if (rv > 0) checked({ id: "W1", name: "stores of informers" });
  for (const list of lists) add("D1", listBreach(list.items, expectedList(entries, wish, list.rv)));
  for (const session of sessions) add("W1", watchBreach(entries, wish, session));
  if (rv > 0) add("W1", listBreach(store, expectedList(entries, wish, state.seq)));
  return breaches;
}
