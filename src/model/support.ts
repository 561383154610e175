// How far a kind or a field is more than kept: what README's tables of support are made of.

export type Support = {
  /** `refused`: the object is taken, and what would have to act on the field says that it cannot. */
  readonly level: "acted on" | "stored only" | "refused";
  /** What there is to add; may be empty. */
  readonly remark: string;
};

export function actedOn(remark = ""): Support {
  return { level: "acted on", remark };
}

export function storedOnly(remark = ""): Support {
  return { level: "stored only", remark };
}

export function refused(remark = ""): Support {
  return { level: "refused", remark };
}
