// Reads answers so that a template that thousands of agents were sent is in memory once.
import type { ReadAnswer } from "../node/connection/poll.ts";
import { readAnswer } from "../node/connection/protocol.ts";

const mostTemplates = 1000;

/** An id stands for one content for ever, so that the first of an id will do for all. */
export function sharedAnswers(): ReadAnswer {
  const known = new Map<string, unknown>();
  return (text) => {
    const answer = readAnswer(text);
    for (const [id, template] of Object.entries(answer?.templates ?? {})) {
      const shared = known.get(id);
      if (answer?.templates !== undefined && shared !== undefined) answer.templates[id] = shared;
      else known.set(id, template);
    }
    const oldest = known.keys().next();
    if (known.size > mostTemplates && oldest.done !== true) known.delete(oldest.value);
    return answer;
  };
}
