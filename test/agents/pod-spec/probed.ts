// Containers that are probed, in the table.

export const soon = { periodSeconds: 1, timeoutSeconds: 5 };

/** Notes each run in `NAME.runs`, and ends with 7 when it is asked to. */
export function counting(name: string, script = ""): readonly string[] {
  const rest = `${script}\ntrap 'exit 7' TERM; sleep 2147483 & wait $!`;
  return ["sh", "-c", `echo run >>/kept/${name}.runs\n${rest}`];
}

export const isSecondRun = (name: string) => [
  "sh",
  "-c",
  `echo of $(wc -l </kept/${name}.runs); [ $(wc -l </kept/${name}.runs) -gt 1 ]`,
];
