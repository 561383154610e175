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
  oneOf,
  pointer,
  presentOr,
  string,
  strings,
  struct,
  text,
  withDefault,
} from "./fields.ts";

const HTTPHeader = struct(
  core("HTTPHeader"),
  { name: always(string, ""), value: always(string, "") },
  { about: "A header to send with a request.", name: "The name of the header.", value: "The value of the header." },
);

const HTTPGetAction = struct(
  core("HTTPGetAction"),
  {
    path: defaulted(string, "/"),
    port: always(intOrString, 0),
    host: text,
    scheme: defaulted(oneOf("HTTP", "HTTPS"), "HTTP"),
    httpHeaders: list(HTTPHeader),
  },
  {
    about: "An HTTP request. Answers from 200 to 399 count as success.",
    path: "The path to ask for.",
    port: "The port to ask, by number or by the name of one of the container's ports.",
    host: "The host to ask. Empty: the pod's own address.",
    scheme: "HTTP or HTTPS. With HTTPS the certificate is not checked.",
    httpHeaders: "Headers to send along. A name may occur more than once.",
  },
);

const handlers = {
  exec: pointer(
    struct(
      core("ExecAction"),
      { command: strings },
      {
        about: "A command that is run in the container. Exit code 0 is success.",
        command: "The program and its arguments. No shell reads them, unless the program is one.",
      },
    ),
  ),
  httpGet: pointer(HTTPGetAction),
  tcpSocket: pointer(
    struct(
      core("TCPSocketAction"),
      { port: always(intOrString, 0), host: text },
      {
        about: "A connection that is opened. It is a success when somebody accepts it.",
        port: "The port to connect to, by number or by the name of one of the container's ports.",
        host: "The host to connect to. Empty: the pod's own address.",
      },
    ),
  ),
};

const GRPCAction = struct(
  core("GRPCAction"),
  { port: always(int32, 0), service: withDefault(presentOr(string, ""), "") },
  {
    about: "A question to the standard gRPC health service.",
    port: "The number of the port to ask.",
    service: "The name of the service to ask about. Empty: the server as a whole.",
  },
);

export const Probe = struct(
  core("Probe"),
  {
    ...handlers,
    grpc: pointer(GRPCAction),
    initialDelaySeconds: omitempty(int32),
    timeoutSeconds: defaulted(int32, 1),
    periodSeconds: defaulted(int32, 10),
    successThreshold: defaulted(int32, 1),
    failureThreshold: defaulted(int32, 3),
    terminationGracePeriodSeconds: pointer(int64),
  },
  {
    about: "A question that is put to a container again and again, to find out how it is.",
    exec: "Ask by running a command in the container.",
    httpGet: "Ask by an HTTP request.",
    tcpSocket: "Ask by opening a connection.",
    grpc: "Ask by a gRPC health check.",
    initialDelaySeconds: "How many seconds after the start of the container to begin.",
    timeoutSeconds: "After how many seconds without an answer the question counts as failed.",
    periodSeconds: "How many seconds lie between two questions.",
    successThreshold: "How many successes in a row make a failing container well again. 1 for liveness and startup.",
    failureThreshold: "How many failures in a row make a container unwell.",
    terminationGracePeriodSeconds:
      "How long the container may take to end when this probe has it stopped. Absent: as the pod says.",
  },
);
export type Probe = z.output<typeof Probe>;

const LifecycleHandler = struct(
  core("LifecycleHandler"),
  {
    ...handlers,
    sleep: pointer(
      struct(
        core("SleepAction"),
        { seconds: always(int64, 0) },
        { about: "Waiting, and nothing else.", seconds: "How long, in seconds." },
      ),
    ),
  },
  {
    about: "What is done at a point in a container's life. One of these is set.",
    exec: "Run a command in the container.",
    httpGet: "Make an HTTP request.",
    tcpSocket: "Not supported, and kept for old manifests only.",
    sleep: "Wait for some time.",
  },
);
export type LifecycleHandler = z.output<typeof LifecycleHandler>;

export const Lifecycle = struct(
  core("Lifecycle"),
  {
    postStart: pointer(LifecycleHandler),
    preStop: pointer(LifecycleHandler),
  },
  {
    about: "What is done when a container starts and before it is stopped.",
    postStart: "Done right after the container started. When it fails the container is stopped.",
    preStop: "Done before the container is stopped, within the grace period.",
  },
);
export type Lifecycle = z.output<typeof Lifecycle>;
