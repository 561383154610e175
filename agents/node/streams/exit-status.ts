// How a command ended, as a Status at the end of its session.
// Source: kubelet pkg/server/remotecommand exec.go, apimachinery NewInternalError.

export const succeeded = { metadata: {}, status: "Success" } as const;

export function statusOfExit(code: number): object {
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(code) }] },
  };
}

/** The command could not be run, or what became of it is not known. */
export function failedStatus(message: string): object {
  return {
    metadata: {},
    status: "Failure",
    message: `Internal error occurred: ${message}`,
    reason: "InternalError",
    details: { causes: [{ message }] },
    code: 500,
  };
}
