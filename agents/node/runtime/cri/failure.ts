// What a call's error means to the agent.
import type { Failure, FailureReason, Result } from "../runtime.ts";
import { fail, ok } from "../runtime.ts";
import { GrpcError, grpcCodes } from "./grpc.ts";

/** The answer, or why there is none; throws only what is a bug. */
export async function attempt<T>(work: () => Promise<T>): Promise<Result<T>> {
  try {
    return ok(await work());
  } catch (error) {
    return failureOf(error);
  }
}

/** As `attempt`, for what is done already when there is nothing to do it to. */
export async function attemptOnWhatMayBeGone(work: () => Promise<unknown>): Promise<Result<null>> {
  const result = await attempt(work);
  return result.ok || result.reason === "not-found" ? ok(null) : result;
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  return fail(error instanceof GrpcError ? reasonOf(error) : "failed", message);
}

function reasonOf({ code }: GrpcError): FailureReason {
  switch (code) {
    case grpcCodes.notFound:
      return "not-found";
    case grpcCodes.deadlineExceeded:
      return "timeout";
    default:
      return "failed";
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof GrpcError && error.code === grpcCodes.notFound;
}

/** The server is too old to know the call. */
export function isUnimplemented(error: unknown): boolean {
  return error instanceof GrpcError && error.code === grpcCodes.unimplemented;
}

/** Nobody was reached, or nobody answered: what Go's network and HTTP clients call it. */
const unreachable =
  /connection refused|connection reset|connection timed out|no such host|no route to host|network is unreachable|host is down|i\/o timeout|context deadline exceeded|Client\.Timeout exceeded|TLS handshake timeout|server misbehaving|Temporary failure in name resolution|unexpected status .*: 50[234]|: EOF$/;

/** What went wrong with an image, which runtimes say in words alone. */
export function imageFailure(failure: Failure): Failure {
  const { message } = failure;
  if (/invalid reference format|could not parse image reference|invalid image name/i.test(message)) {
    return fail("invalid-image-name", message);
  }
  if (failure.reason === "not-found" || /: not found$|manifest unknown/.test(message))
    return fail("not-found", message);
  if (unreachable.test(message)) return fail("registry-unavailable", message);
  return failure;
}
