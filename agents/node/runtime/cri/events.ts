// The events by which runtimes tell that a container has ended.
// Source: CRI GetContainerEvents; containerd api/events TaskExit, whose topic is /tasks/exit.
import type { EventSource } from "./changes.ts";
import { TaskExit } from "./messages.ts";
import { decode } from "./protobuf.ts";
import type { CriClient } from "./service.ts";
import { methods, subscribe } from "./service.ts";

/** CONTAINER_STOPPED_EVENT. */
const stopped = 2;
/** Where containerd keeps all that belongs to the CRI. */
const filter = 'namespace=="k8s.io",topic=="/tasks/exit"';

/** containerd's own come first: every version has them, and they say no more than is needed. */
export function eventSources(client: CriClient): readonly EventSource[] {
  return [
    (told, ended) =>
      client.listen(
        subscribe,
        { filters: [filter] },
        {
          told: ({ event }) => {
            const { containerId, id } = decode(TaskExit, event?.value ?? Buffer.alloc(0));
            // Commands that were run in a container end as well, with ids of their own.
            if (id === containerId) told(id);
          },
          ended,
        },
      ),
    (told, ended) =>
      client.listen(
        methods.containerEvents,
        {},
        {
          told: ({ containerId, type }) => {
            if (type === stopped) told(containerId);
          },
          ended,
        },
      ),
  ];
}
