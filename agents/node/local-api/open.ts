// The node's API as the command line asks for it.
import { join } from "node:path";

import type { HttpClient } from "../connection/http-client.ts";
import { Seal } from "../host/seal.ts";
import type { NodeOptions } from "../options.ts";
import type { Clock, Log, NodeFacts } from "../ports.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { NodeApi } from "./node-api.ts";

type Parts = {
  readonly client: HttpClient;
  readonly runtime: Runtime;
  readonly nodeFacts: NodeFacts;
  readonly clock: Clock;
  readonly log: Log;
};

/** Undefined where there is to be none, or none can be: pods run all the same. */
export async function openNodeApi(
  options: NodeOptions,
  { client, runtime, nodeFacts, clock, log }: Parts,
): Promise<NodeApi | undefined> {
  const { localApi, stateDirectory } = options;
  if (localApi === null) return undefined;
  try {
    return await NodeApi.open({
      ...options,
      ...localApi,
      hasPodNetworks: !["process", "fake"].includes(runtime.name),
      seal: new Seal(join(stateDirectory, "local-api", "copies-key")),
      client,
      clock,
      log,
      nodeFacts,
    });
  } catch (error) {
    log.warn("the node serves no API to its daemons", { problem: String(error) });
    return undefined;
  }
}
