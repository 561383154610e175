// The columns of wide tables that tell of a pod template.
// Source: pkg/printers/internalversion formatContainers.
import { formatLabelSelector } from "./labels.ts";
import type { KubeObject, LabelSelector } from "./meta.ts";
import type { PodTemplateSpec } from "./pod-spec.ts";
import type { Column } from "./resource.ts";

export function containerColumns<T extends KubeObject>(
  templateOf: (object: T) => PodTemplateSpec,
): readonly Column<T>[] {
  return [
    {
      name: "Containers",
      type: "string",
      priority: 1,
      description: "The names of the pod's containers.",
      cell: (object) =>
        templateOf(object)
          .spec.containers.map(({ name }) => name)
          .join(","),
    },
    {
      name: "Images",
      type: "string",
      priority: 1,
      description: "The images of the pod's containers.",
      cell: (object) =>
        templateOf(object)
          .spec.containers.map(({ image }) => image ?? "")
          .join(","),
    },
  ];
}

export function selectorColumn<T extends KubeObject>(
  selectorOf: (object: T) => LabelSelector | null | undefined,
): Column<T> {
  return {
    name: "Selector",
    type: "string",
    priority: 1,
    description: "Which pods are meant.",
    cell: (object) => formatLabelSelector(selectorOf(object)),
  };
}
