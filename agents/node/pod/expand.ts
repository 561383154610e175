// How $(NAME) in commands, arguments and values is replaced.
// Source: k8s.io/kubernetes third_party/forked/golang/expansion.

/** `$(NAME)` becomes its value, unknown names stay as they are, `$$` is one dollar. */
export function expand(text: string, values: ReadonlyMap<string, string>): string {
  if (!text.includes("$")) return text;
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (match: string, name: string | undefined) => {
    if (name === undefined) return "$";
    return values.get(name) ?? match;
  });
}
