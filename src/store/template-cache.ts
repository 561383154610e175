// Pod templates by id, remembered: they never change, so each is read at most once.
import type { PodTemplate } from "../model/pod-template.ts";
import { runBatch } from "./batch.ts";
import { readTemplates } from "./pods.ts";

const mostRemembered = 2_000;

export class TemplateCache {
  readonly #db: D1Database;
  readonly #templates = new Map<string, PodTemplate>();

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** The template; `load` must have been called with its id. */
  get(id: string): PodTemplate {
    const template = this.#templates.get(id);
    if (template === undefined) throw new Error(`pod template ${id} must be loaded before it is used`);
    return template;
  }

  has(id: string): boolean {
    return this.#templates.has(id);
  }

  add(id: string, template: PodTemplate): void {
    this.#templates.set(id, template);
  }

  /** Reads those that are not remembered yet; when there are too many, others are forgotten. */
  async load(ids: Iterable<string>): Promise<void> {
    const wanted = new Set(ids);
    const missing = [...wanted].filter((id) => !this.#templates.has(id));
    if (missing.length === 0) return;
    if (this.#templates.size + missing.length > mostRemembered) this.#forgetAllBut(wanted);
    const [found] = await runBatch(this.#db, [readTemplates(this.#db, missing)]);
    for (const [id, template] of found) this.add(id, template);
  }

  #forgetAllBut(wanted: ReadonlySet<string>): void {
    for (const id of this.#templates.keys()) if (!wanted.has(id)) this.#templates.delete(id);
  }
}
