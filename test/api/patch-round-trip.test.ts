// Patches as kubectl computes them from two or three objects, and what becomes of lists that others add to.
import fc from "fast-check";
import { expect, it } from "vitest";
import * as z from "zod";

import { patchSchemaOf } from "../../src/api/patch/patch-schema.ts";
import { applyStrategicMergePatch } from "../../src/api/patch/strategic-merge-patch.ts";
import type { Json } from "../../src/model/fields.ts";
import { ships } from "./small-resources.ts";

const EnvVar = z.strictObject({ name: z.string(), value: z.string().optional() });
const Container = z.strictObject({
  name: z.string(),
  image: z.string().optional(),
  env: z.array(EnvVar).optional(),
});
type Container = z.infer<typeof Container>;
type Change<T> = { readonly from: readonly T[]; readonly to: readonly T[] };

/** The containers of a ship after a patch of its spec. */
function patched(containers: readonly Container[], patch: Json): Container[] {
  // What fast-check leaves out may be there as undefined, which is no JSON.
  const document = JSON.parse(JSON.stringify({ spec: { containers } }));
  const result = applyStrategicMergePatch(document, { spec: patch }, patchSchemaOf(ships));
  return z.object({ spec: z.object({ containers: z.array(Container) }) }).parse(result).spec.containers;
}

/** The patch of the list `name`: all of the new elements, deletions of those that are gone, and the order. */
function listPatch<T extends { name: string }>(
  name: string,
  { from, to }: Change<T>,
  element: (of: Change<T>) => Json,
) {
  const gone = from.filter((old) => !to.some((target) => target.name === old.name));
  const deletions = gone.map((old) => ({ $patch: "delete", name: old.name }));
  const changes = to.map((target) => element({ from: from.filter((old) => old.name === target.name), to: [target] }));
  return {
    [name]: [...changes, ...deletions],
    [`$setElementOrder/${name}`]: to.map((target) => ({ name: target.name })),
  };
}

function containersPatch(change: Change<Container>): Json {
  return listPatch("containers", change, ({ from: [from], to: [to] }) => {
    const { name = "", image = null, env } = to ?? {};
    if (env === undefined) return { name, image, env: null };
    const envChange = { from: from?.env ?? [], to: env };
    return {
      name,
      image,
      ...listPatch("env", envChange, ({ to: [variable] }) => ({
        name: variable?.name ?? "",
        value: variable?.value ?? null,
      })),
    };
  });
}

const named = <T extends { name: string }>(element: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.uniqueArray(element, { selector: ({ name }) => name, maxLength: 6 });
const text = (...choices: string[]): fc.Arbitrary<string> => fc.constantFrom(...choices);
const variables = named(
  fc.record({ name: text("A", "B", "C", "D"), value: text("1", "2") }, { requiredKeys: ["name"] }),
);
const containers = named(
  fc.record({ name: text("a", "b", "c", "d", "e"), image: text("x", "y"), env: variables }, { requiredKeys: ["name"] }),
);

it("a patch from one list of containers to another makes the other, once as twice", () => {
  fc.assert(
    fc.property(containers, containers, (from, to) => {
      const patch = containersPatch({ from, to });
      expect(patched(from, patch)).toEqual(to);
      expect(patched(to, patch)).toEqual(to);
    }),
  );
});

it("what others added stays, in their order, while ours becomes what we want", () => {
  const theirs = containers.map((list) => list.map((container) => ({ ...container, name: `their-${container.name}` })));
  const gaps = fc.array(fc.nat(2), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(containers, containers, theirs, gaps, (last, wanted, others, places) => {
      const live: Container[] = [...last];
      let place = 0;
      for (const [index, other] of others.entries()) {
        place += (places[index] ?? 0) + (index === 0 ? 0 : 1);
        live.splice(place, 0, other);
      }
      const result = patched(live, containersPatch({ from: last, to: wanted }));
      const isTheirs = ({ name }: Container) => name.startsWith("their-");
      expect(result.filter(isTheirs)).toEqual(others);
      expect(result.filter((container) => !isTheirs(container))).toEqual(wanted);
    }),
  );
});
