// How a container is asked whether it is well, and what is run when it starts and stops.
// Source: core/v1 types Probe, Lifecycle and their handlers.
import type * as z from "zod";

import {
  always,
  core,
  defaulted,
  int32,
  int64,
  intOrString,
  list,
  omitempty,
  pointer,
  string,
  strings,
  struct,
  text,
} from "./fields.ts";

const HTTPHeader = struct(core("HTTPHeader"), { name: always(string, ""), value: always(string, "") });

const HTTPGetAction = struct(core("HTTPGetAction"), {
  path: defaulted(string, "/"),
  port: always(intOrString, 0),
  host: text,
  scheme: defaulted(string, "HTTP"),
  httpHeaders: list(HTTPHeader),
});

const handlers = {
  exec: pointer(struct(core("ExecAction"), { command: strings })),
  httpGet: pointer(HTTPGetAction),
  tcpSocket: pointer(struct(core("TCPSocketAction"), { port: always(intOrString, 0), host: text })),
};

const GRPCAction = struct(core("GRPCAction"), { port: always(int32, 0), service: always(string, "") });

export const Probe = struct(core("Probe"), {
  ...handlers,
  grpc: pointer(GRPCAction),
  initialDelaySeconds: omitempty(int32),
  timeoutSeconds: defaulted(int32, 1),
  periodSeconds: defaulted(int32, 10),
  successThreshold: defaulted(int32, 1),
  failureThreshold: defaulted(int32, 3),
  terminationGracePeriodSeconds: pointer(int64),
});
export type Probe = z.output<typeof Probe>;

const LifecycleHandler = struct(core("LifecycleHandler"), {
  ...handlers,
  sleep: pointer(struct(core("SleepAction"), { seconds: always(int64, 0) })),
});
export type LifecycleHandler = z.output<typeof LifecycleHandler>;

export const Lifecycle = struct(core("Lifecycle"), {
  postStart: pointer(LifecycleHandler),
  preStop: pointer(LifecycleHandler),
});
export type Lifecycle = z.output<typeof Lifecycle>;
