// The code under test as it is read from the working tree, made fit for the simulator: some constants can be chosen, and
// what an isolate keeps for itself is made anew for each. A planted bug is one more change of the text.

/** A constant of a file that a run may choose. */
export type Knob = { readonly file: string; readonly name: string };

export type Mutation = { readonly file: string; readonly find: string; readonly replace: string };

export const knobs: readonly Knob[] = [
  { file: "src/cron.ts", name: "logKeptMs" },
  { file: "src/cron.ts", name: "logKeptRows" },
  { file: "src/cron.ts", name: "templatesEveryMinutes" },
  { file: "src/core/daemonset-plan.ts", name: "burstReplicas" },
  { file: "src/durable/daemonset-catch-up.ts", name: "pageSize" },
  { file: "src/durable/daemonset-pass.ts", name: "mostRounds" },
  { file: "src/durable/shard-image.ts", name: "changesAtOnce" },
  { file: "src/durable/watch-hub.ts", name: "changesAtOnce" },
  { file: "src/durable/controller-manager.ts", name: "changesAtOnce" },
  { file: "src/store/batch.ts", name: "chunkCharacters" },
];

export function knobName({ file, name }: Knob): string {
  return `${file.replace(/^src\/|\.ts$/g, "")}:${name}`;
}

/** State of a module that `isolated` makes anew; any other would leak from one simulated world into the next. */
const isolatedFile = "src/api/app.ts";

/** The text of `file`, a path below the root, as it is built. Throws when it is not as the simulator knows it. */
export function prepared(file: string, text: string, mutation: Mutation | null): string {
  const mutated = mutation?.file === file ? mutate(text, mutation) : text;
  const turned = knobs.filter((knob) => knob.file === file).reduce(withKnob, mutated);
  if (file === isolatedFile) return isolated(turned);
  if (file.startsWith("src/") && /^(export )?let /m.test(turned)) {
    throw new Error(
      `${file} keeps state in its module; the simulator must be taught to make that anew for each isolate`,
    );
  }
  return turned;
}

function mutate(text: string, { file, find, replace }: Mutation): string {
  const count = text.split(find).length - 1;
  if (count !== 1)
    throw new Error(`the planted bug's text must be in ${file} once, and is there ${count} times:\n${find}`);
  return text.replace(find, () => replace);
}

function withKnob(text: string, knob: Knob): string {
  const { file, name } = knob;
  const declaration = new RegExp(`^(?:export )?const ${name} = ([^;]+);$`, "m");
  const value = declaration.exec(text)?.[1];
  if (value === undefined) throw new Error(`${file} must declare the constant ${name}, which the simulator chooses`);
  const isExported = new RegExp(`^export const ${name} `, "m").test(text);
  const rest = text
    .replace(declaration, "")
    .replace(new RegExp(`\\b${name}\\b`, "g"), `knob("${knobName(knob)}", ${value})`);
  return isExported ? `${rest}\nexport const ${name} = ${value};\n` : rest;
}

/** Everything after the imports goes into a function that makes one isolate's app. */
function isolated(text: string): string {
  const lastImport = [...text.matchAll(/^import [^;]+;$/gm)].at(-1);
  const exported = text.match(/^export const app = /gm) ?? [];
  if (lastImport === undefined || exported.length !== 1) {
    throw new Error(`${isolatedFile} must begin with imports and export the app`);
  }
  const head = text.slice(0, lastImport.index + lastImport[0].length);
  const rest = text.slice(head.length).replace("export const app = ", "const app = ");
  return `${head}\nexport function newApp() {${rest}\nreturn app;\n}\nexport const app = newApp();\n`;
}
