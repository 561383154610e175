// Pods that a node runs by itself, out of manifests in a folder of its own, and what the agent needs of that folder.
import type { PodTemplate } from "../../../src/model/pod-template.ts";

export type StaticPod = {
  /** A digest of the manifest and its place: another content is another pod. */
  readonly uid: string;
  readonly namespace: string;
  /** With the node's at its end, for other nodes may run the same manifest. */
  readonly name: string;
  readonly template: PodTemplate;
  readonly createdAtMs: number;
};

/** Why a manifest is not run, or not as it is written. */
export type ManifestProblem = { readonly file: string; readonly problem: string };

export type StaticPods = {
  /** Resolves when the folder has been read once. */
  load(): Promise<void>;
  /** As the folder was read last; equal pods are the same objects. */
  current(): readonly StaticPod[];
  onChange(listener: () => void): () => void;
  /** Told once, and again when the manifest has changed. */
  onProblem(listener: (problem: ManifestProblem) => void): void;
};

export const mirrorAnnotation = "kubernetes.io/config.mirror";
export const hashAnnotation = "kubernetes.io/config.hash";
export const sourceAnnotation = "kubernetes.io/config.source";

/** By its own uid, which no template of the control plane's can have known. */
export function isStatic({ metadata }: PodTemplate, uid: string): boolean {
  return metadata.annotations?.[hashAnnotation] === uid;
}
