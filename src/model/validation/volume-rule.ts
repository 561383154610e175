// How the rules of one kind of volume are written down.
import type { Volume } from "../volume.ts";
import type { Errors } from "./each.ts";
import { noErrors } from "./each.ts";

export type VolumePlace = {
  /** Of the volume. */
  readonly path: string;
  readonly podName: string | undefined;
  readonly isPod: boolean;
};

export type SourceRule = {
  readonly field: SourceField;
  /** The last part of the path of "may not specify more than 1 volume type"; upstream misspells some. */
  readonly refusedAs: string;
  isPresent(volume: Volume): boolean;
  /** The source's own rules. */
  check(volume: Volume, place: VolumePlace): Errors;
  /** Rules that hold even when another source came first. */
  checkVolume(volume: Volume, place: VolumePlace): Errors;
};

export type SourceField = Exclude<keyof Volume, "name">;

type Options = {
  readonly refusedAs?: string;
  /** What upstream calls the source in paths, where that is not the field's name. */
  readonly pathName?: string;
  checkVolume?(volume: Volume, place: VolumePlace): Errors;
};

export function volumeRule<F extends SourceField>(
  field: F,
  check: (source: NonNullable<Volume[F]>, path: string, place: VolumePlace) => Errors,
  { refusedAs = field, pathName = field, checkVolume = () => noErrors }: Options = {},
): SourceRule {
  return {
    field,
    refusedAs,
    checkVolume,
    isPresent: (volume) => volume[field] !== undefined,
    check: (volume, place) => {
      const source = volume[field];
      return source === undefined ? noErrors : check(source, `${place.path}.${pathName}`, place);
    },
  };
}
