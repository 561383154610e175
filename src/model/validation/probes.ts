// Which probes and lifecycle hooks a container may have.
// Source: pkg/apis/core/validation validateProbe, validateHandler, validateLifecycle.

import { forbidden, invalid, invalidForEach, notSupported, required } from "../field-error.ts";
import type { IntOrString } from "../fields.ts";
import type { Lifecycle, LifecycleHandler, Probe } from "../probe.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";
import { validateNotNegative } from "./metadata.ts";
import { httpHeaderName, portName, portNumber } from "./names.ts";

type Handler = Pick<Probe, "exec" | "httpGet" | "tcpSocket" | "grpc"> & Pick<LifecycleHandler, "sleep">;
type HandlerKind = keyof Handler;

const handlerKinds: readonly HandlerKind[] = ["exec", "httpGet", "tcpSocket", "grpc", "sleep"];

type Context = { readonly gracePeriodSeconds: number; readonly path: string };

function validateHandler(handler: Handler, { gracePeriodSeconds, path }: Context): Errors {
  const [first, ...more] = handlerKinds.filter((kind) => handler[kind] !== undefined);
  if (first === undefined) return [required(path, "must specify a handler type")];
  return [
    ...validateAction(handler, first, { gracePeriodSeconds, path: `${path}.${first}` }),
    ...more.map((kind) => forbidden(`${path}.${kind}`, "may not specify more than 1 handler type")),
  ];
}

function validateAction(handler: Handler, kind: HandlerKind, { gracePeriodSeconds, path }: Context): Errors {
  switch (kind) {
    case "exec":
      return handler.exec?.command === undefined ? [required(`${path}.command`)] : noErrors;
    case "httpGet":
      return handler.httpGet === undefined ? noErrors : validateHttpGet(handler.httpGet, path);
    case "tcpSocket":
      return validatePort(handler.tcpSocket?.port ?? 0, `${path}.port`);
    case "grpc":
      return validatePort(handler.grpc?.port ?? 0, `${path}.port`);
    case "sleep":
      return validateSleep(handler.sleep?.seconds ?? 0, { gracePeriodSeconds, path });
  }
}

function validateHttpGet(action: NonNullable<Handler["httpGet"]>, path: string): Errors {
  return [
    ...validatePort(action.port, `${path}.port`),
    ...(action.scheme === "HTTP" || action.scheme === "HTTPS"
      ? []
      : [notSupported(`${path}.scheme`, action.scheme, ["HTTP", "HTTPS"])]),
    ...(action.httpHeaders ?? []).flatMap(({ name }) =>
      invalidForEach(`${path}.httpHeaders`, name, httpHeaderName(name)),
    ),
  ];
}

function validatePort(port: IntOrString, path: string): Errors {
  return invalidForEach(path, port, typeof port === "number" ? portNumber(port) : portName(port));
}

function validateSleep(seconds: number, { gracePeriodSeconds, path }: Context): Errors {
  if (seconds > 0 && seconds <= gracePeriodSeconds) return noErrors;
  const bound = `must be greater than 0 and less than terminationGracePeriodSeconds (${gracePeriodSeconds})`;
  const hint = "Enable AllowPodLifecycleSleepActionZeroValue feature gate for zero sleep.";
  return [invalid(path, seconds, `${bound}. ${hint}`)];
}

export function validateLifecycle(lifecycle: Lifecycle | undefined, { gracePeriodSeconds, path }: Context): Errors {
  if (lifecycle === undefined) return noErrors;
  return (["postStart", "preStop"] as const).flatMap((hook) => {
    const handler = lifecycle[hook];
    if (handler === undefined) return noErrors;
    return validateHandler({ ...handler, grpc: undefined }, { gracePeriodSeconds, path: `${path}.${hook}` });
  });
}

type Probed = {
  readonly livenessProbe?: Probe | undefined;
  readonly readinessProbe?: Probe | undefined;
  readonly startupProbe?: Probe | undefined;
};

/** The three probes of the container at `path`. */
export function validateProbes(container: Probed, { gracePeriodSeconds, path }: Context): Errors {
  const at = (probe: keyof Probed): Context => ({ gracePeriodSeconds, path: `${path}.${probe}` });
  return [
    ...validateLivenessProbe(container.livenessProbe, at("livenessProbe")),
    ...validateReadinessProbe(container.readinessProbe, at("readinessProbe")),
    ...validateLivenessProbe(container.startupProbe, at("startupProbe")),
  ];
}

function validateProbe(probe: Probe, context: Context): Errors {
  const { path } = context;
  const grace = probe.terminationGracePeriodSeconds;
  const seconds = [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ] as const;
  return [
    ...validateHandler({ ...probe, sleep: undefined }, context),
    ...seconds.flatMap((field) => validateNotNegative(probe[field], `${path}.${field}`)),
    ...(grace !== undefined && grace <= 0
      ? [invalid(`${path}.terminationGracePeriodSeconds`, grace, "must be greater than 0")]
      : []),
  ];
}

/** Startup probes have the same rule: one success is success. */
function validateLivenessProbe(probe: Probe | undefined, context: Context): Errors {
  if (probe === undefined) return noErrors;
  const errors = validateProbe(probe, context);
  if (probe.successThreshold === 1) return errors;
  return [...errors, invalid(`${context.path}.successThreshold`, probe.successThreshold, "must be 1")];
}

function validateReadinessProbe(probe: Probe | undefined, context: Context): Errors {
  if (probe === undefined) return noErrors;
  const errors = validateProbe(probe, context);
  const grace = probe.terminationGracePeriodSeconds;
  if (grace === undefined) return errors;
  const path = `${context.path}.terminationGracePeriodSeconds`;
  return [...errors, invalid(path, grace, "must not be set for readinessProbes")];
}
