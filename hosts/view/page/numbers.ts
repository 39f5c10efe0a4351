// Numbers as people read them.

/** `31.4 M`. */
export function large(count: number): string {
  const units = ["", " k", " M", " G", " T"];
  let [value, unit] = [count, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return unit === 0 ? `${Math.round(value)}` : `${value.toFixed(value < 10 ? 2 : 1)}${units[unit]}`;
}

export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;

export const milliseconds = (value: number): string => `${value.toFixed(value < 1 ? 3 : 2)} ms`;
