// Reads Prometheus' text format, and takes nothing that is not exactly as it has to be.
// Source: prometheus docs, instrumenting/exposition_formats.
type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number };
type Family = { readonly type: string; readonly help: string; readonly samples: readonly Sample[] };

const name = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const types = new Set(["counter", "gauge", "histogram", "summary", "untyped"]);
const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/;
const number = /^[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?$|^[-+]?Inf$|^NaN$/;

/** Families by their names. Throws with the line that is wrong. */
export function readExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith("\n")) throw new Error("the last line must end in a line feed");
  const families = new Map<string, { type: string; help: string; samples: Sample[] }>();
  const seen = new Set<string>();
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`);
    };
    const [, word = "", of = "", rest = ""] = new RegExp(`^# (HELP|TYPE) (${name}) (.*)$`).exec(line) ?? [];
    if (word === "HELP") {
      if (families.has(of)) fail("a family is told of twice");
      families.set(of, { type: "", help: rest, samples: [] });
      current = of;
    } else if (word === "TYPE") {
      const family = families.get(of);
      if (family === undefined || of !== current || family.type !== "")
        return fail("a type without its help before it");
      if (!types.has(rest)) fail("no such type");
      family.type = rest;
    } else {
      const [, of = "", , labels = "", value = ""] = new RegExp(`^(${name})(\\{(.*)\\})? (\\S+)$`).exec(line) ?? [];
      const family = families.get(of);
      if (family === undefined || of !== current || family.type === "") return fail("a sample out of its family");
      if (!number.test(value)) fail("no number");
      const sample = { labels: readLabels(labels, fail), value: Number(value.replace("Inf", "Infinity")) };
      const series = `${of} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
      if (seen.has(series)) fail("a series is there twice");
      seen.add(series);
      if (family.type === "counter" && !(sample.value >= 0)) fail("a counter below zero");
      family.samples.push(sample);
    }
  }
  return families;
}

function readLabels(text: string, fail: (why: string) => never): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== ""; ) {
    const [whole, key = "", value = ""] = label.exec(rest) ?? fail("labels that are none");
    if (key in labels) fail("a label is there twice");
    labels[key] = value.replaceAll(/\\(.)/g, (_, char) => (char === "n" ? "\n" : char));
    rest = rest.slice(whole.length);
  }
  return labels;
}
