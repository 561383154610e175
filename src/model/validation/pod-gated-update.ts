// How a pod that waits for its scheduling gates may be told where to run: more narrowly, never otherwise.
// Source: pkg/apis/core/validation validateNodeSelectorMutation, validateNodeAffinityMutation.
import type { NodeAffinity, NodeSelectorRequirement, NodeSelectorTerm } from "../affinity.ts";
import { semanticEqual } from "../equality.ts";
import { invalid } from "../field-error.ts";
import { matchesAll } from "../labels.ts";
import type { Errors } from "./each.ts";
import { eachOf, noErrors } from "./each.ts";

export function validateNodeSelectorMutation(
  selector: Readonly<Record<string, string>> | undefined,
  old: Readonly<Record<string, string>> | undefined,
  path: string,
): Errors {
  if (matchesAll(old ?? {}, selector ?? {})) return noErrors;
  const only = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
  return [invalid(path, selector ?? {}, only)];
}

export function validateNodeAffinityMutation(
  affinity: NodeAffinity | undefined,
  old: NodeAffinity | undefined,
  path: string,
): Errors {
  const oldTerms = old?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (oldTerms.length === 0) return noErrors;
  const terms = affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const termsPath = `${path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
  if (terms.length !== oldTerms.length) {
    return [invalid(termsPath, terms, "no additions/deletions to non-empty NodeSelectorTerms list are allowed")];
  }
  return eachOf(terms, termsPath, (term, termPath, index) =>
    onlyAddsTo(term, oldTerms[index] ?? {})
      ? noErrors
      : [invalid(termPath, term, "only additions are allowed (no mutations or deletions)")],
  );
}

function onlyAddsTo(term: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const { matchExpressions: oldExpressions = [], matchFields: oldFields = [] } = old;
  const { matchExpressions = [], matchFields = [] } = term;
  const wasEmpty = oldExpressions.length === 0 && oldFields.length === 0;
  if (wasEmpty && (matchExpressions.length > 0 || matchFields.length > 0)) return false;
  return startsWith(matchExpressions, oldExpressions) && startsWith(matchFields, oldFields);
}

function startsWith(list: readonly NodeSelectorRequirement[], old: readonly NodeSelectorRequirement[]): boolean {
  return semanticEqual(list.slice(0, old.length), old);
}
