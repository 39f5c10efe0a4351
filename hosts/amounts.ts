// Large numbers as people read them, in terminals and on pages.

/** `12.3 MB`, decimal units as file managers show. */
export const bytes = (count: number): string => inUnits(count, [" B", " kB", " MB", " GB", " TB"]);

/** `31.4 M` multiply-adds and the like. */
export const large = (count: number): string => inUnits(count, ["", " k", " M", " G", " T"]);

function inUnits(count: number, units: readonly string[]): string {
  let [value, unit] = [count, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 ? Math.round(value) : value.toFixed(value < 10 ? 2 : 1)}${units[unit]}`;
}
