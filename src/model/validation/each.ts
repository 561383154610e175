// How lists are checked element by element, with upstream's paths.
import type { FieldError } from "../field-error.ts";

export type Errors = readonly FieldError[];

export const noErrors: Errors = [];

/** The errors of every element; `check` is told the element's path, `ports[2]` say. */
export function eachOf<T>(
  elements: readonly T[] | undefined,
  path: string,
  check: (element: T, elementPath: string, index: number) => Errors,
): Errors {
  if (elements === undefined) return noErrors;
  return elements.flatMap((element, index) => check(element, `${path}[${index}]`, index));
}

export type Repetitions = (value: string) => boolean;

/** Whether a text equals one before it. Counts what it is asked about. */
export function repetitions(): Repetitions {
  const seen = new Set<string>();
  return (value) => {
    if (seen.has(value)) return true;
    seen.add(value);
    return false;
  };
}
