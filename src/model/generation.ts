// How most kinds with a spec are prepared: the status is not the writer's to set, and changes of the spec are counted.
// Source: the strategies of pkg/registry.
import { semanticEqual } from "./equality.ts";
import type { KubeObject } from "./meta.ts";
import type { Resource } from "./resource.ts";

function withGeneration<T extends KubeObject>(object: T, generation: number): T {
  return { ...object, metadata: { ...object.metadata, generation } };
}

type Strategy<T extends KubeObject> = Pick<
  Resource<T>,
  "prepareForCreate" | "prepareForUpdate" | "prepareForStatusUpdate"
>;

/** `withStatus` gives a new object the status that it begins with. */
export function countingGenerations<T extends KubeObject>(withStatus: (object: T) => T): Strategy<T> {
  return {
    prepareForCreate: (object) => withGeneration(withStatus(object), 1),
    prepareForUpdate: (object, old) => {
      const generation = (old.metadata.generation ?? 0) + (semanticEqual(object["spec"], old["spec"]) ? 0 : 1);
      const kept = old["status"] === undefined ? object : { ...object, status: old["status"] };
      return withGeneration(kept, generation);
    },
    prepareForStatusUpdate: (object, old) =>
      withGeneration({ ...object, spec: old["spec"] }, old.metadata.generation ?? 0),
  };
}

/** As `countingGenerations`, for what is kept and not run: its status says so anew of each generation. */
export function countingNotRun<T extends KubeObject>(withNotRun: (object: T) => T): Strategy<T> {
  const counted = countingGenerations<T>((object) => object);
  return {
    ...counted,
    prepareForCreate: (object) => withNotRun(counted.prepareForCreate(object)),
    prepareForUpdate: (object, old) => {
      const next = counted.prepareForUpdate(object, old);
      return next.metadata.generation === old.metadata.generation ? next : withNotRun(next);
    },
  };
}
