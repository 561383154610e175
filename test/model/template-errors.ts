// The errors of a DaemonSet whose template's spec was changed, and the longer texts among them.
import { expect, it } from "vitest";

import { daemonSets } from "../../src/model/daemonset.ts";
import type { Changes } from "./objects.ts";
import { daemonSet, texts } from "./objects.ts";

/** A rule, changes to the template's spec by path, and the errors, whose paths begin there as well. */
export type Row = readonly [rule: string, changes: Changes, errors: readonly string[]];

const prefix = "spec.template.spec.";

export function checkTemplates(rows: readonly Row[]): void {
  it.each(rows)("%s", (_rule, changes, expected) => {
    const prefixed = Object.fromEntries(Object.entries(changes).map(([path, value]) => [prefix + path, value]));
    const errors = texts(daemonSets.validate(daemonSet(prefixed)));
    expect(errors.map((text) => text.replaceAll(prefix, ""))).toEqual(expected);
  });
}

export const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
export const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
export const labelValue =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
export const namePart =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

/** The first container. */
export const c = "containers[0]";
