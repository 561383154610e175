// What of the engine's answers is used. Docker and Podman leave out different things.
// Source: docs.docker.com/reference/api/engine, ContainerSummary, ContainerInspect, ImageInspect, ContainerStats.

type Labels = Readonly<Record<string, string>>;
type Networks = Readonly<Record<string, { readonly IPAddress?: string; readonly GlobalIPv6Address?: string }>>;

export type ListedContainer = {
  readonly Id: string;
  readonly Image: string;
  readonly ImageID: string;
  /** Seconds. */
  readonly Created: number;
  readonly Labels?: Labels | null;
  readonly State: string;
};

export type InspectedContainer = {
  readonly Id: string;
  readonly Created: string;
  /** The image's id. */
  readonly Image: string;
  readonly State: {
    readonly Status: string;
    readonly Running: boolean;
    readonly OOMKilled: boolean;
    readonly Pid: number;
    readonly ExitCode: number;
    readonly Error?: string;
    readonly StartedAt: string;
    readonly FinishedAt: string;
  };
  readonly Config: {
    readonly Image: string;
    readonly Labels?: Labels | null;
    readonly Tty?: boolean;
    /** Podman tells a number. */
    readonly StopSignal?: string | number;
  };
  readonly HostConfig: { readonly Memory?: number; readonly NetworkMode?: string };
  readonly NetworkSettings?: { readonly Networks?: Networks | null };
  /** Only of Podman's: the directory of its monitor is there. */
  readonly OCIConfigPath?: string;
};

export type InspectedImage = {
  readonly Id: string;
  readonly RepoTags?: readonly string[] | null;
  readonly RepoDigests?: readonly string[] | null;
  readonly Size: number;
  readonly Config?: { readonly User?: string } | null;
};

export type EngineStats = {
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } };
  readonly memory_stats?: { readonly usage?: number; readonly stats?: Readonly<Record<string, number>> };
};

export type EngineEvent = {
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Labels };
};

export type InspectedExec = { readonly Running: boolean; readonly ExitCode: number | null; readonly Pid: number };

/** They answer the same questions and do not do all the same. */
export type EngineKind = "docker" | "podman";

export type EngineVersion = {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion?: string;
  readonly Components?: readonly { readonly Name: string }[];
};

export function kindOf({ Components = [] }: EngineVersion): EngineKind {
  return Components.some(({ Name }) => Name.startsWith("Podman")) ? "podman" : "docker";
}

/** The time in milliseconds; undefined for the engine's way of saying never. */
export function timeOf(text: string): number | undefined {
  return text.startsWith("0001-") ? undefined : Date.parse(text);
}

/** Of a container with an address of its own. */
export function addressOf({ NetworkSettings }: InspectedContainer): string | undefined {
  for (const { IPAddress, GlobalIPv6Address } of Object.values(NetworkSettings?.Networks ?? {})) {
    const address = [IPAddress, GlobalIPv6Address].find((text) => text !== undefined && text !== "");
    if (address !== undefined) return address;
  }
  return undefined;
}
