// Dates are written in UTC alone here, yet V8 looks up the machine's time zone to write them, and maps 0.8 MB for that.

function digits(value: number, count: number): string {
  return String(value).padStart(count, "0");
}

/** What Date.prototype.toISOString is specified to answer. Source: ECMA-262, 21.4.1.32 and 21.4.4.36. */
export function isoTime(date: Date): string {
  const year = date.getUTCFullYear();
  if (Number.isNaN(year)) throw new RangeError("Invalid time value");
  const sign = year < 0 ? "-" : "+";
  const writtenYear = year >= 0 && year <= 9999 ? digits(year, 4) : sign + digits(Math.abs(year), 6);
  const day = `${writtenYear}-${digits(date.getUTCMonth() + 1, 2)}-${digits(date.getUTCDate(), 2)}`;
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()]
    .map((part) => digits(part, 2))
    .join(":");
  return `${day}T${time}.${digits(date.getUTCMilliseconds(), 3)}Z`;
}

/** For all of this process. */
export function writeTimesWithoutZones(): void {
  Date.prototype.toISOString = function toISOString() {
    return isoTime(this);
  };
}
